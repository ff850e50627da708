//! Decisions of an answer that was kept for a request id. The verdict of the answer stays: the proof is used up. A
//! decision lets somebody in, so a retry repeats it only while the evidence that it rests on counts. After a revocation,
//! a sign-out, or the removal or lock of a device it is taken anew.

use futures_util::FutureExt as _;

use super::Service;
use super::evaluate::{Decisions, Question};
use super::unit::Reply;
use super::verify::Attempt;
use crate::assurance::counting::{Asked, counts};
use crate::auth::{Caller, Grant, rpc};
use crate::domain::context::Context;
use crate::domain::decision::{Decided, Decision};
use crate::domain::device::State;
use crate::domain::evidence::Evidence;
use crate::domain::ids::{DeviceId, EvidenceId, Subject};
use crate::domain::moment::Moment;
use crate::domain::refusal::Refusal;
use crate::error::{Error, Fault};
use crate::store::Wanted;

/// The basis of the decisions of a kept answer.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// The evidence of the satisfied decisions.
    pub evidence: Vec<EvidenceId>,
    /// The end of each satisfied decision.
    pub until: Vec<Moment>,
    /// True if a decision grants a grace.
    pub has_grace: bool,
}

impl Service {
    /// The decisions of an Evaluate that was answered before, if they have to be taken anew.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn revisit(
        &self,
        grant: &Grant<rpc::Evaluate>,
        subject: &Subject,
        context: &Context,
        question: &Question,
        kept: &Kept,
    ) -> Result<Option<Decisions>, Error> {
        self.unless_kept(grant.caller(), subject, context, question, kept).await
    }

    /// The decisions of a Verify that was answered before, if they have to be taken anew.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn revisit_verify(
        &self,
        grant: &Grant<rpc::Verify>,
        attempt: &Attempt,
        kept: &Kept,
    ) -> Result<Option<Decisions>, Error> {
        let Attempt { subject, question, .. } = attempt;
        self.unless_kept(grant.caller(), subject, attempt.context(), question, kept).await
    }

    async fn unless_kept(
        &self,
        caller: &Caller,
        subject: &Subject,
        context: &Context,
        question: &Question,
        kept: &Kept,
    ) -> Result<Option<Decisions>, Error> {
        if self.still_counts(caller, subject, context, kept).await? {
            return Ok(None);
        }
        let plan = || self.decide_now(caller, subject, context, question).boxed();
        match self.unit(caller, None, plan).await {
            Ok(Reply::Fresh(decisions)) => Ok(Some(decisions)),
            Ok(Reply::Again(_)) => Err(Fault::internal("deciding anew", "there was no request id").into()),
            // An error would lose the kept verdict, which is still true.
            Err(Error::Refused(Refusal::RequirementNotFound { .. })) => Ok(Some(undecidable(question))),
            Err(error) => Err(error),
        }
    }

    async fn still_counts(
        &self,
        caller: &Caller,
        subject: &Subject,
        context: &Context,
        kept: &Kept,
    ) -> Result<bool, Error> {
        let now = self.clock.now();
        // A grace rests on the absence of a device, which no evidence shows: so it is decided anew.
        if kept.has_grace || kept.until.iter().any(|until| *until <= now) {
            return Ok(false);
        }
        let standing = self.standing_of(&caller.tenant, subject, Wanted::Here(context, now)).await?;
        let active = standing.devices.iter().filter(|device| device.state == State::Active);
        let active_devices: &[DeviceId] = &active.map(|device| device.id.clone()).collect::<Vec<_>>();
        let asked = Asked {
            session: context.session.as_ref(),
            client: standing.recognised(context, now).map(|client| &client.id),
            transaction: context.transaction,
            now,
            epoch: standing.state.epoch,
            active_devices,
        };
        // If evidence of a kept decision is used up, that decision used it: it still counts for it.
        let does_count = |one: &Evidence| counts(&Evidence { used_up: false, ..one.clone() }, &asked).is_ok();
        Ok(kept.evidence.iter().all(|id| {
            let found = standing.evidence.iter().find(|one| one.id == *id);
            found.is_some_and(does_count)
        }))
    }
}

/// The decisions where a requirement of the question is no longer configured.
fn undecidable(question: &Question) -> Decisions {
    let decided = |requirement: &str| {
        let reason = "the requirements have changed since this was answered: ask again";
        Decided {
            requirement: requirement.to_owned(),
            applied: Vec::new(),
            any_device_retry_at: None,
            revision: String::new(),
            decision: Decision::Unavailable { reason: reason.to_owned(), retry_at: None },
            grace_until: None,
            explanation: format!("unavailable: {reason}"),
        }
    };
    let each: Vec<_> = question.requirements.iter().map(|name| decided(name)).collect();
    let joint = (each.len() > 1).then(|| decided(""));
    Decisions { each, joint }
}
