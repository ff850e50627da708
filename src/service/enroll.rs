//! Enrolling a device.

use futures_util::FutureExt as _;

use super::guard::{Guarded, wanted};
use super::unit::{Once, Reply, Step};
use super::{Service, opening};
use crate::auth::{Caller, Grant, rpc};
use crate::domain::context::Context;
use crate::domain::device::{Detail, Device, Failures, Sealed, State, SubjectState};
use crate::domain::event::{Event, What};
use crate::domain::ids::{DeviceId, DeviceName, Subject};
use crate::domain::kind::Kind;
use crate::domain::moment::Moment;
use crate::domain::refusal::Refusal;
use crate::domain::secret::Secret;
use crate::error::{Error, Fault};
use crate::kinds::{self, AnySetup, Made, Making, Shown};
use crate::store::{Change, Commit, Standing};

/// What is to be enrolled.
pub struct Enrollment {
    /// For whom.
    pub subject: Subject,
    /// The user's name for it. `None`: one is made from the kind.
    pub name: Option<DeviceName>,
    /// What.
    pub setup: AnySetup,
    /// Where. `None`: it is an operator's call.
    pub context: Option<Context>,
}

/// What was enrolled.
#[derive(Debug)]
pub struct Enrolled {
    /// Pending, or active where there is nothing to confirm.
    pub device: Device,
    /// What the user is shown, once.
    pub shown: Shown,
}

/// A device that was made and not yet kept.
pub(super) struct NewDevice<'a> {
    /// The context of the call. `None`: it is an operator's call.
    pub(super) context: Option<&'a Context>,
    pub(super) id: DeviceId,
    pub(super) kind: Kind,
    pub(super) name: DeviceName,
    /// The devices that are removed for it.
    pub(super) replaced: Vec<&'a Device>,
    pub(super) detail: Detail,
    pub(super) secret: Secret,
}

impl Service {
    /// Enrolls a device. What the user is shown is in this answer and in no other.
    ///
    /// # Errors
    /// The setup exceeds the policy; the subject must prove more first; the name is taken; a device of the subject has
    /// the secret, or had it with other settings; the subject has as many devices as allowed; the database does not
    /// answer.
    pub async fn enroll(
        &self,
        grant: &Grant<rpc::EnrollDevice>,
        enrollment: Enrollment,
        once: Option<Once<Enrolled>>,
    ) -> Result<Reply<Enrolled>, Error> {
        let caller = grant.caller();
        let Enrollment { subject, name, setup, context } = enrollment;
        let kind = kinds::kind(&setup.kind)?;
        // Refused only after the look-up of the request record: a retry gets its first answer, whatever the policy is now.
        let beyond = &kind.beyond(&setup, self.policy(caller))?;
        // Made once: where the commit has to be tried again, the same device is.
        let id = self.new_id();
        let making = Making {
            device: &id,
            subject: &subject,
            policy: self.policy(caller),
            keyring: self.store.keyring(),
            entropy: &*self.entropy,
            now: self.clock.now(),
        };
        let made = kind.make(&setup, &making)?;
        let (made, making, setup) = (&made, &making, &setup);
        let (subject, name, context) = (&subject, name.as_ref(), context.as_ref());
        self.unit(caller, subject, once, move |_| {
            async move {
                if !beyond.is_empty() {
                    return Err(beyond.clone().into());
                }
                let now = self.clock.now();
                let standing = self.standing_of(&caller.tenant, subject, wanted(context, now)).await?;
                let guarded = Guarded::enrollment(&setup.kind);
                let consequences = self.guard(caller, guarded, context, &standing, now).await?;
                let (name, replaced) = self.named(caller, &setup.kind, name, &standing.devices, now)?;
                let gone = |device: &Device| replaced.iter().any(|gone| gone.id == device.id);
                let again = self
                    .made_again(caller, subject, &made.secret, (setup, making), &standing.devices, gone)
                    .await?;
                let Made { state, secret, shown } = again.as_ref().unwrap_or(made);
                let new = NewDevice {
                    context,
                    id: making.device.clone(),
                    kind: setup.kind.clone(),
                    name,
                    replaced: replaced.clone(),
                    detail: state.clone(),
                    secret: secret.clone(),
                };
                let (commit, device) = self.adopt(caller, subject, &standing, &new, now)?;
                let about = |what| Event::about(&caller.tenant, subject, what, &caller.name, now);
                let commit = consequences.added_to(commit, &about, &standing, now);
                Ok(Step::Commit(commit, Enrolled { device, shown: shown.clone() }))
            }
            .boxed()
        })
        .await
    }

