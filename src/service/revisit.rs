//! Decisions of an answer that was kept for a request id. The verdict of the answer stays: the proof is used up. A
//! decision lets somebody in, so a retry repeats it only while the evidence that it rests on counts. After a revocation,
//! a sign-out, or the removal or lock of a device it is taken anew.
//!
//! A retry never changes anything. Nothing records what it decides, so if it used evidence up, each retry could use up
//! another piece. A decision taken anew therefore counts the evidence for the transaction that the first answer used up,
//! and no other.

use super::Service;
use super::evaluate::{Decisions, Joint, Question};
use super::planning::{Patience, Unanswered};
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
use crate::error::Error;
use crate::store::{Standing, Wanted};

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
        let decide = |patience| self.unless_kept_with(patience, caller, subject, context, question, kept);
        self.planners.ask(caller, None, decide).await
    }

    async fn unless_kept_with(
        &self,
        patience: Patience,
        caller: &Caller,
        subject: &Subject,
        context: &Context,
        question: &Question,
        kept: &Kept,
    ) -> Result<Option<Decisions>, Unanswered> {
        let now = self.clock.now();
        let standing = self.standing_of(&caller.tenant, subject, Wanted::Here(context, now)).await?;
        if kept.holds(&standing, context, now) {
            return Ok(None);
        }
        let evidence = standing.evidence.iter().filter_map(|one| kept.usable(one)).collect();
        let standing = Standing { evidence, ..standing };
        match self.decide_anew(patience, caller, &standing, context, question, now).await {
            // An error would lose the kept verdict, which is still true.
            Err(Unanswered::Failed(Error::Refused(Refusal::RequirementNotFound { .. }))) => {
                Ok(Some(undecidable(question)))
            }
            decided => decided.map(Some),
        }
    }

    /// The decisions by what counts now. They change nothing.
    async fn decide_anew(
        &self,
        patience: Patience,
        caller: &Caller,
        standing: &Standing,
        context: &Context,
        question: &Question,
        now: Moment,
    ) -> Result<Decisions, Unanswered> {
        let scene = self.scene(caller, standing, context, &question.capabilities, now)?;
        let (mut decisions, consequences) = self.answer(caller, &scene, question, patience).await?;
        if consequences.graced {
            // The grace has not begun, and only a commit begins it.
            let joint = match &mut decisions.joint {
                Joint::Decided(joint) => Some(joint),
                Joint::None | Joint::TooComplex => None,
            };
            decisions.each.iter_mut().chain(joint).for_each(|one| one.grace_until = None);
        }
        Ok(decisions)
    }
}

impl Kept {
    /// True if each kept decision still holds: its evidence counts, and its time is not over.
    fn holds(&self, standing: &Standing, context: &Context, now: Moment) -> bool {
        // A grace rests on the absence of a device, which no evidence shows: so it is decided anew.
        if self.has_grace || self.until.iter().any(|until| *until <= now) {
            return false;
        }
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
        self.evidence.iter().all(|id| {
            let found = standing.evidence.iter().find(|one| one.id == *id);
            found.and_then(|one| self.usable(one)).is_some_and(|one| counts(&one, &asked).is_ok())
        })
    }

    /// The evidence as a retry may count it. If a kept decision rests on evidence that is used up, that decision used
    /// it: it still counts. `None`: it would have to be used up now.
    fn usable(&self, evidence: &Evidence) -> Option<Evidence> {
        let is_usable = self.evidence.contains(&evidence.id) || !evidence.is_for_transaction();
        is_usable.then(|| Evidence { used_up: false, ..evidence.clone() })
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
    let joint = if each.len() > 1 { Joint::Decided(decided("")) } else { Joint::None };
    Decisions { each, joint }
}
