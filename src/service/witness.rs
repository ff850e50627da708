//! Reading a device so that nothing that this replica remembers is missing from it. Where the database has
//! forgotten commits that it acknowledged, what was accepted in them is written again before anything is
//! judged, and an event and a line in the log say so.

use super::Service;
use crate::domain::device::{Device, State, SubjectState};
use crate::domain::event::{Event, What};
use crate::domain::ids::{CallerName, DeviceId, Subject, Tenant};
use crate::domain::refusal::Refusal;
use crate::error::{Error, Fault};
use crate::kinds;
use crate::store::{Change, Commit, Mark, Outcome, Remembered, Standing, Wanted};

/// How often a reading is taken anew. Each time but the last something was written again, here or by another
/// replica that remembers more.
const TRIES: usize = 8;

impl Service {
    /// A device of a subject.
    pub(super) async fn device_of(
        &self,
        tenant: &Tenant,
        subject: &Subject,
        id: &DeviceId,
    ) -> Result<Option<Device>, Error> {
        for _ in 0..TRIES {
            let mark = self.store.mark();
            let device = self.store.device(tenant, subject, id).await?;
            let is_whole = match &device {
                Some(device) => self.is_whole(mark, device).await?,
                None => true,
            };
            if is_whole {
                return Ok(device);
            }
        }
        Err(Refusal::Stale.into())
    }

    /// How a subject stands.
    pub(super) async fn standing_of(
        &self,
        tenant: &Tenant,
        subject: &Subject,
        wanted: Wanted<'_>,
    ) -> Result<Standing, Error> {
        for _ in 0..TRIES {
            let mark = self.store.mark();
            let standing = self.store.standing(tenant, subject, wanted).await?;
            let mut are_whole = true;
            for device in &standing.devices {
                are_whole &= self.is_whole(mark, device).await?;
            }
            if are_whole {
                return Ok(standing);
            }
        }
        Err(Refusal::Stale.into())
    }

    /// All devices of a subject, and what is kept of the subject.
    pub(super) async fn devices_of(
        &self,
        tenant: &Tenant,
        subject: &Subject,
    ) -> Result<(SubjectState, Vec<Device>), Error> {
        let Standing { state, devices, .. } = self.standing_of(tenant, subject, Wanted::Devices).await?;
        Ok((state, devices))
    }

    /// Whether nothing is missing from a device, as it was read after that mark. What is missing is written
    /// again.
    async fn is_whole(&self, mark: Mark, found: &Device) -> Result<bool, Error> {
        let Some(known) = self.store.remembered(mark, found) else {
            self.store.saw(found);
            return Ok(true);
        };
        let Some(restored) = restored(found, &known)? else {
            self.store.saw(found);
            return Ok(true);
        };
        let me = CallerName::trusted("countersign");
        let event = Event::of(found, What::DeviceRolledBack, &me, self.clock.now())
            .with("remembered", known.version)
            .with("found", found.version);
        let commit = Commit::new(event).change(Change::Restore(Box::new(restored), found.version));
        // Stale: another was faster. Either way it is read again.
        if self.store.commit(commit).await? == Outcome::Done {
            tracing::error!(
                device = found.id.as_str(),
                remembered = known.version,
                found = found.version,
                "the database has forgotten what it acknowledged: what this device accepted is written again"
            );
        }
        Ok(false)
    }
}

/// A device from which nothing is missing that is remembered of it, for the version after both. `None`:
/// nothing is missing from it as it is.
fn restored(found: &Device, known: &Remembered) -> Result<Option<Device>, Fault> {
    // A newer release wrote it: this one accepts no proof of it, and leaves it alone.
    let Some(here) = kinds::state(found)? else { return Ok(None) };
    // What a newer release has used up since is not in the state that was found, and cannot be joined with it.
    let there = kinds::state_of(&found.kind, &known.detail)?.ok_or_else(|| {
        Fault::internal("comparing a device with what is remembered of it", "a newer release wrote that")
    })?;
    if known.version <= found.version {
        // What others have done since has its own history; what is used up here must be used up there.
        let detail = here.joined(there)?;
        let is_whole = detail == here.joined(here)?;
        let version = found.version + 1;
        return Ok((!is_whole).then(|| Device { detail, version, ..found.clone() }));
    }
    let state = stricter(found.state, known.state);
    Ok(Some(Device {
        version: known.version + 1,
        state,
        detail: there.joined(here)?,
        failures: if known.failures.count > found.failures.count { known.failures } else { found.failures },
        confirmed_at: found.confirmed_at.or(known.confirmed_at),
        used_at: found.used_at.max(known.used_at),
        expires_at: found.expires_at.filter(|_| state == State::Pending),
        ..found.clone()
    }))
}

/// Of two states that a device may be in, the one that allows less. One that was confirmed stays confirmed.
fn stricter(a: State, b: State) -> State {
    let rank = |state: &State| match state {
        State::Pending => 0,
        State::Active => 1,
        State::Suspended => 2,
        State::Locked => 3,
    };
    std::cmp::max_by_key(a, b, rank)
}

#[cfg(test)]
mod tests;
