//! Changing a device: its name, its preference, its suspension.

use futures_util::FutureExt as _;

use super::device::weakened;
use super::evaluate::Consequences;
use super::guard::{Guarded, wanted};
use super::unit::{Once, Reply, Step};
use super::{Service, opening};
use crate::auth::{Grant, rpc};
use crate::domain::context::Context;
use crate::domain::device::{Device, State};
use crate::domain::event::{Event, What};
use crate::domain::ids::{DeviceId, DeviceName, Subject};
use crate::domain::policy::Policy;
use crate::domain::refusal::Refusal;
use crate::error::Error;
use crate::store::{Change, Commit, Standing};

/// What is to be changed.
#[derive(Debug, Clone)]
pub struct DeviceUpdate {
    /// Whose.
    pub subject: Subject,
    /// Which.
    pub device: DeviceId,
    /// A new name.
    pub name: Option<DeviceName>,
    /// Offer it first, or no longer.
    pub preferred: Option<bool>,
    /// Set aside, or resume.
    pub suspended: Option<bool>,
    /// The version that it must be at, as [`Device::version`].
    pub version: Option<i64>,
    /// Where. `None`: it is an operator's call.
    pub context: Option<Context>,
}

impl Service {
    /// Changes a device.
    ///
    /// # Errors
    /// It is not there, it has changed, the name is taken, or it is not in a state for this; the database
    /// does not answer.
    pub async fn update(
        &self,
        grant: &Grant<rpc::UpdateDevice>,
        update: &DeviceUpdate,
        once: Option<Once<Device>>,
    ) -> Result<Reply<Device>, Error> {
        let caller = grant.caller();
        self.unit(caller, &update.subject, once, move |_| {
            async move {
                let now = self.clock.now();
                let context = update.context.as_ref();
                let wanted = wanted(context, now);
                let standing = self.standing_of(&caller.tenant, &update.subject, wanted).await?;
                let Standing { state, devices, .. } = &standing;
                let device = devices
                    .iter()
                    .find(|device| device.id == update.device && !device.is_expired(now))
                    .ok_or(Refusal::DeviceNotFound)?;
                if update.version.is_some_and(|version| version != device.version) {
                    return Err(Refusal::Stale.into());
                }
                let others = || devices.iter().filter(|other| other.id != device.id);
                let is_like =
                    |other: &&Device| update.name.as_ref().is_some_and(|name| other.name.is_like(name));
                if others().filter(is_like).any(|other| !other.is_expired(now)) {
                    return Err(Refusal::DeviceExists.into());
                }
                let namesake = others().find(|other| Some(&other.name) == update.name.as_ref());
                let next = changed(device, update, self.policy(caller))?;
                if *device == (Device { version: device.version, ..next.clone() }) {
                    return Ok(Step::Answer(device.clone()));
                }
                let guarded = match next.state {
                    _ if next.state == device.state => None,
                    State::Suspended => Some(Guarded::Remove),
                    _ => Some(Guarded::Resume),
                };
                let consequences = match guarded {
                    Some(guarded) => self.guard(caller, guarded, context, &standing, now).await?,
                    None => Consequences::default(),
                };
                let event = differences(device, &next).into_iter().fold(
                    Event::of(device, What::DeviceUpdated, &caller.name, now),
                    |event, (name, value)| event.with(name, value),
                );
                let next_state = match guarded {
                    Some(_) => opening::closed(state.successor()),
                    None => state.successor(),
                };
                let mut commit = Commit::new(event).change(Change::Subject(next_state));
                if update.preferred == Some(true) {
                    for other in others().filter(|other| other.preferred && !other.is_expired(now)) {
                        let other = Device { preferred: false, ..other.successor() };
                        commit = commit.change(Change::Rewrite(Box::new(other)));
                    }
                }
                // An enrollment that has run out does not keep its name.
                if let Some(gone) = namesake {
                    commit = commit.change(Change::Delete(Box::new(gone.clone()))).event(Event::of(
                        gone,
                        What::DeviceExpired,
                        &caller.name,
                        now,
                    ));
                }
                let about = |what| Event::about(&caller.tenant, &update.subject, what, &caller.name, now);
                commit = consequences.added_to(commit, &about, &standing, now);
                if next.state == State::Suspended && device.state != State::Suspended {
                    commit = weakened(commit, device, now);
                }
                Ok(Step::Commit(commit.change(Change::Rewrite(Box::new(next.clone()))), next))
            }
            .boxed()
        })
        .await
    }
}

/// The device as it is to be.
fn changed(device: &Device, update: &DeviceUpdate, policy: &Policy) -> Result<Device, Refusal> {
    let mut next = device.successor();
    if let Some(name) = &update.name {
        next.name = name.clone();
    }
    if let Some(preferred) = update.preferred {
        next.preferred = preferred;
    }
    next.state = match (update.suspended, device.state) {
        (Some(true), State::Pending) => return Err(Refusal::DeviceState { state: device.state }),
        (Some(true), _) => State::Suspended,
        // To set a locked device aside and resume it must not unlock it.
        (Some(false), State::Suspended) if policy.throttle.locks(device.failures) => State::Locked,
        (Some(false), State::Suspended) => State::Active,
        (Some(false) | None, state) => state,
    };
    Ok(next)
}

/// What changed, for the audit log.
fn differences(before: &Device, after: &Device) -> Vec<(&'static str, String)> {
    let mut differences = Vec::new();
    if before.name != after.name {
        differences.push(("name", after.name.to_string()));
    }
    if before.preferred != after.preferred {
        differences.push(("preferred", after.preferred.to_string()));
    }
    if before.state != after.state {
        differences.push(("state", after.state.as_str().to_owned()));
    }
    differences
}
