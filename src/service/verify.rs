//! Checking a proof.

use futures_util::FutureExt as _;

use super::Service;
use super::judge::Judgement;
use super::unit::{Once, Reply, Step};
use crate::auth::{Caller, Grant, rpc};
use crate::domain::device::{Device, State};
use crate::domain::event::{Event, What};
use crate::domain::ids::{DeviceId, Subject};
use crate::domain::proof::{Offered, Verdict};
use crate::domain::refusal::Refusal;
use crate::error::Error;
use crate::store::{Change, Commit};

/// A proof that is offered.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// By whom.
    pub subject: Subject,
    /// Of which device. `None`: whichever it fits.
    pub device: Option<DeviceId>,
    /// The proof.
    pub offered: Offered,
}

/// What became of it.
#[derive(Debug, Clone)]
pub struct Tried {
    /// The answer.
    pub verdict: Verdict,
    /// The device that was named, or that accepted.
    pub device: Option<Device>,
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
        match &attempt.device {
            Some(id) => self.unit(caller, once, move || self.try_device(caller, attempt, id).boxed()).await,
            None => self.unit(caller, once, move || self.try_all(caller, attempt).boxed()).await,
        }
    }

    async fn try_device(
        &self,
        caller: &Caller,
        attempt: &Attempt,
        id: &DeviceId,
    ) -> Result<Step<Tried>, Error> {
        // What commits is written over the version that it was judged from, so a device that was seen
        // earlier will do. What does not commit holds only for the device as it is now.
        if let Some(seen) = self.store.last_seen(&caller.tenant, &attempt.subject, id)
            && let Ok(commit @ Step::Commit(..)) = self.try_as(caller, attempt, &seen)
        {
            return Ok(commit);
        }
        let device = self.existing(caller, &attempt.subject, id).await?;
        self.try_as(caller, attempt, &device)
    }

    fn try_as(&self, caller: &Caller, attempt: &Attempt, device: &Device) -> Result<Step<Tried>, Error> {
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
            |kind| kind.is_plausible(device, &attempt.offered),
            |kind, secret, cx| Ok(kind.judge(device, secret, &attempt.offered, cx)?),
        )?;
        step(device, judgement, Change::Progress)
    }

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
        self.unit(caller, once, move || {
            async move {
                let device = self.existing(caller, &attempt.subject, id).await?;
                if device.state != State::Pending {
                    return Err(Refusal::DeviceState { state: device.state }.into());
                }
                let now = self.clock.now();
                let mut judgement = self.judge(
                    caller,
                    &device,
                    now,
                    |kind| kind.is_plausible(&device, &attempt.offered),
                    |kind, secret, cx| Ok(kind.judge(&device, secret, &attempt.offered, cx)?),
                )?;
                if let Judgement::Counted { verdict: Verdict::Accepted, next, events } = &mut judgement {
                    next.state = State::Active;
                    next.confirmed_at = Some(now);
                    next.expires_at = None;
                    events.push(Event::of(&device, What::DeviceConfirmed, &caller.name, now));
                }
                step(&device, judgement, Change::Rewrite)
            }
            .boxed()
        })
        .await
    }
}

/// A device that answers nothing now.
pub(super) fn unavailable(device: Device) -> Step<Tried> {
    Step::Answer(Tried { verdict: Verdict::Unavailable, device: Some(device) })
}

/// What follows from a judgement of a device that was named.
pub(super) fn step(
    device: &Device,
    judgement: Judgement,
    change: impl FnOnce(Box<Device>) -> Change,
) -> Result<Step<Tried>, Error> {
    match judgement {
        Judgement::Uncounted(verdict) => Ok(Step::Answer(Tried { verdict, device: Some(device.clone()) })),
        Judgement::Counted { verdict, next, events } => {
            let tried = Tried { verdict, device: Some((*next).clone()) };
            Ok(Step::Commit(commit(events)?.change(change(next)), tried))
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
