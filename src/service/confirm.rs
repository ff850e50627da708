//! Proving a device for the first time.

use futures_util::FutureExt as _;

use super::guard::{Guarded, wanted};
use super::judge::Judgement;
use super::unit::{May, Once, Reply, Step};
use super::verify::{Attempt, Tried, commit, step};
use super::{Service, opening};
use crate::auth::{Caller, Grant, rpc};
use crate::domain::device::{Device, State, SubjectState};
use crate::domain::event::{Event, What};
use crate::domain::ids::DeviceId;
use crate::domain::proof::Verdict;
use crate::domain::refusal::Refusal;
use crate::error::Error;
use crate::store::Change;

impl Service {
    /// Proves that the user holds a pending device, and activates it.
    ///
    /// # Errors
    /// The device is not there or not pending; the database does not answer.
    pub async fn confirm(
        &self,
        grant: &Grant<rpc::ConfirmDevice>,
        attempt: &Attempt,
        id: &DeviceId,
        once: Option<Once<Tried>>,
    ) -> Result<Reply<Tried>, Error> {
        let caller = grant.caller();
        let subject = &attempt.subject;
        self.judged(caller, subject, once, move |may| self.try_pending(caller, attempt, id, may).boxed())
            .await
    }

    async fn try_pending(
        &self,
        caller: &Caller,
        attempt: &Attempt,
        id: &DeviceId,
        may: May,
    ) -> Result<Step<Tried>, Error> {
        let now = self.clock.now();
        let context = attempt.context.as_ref();
        let standing = self.standing_of(&caller.tenant, &attempt.subject, wanted(context, now)).await?;
        let device = standing.devices.iter().find(|device| device.id == *id && !device.is_expired(now));
        let device = device.ok_or(Refusal::DeviceNotFound)?;
        if device.state != State::Pending {
            return Err(Refusal::DeviceState { state: device.state }.into());
        }
        // A device that was enrolled before the subject had another becomes one more when it is confirmed.
        let consequences = self.guard(caller, Guarded::Enroll, context, &standing, now).await?;
        let judgement = self.judge(
            caller,
            device,
            now,
            may,
            |state| state.could_accept(&attempt.offered),
            |state, secret, cx| Ok(state.judge(secret, &attempt.offered, cx)?),
        )?;
        let Judgement::Counted { verdict: Verdict::Accepted, next, events } = judgement else {
            return step(device, judgement, Change::Rewrite);
        };
        let next =
            Device { state: State::Active, confirmed_at: Some(now), expires_at: None, ..(*next).clone() };
        let confirmed = Event::of(device, What::DeviceConfirmed, &caller.name, now);
        let mut commit = commit(events)?.event(confirmed).change(Change::Rewrite(Box::new(next.clone())));
        // Over the subject: nobody enrolls beside it what was let in because there was no device yet.
        let enrolled_at = standing.state.enrolled_at.or(Some(now));
        let opening = opening::begun(&standing, context, now);
        let mut state = SubjectState { enrolled_at, opening, ..standing.state.successor() };
        if state.failures.count > 0 {
            // Failures from before it was confirmed were no guesses at this device.
            state.forgiven.insert(next.id.clone(), state.failures.count);
        }
        commit = commit.change(Change::Subject(state));
        let about = |what| Event::about(&caller.tenant, &attempt.subject, what, &caller.name, now);
        commit = consequences.added_to(commit, &about, &standing, now);
        self.prove(caller, attempt, next, Some(&standing), now, commit).await
    }
}
