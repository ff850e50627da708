//! Reading, removing, resynchronizing and unlocking devices.

use std::cmp::Reverse;

use futures_util::FutureExt as _;

use super::guard::{Guarded, wanted};
use super::unit::{Once, Reply, Step};
use super::verify::{Tried, step, unavailable};
use super::{Service, opening};
use crate::auth::{Grant, rpc};
use crate::domain::context::Context;
use crate::domain::device::{Device, Failures, State};
use crate::domain::event::{Event, What};
use crate::domain::ids::{DeviceId, Subject};
use crate::domain::kind::Kind;
use crate::domain::moment::Moment;
use crate::domain::proof::{Offered, Verdict};
use crate::domain::refusal::Refusal;
use crate::error::Error;
use crate::kinds;
use crate::service::judge::Judgement;
use crate::store::{Change, Commit, Revoked, Standing};

/// Which devices to list.
#[derive(Debug, Clone)]
pub struct Listing {
    /// Whose.
    pub subject: Subject,
    /// In these states.
    pub states: Vec<State>,
    /// Of these kinds. Empty: of all.
    pub kinds: Vec<Kind>,
}

/// Consecutive codes of a device that lost step.
#[derive(Debug, Clone)]
pub struct ResyncAttempt {
    /// Whose.
    pub subject: Subject,
    /// Which.
    pub device: DeviceId,
    /// Two or three, in order.
    pub codes: Vec<Offered>,
}

/// Which device to remove.
#[derive(Debug, Clone)]
pub struct Removal {
    /// Whose.
    pub subject: Subject,
    /// Which.
    pub device: DeviceId,
    /// Where. `None`: it is an operator's call.
    pub context: Option<Context>,
}

/// With a device that is used no more goes its evidence, and with it every client: what was trusted while the
/// device was there is not without it. Evidence of the device that the commit uses up must be used up before: what is
/// revoked cannot be.
pub(super) fn weakened(commit: Commit, device: &Device, now: Moment) -> Commit {
    if device.state == State::Pending {
        return commit;
    }
    commit.change(Change::Revoke(Revoked::Device(device.id.clone()), now)).change(Change::ForgetAll)
}

/// Puts devices in the order in which they should be offered: preferred first, then the most recently
/// used, then the oldest.
pub(super) fn in_order(devices: &mut [Device]) {
    devices.sort_by(|a, b| {
        let key = |d: &Device| (Reverse(d.preferred), Reverse(d.used_at), d.created_at);
        key(a).cmp(&key(b)).then_with(|| a.id.cmp(&b.id))
    });
}

impl Service {
    /// Reads one device.
    ///
    /// # Errors
    /// It is not there, or the database does not answer.
    pub async fn device(
        &self,
        grant: &Grant<rpc::GetDevice>,
        subject: &Subject,
        id: &DeviceId,
    ) -> Result<Device, Error> {
        self.existing(grant.caller(), subject, id).await
    }

