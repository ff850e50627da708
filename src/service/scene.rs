//! All that a decision depends on, as it is at one moment: how the subject stands, where it is asked, and by what
//! rules.

use std::borrow::Cow;
use std::sync::Arc;

use super::Service;
use crate::assurance::candidate::{Availability, Candidate};
use crate::assurance::counting::Asked;
use crate::assurance::decide::Situation;
use crate::assurance::rulebook::Rulebook;
use crate::assurance::steps::Steps;
use crate::auth::Caller;
use crate::domain::context::Context;
use crate::domain::device::{Device, State};
use crate::domain::evidence::Evidence;
use crate::domain::ids::{ClientId, DeviceId, EvidenceId};
use crate::domain::kind::Capability;
use crate::domain::method::Method;
use crate::domain::moment::Moment;
use crate::domain::policy::Policy;
use crate::error::Error;
use crate::kinds;
use crate::store::Standing;

/// A moment of a subject.
#[derive(Clone)]
pub(super) struct Scene<'a> {
    pub(super) book: Arc<Rulebook>,
    pub(super) standing: &'a Standing,
    pub(super) now: Moment,
    pub(super) context: &'a Context,
    client: Option<ClientId>,
    /// Owned only where it differs from that of the standing.
    evidence: Cow<'a, [Evidence]>,
    active: Vec<DeviceId>,
    candidates: Vec<Candidate>,
}

impl Service {
    /// The moment of a subject that stands so.
    pub(super) fn scene<'a>(
        &self,
        caller: &Caller,
        standing: &'a Standing,
        context: &'a Context,
        capabilities: &[Capability],
        now: Moment,
    ) -> Result<Scene<'a>, Error> {
        let book = self.rulebook();
        let policy = self.policy(caller);
        let mut candidates = Vec::with_capacity(standing.devices.len());
        for device in &standing.devices {
            candidates.extend(candidate(device, policy, capabilities, now)?);
        }
        candidates.extend(Candidate::externals(book.vocabulary()));
        let active = standing.devices.iter().filter(|device| device.state == State::Active);
        Ok(Scene {
            standing,
            now,
            context,
            client: standing.recognised(context, now).map(|client| client.id.clone()),
            evidence: Cow::Borrowed(&standing.evidence),
            active: active.map(|device| device.id.clone()).collect(),
            candidates,
            book,
        })
    }
}

impl Scene<'_> {
    /// As if that had been proved as well.
    #[must_use]
    pub(super) fn with(mut self, evidence: &Evidence) -> Self {
        self.evidence.to_mut().push(evidence.clone());
        self
    }

    /// As if those pieces of evidence had been used up.
    #[must_use]
    pub(super) fn without(&self, spent: &[EvidenceId]) -> Self {
        let left = self.evidence.iter().filter(|evidence| !spent.contains(&evidence.id));
        Self { evidence: left.cloned().collect(), ..self.clone() }
    }

    /// The arguments of a decision that may take these steps.
    pub(super) fn situation<'s>(&'s self, steps: &'s Steps) -> Situation<'s> {
        let asked = Asked {
            session: self.context.session.as_ref(),
            client: self.client.as_ref(),
            transaction: self.context.transaction,
            now: self.now,
            epoch: self.standing.state.epoch,
            active_devices: &self.active,
        };
        let Self { evidence, candidates, book, .. } = self;
        Situation { asked, evidence, candidates, vocabulary: book.vocabulary(), steps }
    }
}

/// What a device could still prove. `None`: nothing, and not later either.
fn candidate(
    device: &Device,
    policy: &Policy,
    capabilities: &[Capability],
    now: Moment,
) -> Result<Option<Candidate>, Error> {
    let Some(kind) = kinds::known(&device.kind) else { return Ok(None) };
    let (info, state) = (kind.info(), kinds::state(device)?);
    if state.is_some_and(|state| state.remaining() == Some(0)) {
        return Ok(None);
    }
    let is_able = capabilities.is_empty() || capabilities.contains(&info.capability);
    let availability = match (device.state, policy.throttle.retry_at(device.failures, now)) {
        (State::Pending, _) => return Ok(None),
        (State::Suspended, _) => Availability::Suspended,
        (State::Locked, _) => Availability::Locked,
        (State::Active, _) if state.is_none() => Availability::NewerRelease,
        (State::Active, _) if !is_able => Availability::ClientCannot,
        (State::Active, Some(until)) => Availability::Throttled { until },
        (State::Active, None) => Availability::Now,
    };
    Ok(Some(Candidate {
        preferred: device.preferred,
        used_at: device.used_at,
        availability,
        ..Candidate::new(Method::device(device.kind.clone(), device.id.clone()), info.strength(), info.effort)
    }))
}
