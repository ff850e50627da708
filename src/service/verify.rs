//! Checking a proof.

use futures_util::FutureExt as _;

use super::Service;
use super::evaluate::{Decisions, Question};
use super::judge::Judgement;
use super::own_replay::OWN_REPLAY;
use super::unit::{May, Once, Reply, Step};
use crate::auth::{Caller, Grant, rpc};
use crate::domain::context::{Context, NOWHERE, Reach};
use crate::domain::device::{Device, State};
use crate::domain::event::Event;
use crate::domain::evidence::Evidence;
use crate::domain::ids::{DeviceId, Subject};
use crate::domain::proof::{Offered, Reject, Verdict};
use crate::domain::refusal::Refusal;
use crate::error::Error;
use crate::store::{Change, Commit, Standing, Wanted};

/// A proof that is offered.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// By whom.
    pub subject: Subject,
    /// Of which device. `None`: whichever it fits.
    pub device: Option<DeviceId>,
    /// The proof.
    pub offered: Offered,
    /// Where. `None`: nowhere; to confirm a device, it is an operator's call.
    pub context: Option<Context>,
    /// How far the evidence is to reach.
    pub reach: Reach,
    /// What to decide with it.
    pub question: Question,
}

/// What became of it.
#[derive(Debug, Clone)]
pub struct Tried {
    /// The answer.
    pub verdict: Verdict,
    /// The device that was named, or that accepted.
    pub device: Option<Device>,
    /// What is now proved, where it was accepted.
    pub evidence: Option<Evidence>,
    /// What was to be decided with it.
    pub decisions: Option<Decisions>,
}

impl Attempt {
    /// Where.
    pub(super) fn context(&self) -> &Context {
        self.context.as_ref().unwrap_or(&NOWHERE)
    }

    /// Whether more of the subject must be read than the device.
    fn asks_for_more(&self) -> bool {
        self.context().client.is_some() || !self.question.requirements.is_empty()
    }
}

impl Tried {
    /// A verdict on a device, and nothing more.
    pub(super) fn of(verdict: Verdict, device: Option<Device>) -> Self {
        Self { verdict, device, evidence: None, decisions: None }
    }
}

impl Service {
    /// Checks a proof and uses it up.
    ///
    /// # Errors
    /// The device is not there or not confirmed; the database does not answer.
    pub async fn verify(
        &self,
        grant: &Grant<rpc::Verify>,
        attempt: &Attempt,
        once: Option<Once<Tried>>,
    ) -> Result<Reply<Tried>, Error> {
        let caller = grant.caller();
        let subject = &attempt.subject;
        match &attempt.device {
            Some(id) => {
                self.judged(caller, subject, once, move |may| {
                    self.try_device(caller, attempt, id, may).boxed()
                })
                .await
            }
            None => {
                self.judged(caller, subject, once, move |may| self.try_all(caller, attempt, may).boxed())
                    .await
            }
        }
    }

    async fn try_device(
        &self,
        caller: &Caller,
        attempt: &Attempt,
        id: &DeviceId,
        may: May,
    ) -> Result<Step<Tried>, Error> {
        self.check_question(attempt)?;
        if attempt.asks_for_more() {
            let now = self.clock.now();
            let wanted = Wanted::Here(attempt.context(), now);
            let standing = self.standing_of(&caller.tenant, &attempt.subject, wanted).await?;
            let device = standing.devices.iter().find(|device| device.id == *id && !device.is_expired(now));
            let device = device.ok_or(Refusal::DeviceNotFound)?;
            return self.try_as(caller, attempt, device, Some(&standing), may).await;
        }
        // What commits is written over the version that it was judged from, so a device that was seen
        // earlier will do. What does not commit holds only for the device as it is now.
        if let Some(seen) = self.store.last_seen(&caller.tenant, &attempt.subject, id)
            && let Ok(step @ (Step::Commit(..) | Step::Judge)) =
                self.try_as(caller, attempt, &seen, None, may).await
        {
            return Ok(step);
        }
        let device = self.existing(caller, &attempt.subject, id).await?;
        self.try_as(caller, attempt, &device, None, may).await
    }

    /// Refuses a question with an unknown requirement, before a code is used up for it.
    pub(super) fn check_question(&self, attempt: &Attempt) -> Result<(), Refusal> {
        Self::requirements_of(&self.rulebook(), &attempt.question).map(drop)
    }

    async fn try_as(
        &self,
        caller: &Caller,
        attempt: &Attempt,
        device: &Device,
        standing: Option<&Standing>,
        may: May,
    ) -> Result<Step<Tried>, Error> {
        match device.state {
            State::Active => {}
            State::Pending => return Err(Refusal::DeviceState { state: device.state }.into()),
            State::Suspended | State::Locked => return Ok(unavailable(device.clone())),
        }
        let now = self.clock.now();
        let judgement = self.judge(
            caller,
            device,
            now,
            may,
            |state| state.could_accept(&attempt.offered),
            |state, secret, cx| Ok(state.judge(secret, &attempt.offered, cx)?),
        )?;
        match judgement {
            Judgement::Counted { verdict: Verdict::Accepted, next, events } => {
                let change = Change::Progress(next.clone());
                let commit = commit(events)?.change(change);
                self.prove(caller, attempt, *next, standing, now, commit).await
            }
            Judgement::Counted { verdict: Verdict::Rejected { reason: Reject::Replayed, .. }, .. }
                if self.is_own_replay(caller, attempt, device, now).await? =>
            {
                Ok(Step::Answer(Tried::of(OWN_REPLAY, Some(device.clone()))))
            }
            other => step(device, other, Change::Progress),
        }
    }
}

/// A device that answers nothing now.
pub(super) fn unavailable(device: Device) -> Step<Tried> {
    Step::Answer(Tried::of(Verdict::Unavailable, Some(device)))
}

/// What follows from a judgement of a device that was named.
pub(super) fn step(
    device: &Device,
    judgement: Judgement,
    change: impl FnOnce(Box<Device>) -> Change,
) -> Result<Step<Tried>, Error> {
    match judgement {
        Judgement::Pending => Ok(Step::Judge),
        Judgement::Uncounted(verdict) => Ok(Step::Answer(Tried::of(verdict, Some(device.clone())))),
        Judgement::Counted { verdict, next, events } => {
            let tried = Tried::of(verdict, Some((*next).clone()));
            let mut commit = commit(events)?;
            if next.state == State::Locked {
                // The device's evidence no longer counts: what is committed after this must not rest on it.
                commit = commit.change(Change::MoveSubject);
            }
            Ok(Step::Commit(commit.change(change(next)), tried))
        }
    }
}

/// A commit that says all that.
pub(super) fn commit(events: Vec<Event>) -> Result<Commit, Error> {
    let mut events = events.into_iter();
    let first = events.next().ok_or_else(|| {
        crate::error::Fault::internal("making a commit", "nothing is said to have happened")
    })?;
    Ok(events.fold(Commit::new(first), Commit::event))
}