    /// Lists a subject's devices in the order in which they should be offered.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn devices(
        &self,
        grant: &Grant<rpc::ListDevices>,
        listing: &Listing,
    ) -> Result<Vec<Device>, Error> {
        let (_, mut devices) = self.devices_of(&grant.caller().tenant, &listing.subject).await?;
        let now = self.clock.now();
        devices.retain(|device| {
            !device.is_expired(now)
                && listing.states.contains(&device.state)
                && (listing.kinds.is_empty() || listing.kinds.contains(&device.kind))
        });
        in_order(&mut devices);
        Ok(devices)
    }

    /// Removes a device for good.
    ///
    /// # Errors
    /// It is not there, or the database does not answer.
    pub async fn delete(
        &self,
        grant: &Grant<rpc::DeleteDevice>,
        removal: &Removal,
        once: Option<Once<()>>,
    ) -> Result<Reply<()>, Error> {
        let caller = grant.caller();
        let Removal { subject, device: id, context } = removal;
        let context = context.as_ref();
        self.unit(caller, subject, once, move |_| {
            async move {
                let now = self.clock.now();
                let standing = self.standing_of(&caller.tenant, subject, wanted(context, now)).await?;
                let Standing { state, devices, .. } = &standing;
                let device = devices
                    .iter()
                    .find(|device| device.id == *id && !device.is_expired(now))
                    .ok_or(Refusal::DeviceNotFound)?;
                // A stranger learns no more than that there is such a device.
                let consequences = self.guard(caller, Guarded::Remove, context, &standing, now).await?;
                let commit = Commit::new(Event::of(device, What::DeviceDeleted, &caller.name, now))
                    .change(Change::Subject(opening::closed(if devices.len() == 1 {
                        state.bereft(now)
                    } else {
                        state.successor()
                    })))
                    .change(Change::Delete(Box::new(device.clone())));
                let about = |what| Event::about(&caller.tenant, subject, what, &caller.name, now);
                let commit = consequences.added_to(commit, &about, &standing, now);
                Ok(Step::Commit(weakened(commit, device, now), ()))
            }
            .boxed()
        })
        .await
    }

    /// Finds a device again that ran out of its window (RFC 4226, 7.4).
    ///
    /// # Errors
    /// It is not there, not active, or of a kind that has no step to lose; the database does not answer.
    pub async fn resync(
        &self,
        grant: &Grant<rpc::ResyncDevice>,
        attempt: &ResyncAttempt,
        once: Option<Once<Tried>>,
    ) -> Result<Reply<Tried>, Error> {
        let caller = grant.caller();
        self.judged(caller, &attempt.subject, once, move |may| {
            async move {
                let device = self.existing(caller, &attempt.subject, &attempt.device).await?;
                match device.state {
                    State::Active => {}
                    State::Pending => return Err(Refusal::DeviceState { state: device.state }.into()),
                    State::Suspended | State::Locked => return Ok(unavailable(device)),
                }
                if kinds::known(&device.kind).is_some_and(|kind| !kind.info().loses_step) {
                    return Err(Refusal::DeviceKind { kind: device.kind }.into());
                }
                let now = self.clock.now();
                let mut judgement = self.judge(
                    caller,
                    &device,
                    now,
                    may,
                    |state| attempt.codes.iter().all(|code| state.could_accept(code)),
                    |state, secret, cx| {
                        let judged = state.resync(secret, &attempt.codes, cx)?;
                        judged.ok_or_else(|| Refusal::DeviceKind { kind: device.kind.clone() }.into())
                    },
                )?;
                if let Judgement::Counted { verdict: Verdict::Accepted, events, .. } = &mut judgement {
                    events.push(Event::of(&device, What::DeviceResynced, &caller.name, now));
                }
                step(&device, judgement, Change::Progress)
            }
            .boxed()
        })
        .await
    }

    /// Clears a device's failures, and those booked on its subject. A device that was used while the clock was ahead
    /// accepts current codes again, and none that it accepted before.
    ///
    /// # Errors
    /// It is not there, or the database does not answer.
    pub async fn unlock(
        &self,
        grant: &Grant<rpc::UnlockDevice>,
        subject: &Subject,
        id: &DeviceId,
        once: Option<Once<Device>>,
    ) -> Result<Reply<Device>, Error> {
        let caller = grant.caller();
        self.unit(caller, subject, once, move |_| {
            async move {
                let (state, devices) = self.devices_of(&caller.tenant, subject).await?;
                let now = self.clock.now();
                let device = devices
                    .into_iter()
                    .find(|device| device.id == *id && !device.is_expired(now))
                    .ok_or(Refusal::DeviceNotFound)?;
                let clear = Failures::default();
                let has_failures =
                    device.failures != clear || state.failures != clear || device.state == State::Locked;
                let set_back = kinds::state(&device)?.map_or(Ok(None), |state| state.set_back(now))?;
                let mut next = device.successor();
                next.failures = clear;
                if next.state == State::Locked {
                    next.state = State::Active;
                }
                let event = |what| Event::of(&device, what, &caller.name, now);
                let unlocked = event(What::DeviceUnlocked)
                    .with("failures", device.failures.count)
                    .with("subject_failures", state.failures.count);
                let commit = match (set_back, has_failures) {
                    (None, false) => return Ok(Step::Answer(device)),
                    (None, true) => Commit::new(unlocked),
                    (Some(detail), _) => {
                        next.detail = detail;
                        let commit = Commit::new(event(What::DeviceSetBack));
                        if has_failures { commit.event(unlocked) } else { commit }
                    }
                };
                let commit = commit
                    .change(Change::Subject(state.cleared(true, now)))
                    .change(Change::Rewrite(Box::new(next.clone())));
                Ok(Step::Commit(commit, next))
            }
            .boxed()
        })
        .await
    }
}