    /// The name of a new device, and the devices that are removed for it. `name`: the user's own, if there is one.
    ///
    /// # Errors
    /// The name is taken, or the subject has as many devices as allowed.
    pub(super) fn named<'d>(
        &self,
        caller: &Caller,
        kind: &Kind,
        name: Option<&DeviceName>,
        devices: &'d [Device],
        now: Moment,
    ) -> Result<(DeviceName, Vec<&'d Device>), Error> {
        let name = match name {
            Some(name) => name.clone(),
            None => free_name(kinds::kind(kind)?.info().label, devices, now)?,
        };
        let replaced = self.room_for(caller, devices, &name, now)?;
        Ok((name, replaced))
    }

    /// The devices that are removed when one of that name is enrolled.
    ///
    /// # Errors
    /// A device that stays has the name, or too many stay.
    fn room_for<'d>(
        &self,
        caller: &Caller,
        devices: &'d [Device],
        name: &DeviceName,
        now: Moment,
    ) -> Result<Vec<&'d Device>, Refusal> {
        let limit = self.policy(caller).devices_per_subject;
        let (mut gone, mut kept): (Vec<_>, Vec<_>) =
            devices.iter().partition(|device| is_replaced(device, name, now));
        if kept.iter().any(|device| device.name.is_like(name)) {
            return Err(Refusal::DeviceExists);
        }
        let excess = (kept.len() + 1).saturating_sub(limit as usize);
        // Unfinished enrollments must not use a subject's devices up: the oldest make room.
        kept.retain(|device| device.state == State::Pending);
        kept.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        if kept.len() < excess {
            return Err(Refusal::DeviceLimit { limit });
        }
        gone.extend(kept.into_iter().take(excess));
        Ok(gone)
    }

    /// The number of devices that the subject may still get. Unfinished enrollments make room for them.
    pub(super) fn room(&self, caller: &Caller, devices: &[Device]) -> usize {
        let limit = self.policy(caller).devices_per_subject as usize;
        limit.saturating_sub(devices.iter().filter(|device| device.state != State::Pending).count())
    }

    /// Makes room for a new device among the subject's, and the commit that keeps it.
    pub(super) fn adopt(
        &self,
        caller: &Caller,
        subject: &Subject,
        standing: &Standing,
        new: &NewDevice<'_>,
        now: Moment,
    ) -> Result<(Commit, Device), Error> {
        let state = &standing.state;
        let waits = kinds::kind(&new.kind)?.info().is_confirmed_by_proof;
        let device = Device {
            id: new.id.clone(),
            tenant: caller.tenant.clone(),
            subject: subject.clone(),
            kind: new.kind.clone(),
            name: new.name.clone(),
            state: if waits { State::Pending } else { State::Active },
            preferred: false,
            detail: new.detail.clone(),
            secret: Sealed::default(),
            version: 1,
            epoch: state.epoch,
            failures: Failures::default(),
            created_at: now,
            confirmed_at: (!waits).then_some(now),
            used_at: None,
            expires_at: waits.then(|| now.plus(self.policy(caller).pending_for)),
        };
        let enrolled_at = if waits { state.enrolled_at } else { state.enrolled_at.or(Some(now)) };
        let opening = if waits {
            opening::kept(state, new.context)
        } else {
            opening::begun(standing, new.context, now)
        };
        let mut commit = Commit::new(Event::of(&device, What::DeviceEnrolled, &caller.name, now))
            .change(Change::Subject(SubjectState { enrolled_at, opening, ..state.successor() }));
        for old in &new.replaced {
            let expired = Event::of(old, What::DeviceExpired, &caller.name, now);
            commit = commit.change(Change::Delete(Box::new((*old).clone()))).event(expired);
        }
        Ok((commit.change(Change::Insert(Box::new(device.clone()), new.secret.clone())), device))
    }
}

/// True if the device is removed whenever one of that name is enrolled: it has expired, or is an unfinished enrollment
/// under such a name.
fn is_replaced(device: &Device, name: &DeviceName, now: Moment) -> bool {
    device.is_expired(now) || (device.state == State::Pending && device.name.is_like(name))
}

/// The kind's own name, with a number where it is taken.
fn free_name(label: &str, devices: &[Device], now: Moment) -> Result<DeviceName, Error> {
    let taken = |name: &DeviceName| {
        devices.iter().any(|d| d.state != State::Pending && !d.is_expired(now) && d.name.is_like(name))
    };
    std::iter::once(label.to_owned())
        .chain((2..).map(|n| format!("{label} {n}")).take(devices.len() + 1))
        .map(|name| DeviceName::trusted(&name))
        .find(|name| !taken(name))
        .ok_or_else(|| Fault::internal("naming a device", "every name is taken").into())
}
