//! What this replica knows of devices, to hold against what the database shows. A database that has
//! forgotten acknowledged commits (a fail-over to a standby that did not have them, an old backup that was
//! restored) shows a device as it was before codes were used that this replica remembers to have accepted.
//!
//! Only what was known before a reading began says anything of it: a commit that came between is no loss.
//! The memory is bounded: two generations, of which the older one goes when the younger is full.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Store;
use super::commit::{Change, Commit};
use crate::domain::device::{Detail, Device, Failures, State};
use crate::domain::ids::DeviceId;
use crate::domain::moment::Moment;

/// Devices in one generation at most.
const GENERATION: usize = 8192;

/// A device as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// Its version.
    pub version: i64,
    /// Where it stood.
    pub state: State,
    /// What its kind kept in the open.
    pub detail: Detail,
    /// Its failures.
    pub failures: Failures,
    /// When it was confirmed.
    pub confirmed_at: Option<Moment>,
    /// When it last verified.
    pub used_at: Option<Moment>,
}

/// A point in what a replica comes to know.
#[derive(Debug, Clone, Copy)]
pub struct Mark(u64);

#[derive(Default)]
pub(super) struct Witness(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    now: u64,
    young: HashMap<DeviceId, Known>,
    old: HashMap<DeviceId, Known>,
}

struct Known {
    since: u64,
    device: Arc<Remembered>,
}

impl Store {
    /// What this replica knows now. To be taken before a reading that is to be held against it.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark(self.memory.witness.memory().now)
    }

    /// What was known of a device before a reading that shows it like this, if that was anything else.
    #[must_use]
    pub fn remembered(&self, before: Mark, found: &Device) -> Option<Arc<Remembered>> {
        let known = self.memory.witness.memory().known(&found.id, before)?;
        (!known.is(found)).then_some(known)
    }

    /// A device was read, and nothing was missing from it.
    pub fn saw(&self, device: &Device) {
        self.memory.witness.memory().learn(device);
    }
}

impl Witness {
    /// A commit is on disk.
    pub(super) fn committed(&self, commit: &Commit) {
        for change in &commit.changes {
            match change {
                Change::Progress(device) | Change::Rewrite(device) | Change::Restore(device, _) => {
                    self.memory().learn(device);
                }
                Change::Insert(device, _) => self.memory().learn(device),
                Change::Delete(device) => self.memory().forget(&device.id),
                // No device.
                _ => {}
            }
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // Nothing that is done under the lock can panic half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn known(&self, id: &DeviceId, before: Mark) -> Option<Arc<Remembered>> {
        let known = self.young.get(id).or_else(|| self.old.get(id))?;
        (known.since <= before.0).then(|| known.device.clone())
    }

    fn learn(&mut self, device: &Device) {
        let old = self.old.remove(&device.id);
        let known = match old.or_else(|| self.young.remove(&device.id)) {
            // A reading that a commit overtook is older than what that left; or it is the same again.
            Some(known) if known.device.is_after(device) || known.device.is(device) => known,
            _ => {
                self.now += 1;
                Known { since: self.now, device: Arc::new(Remembered::of(device)) }
            }
        };
        if self.young.len() >= GENERATION && !self.young.contains_key(&device.id) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(device.id.clone(), known);
    }

    fn forget(&mut self, id: &DeviceId) {
        self.young.remove(id);
        self.old.remove(id);
    }
}

impl Remembered {
    fn is(&self, device: &Device) -> bool {
        self.version == device.version && self.detail == device.detail
    }

    fn is_after(&self, device: &Device) -> bool {
        self.version > device.version
    }

    fn of(device: &Device) -> Self {
        Self {
            version: device.version,
            state: device.state,
            detail: device.detail.clone(),
            failures: device.failures,
            confirmed_at: device.confirmed_at,
            used_at: device.used_at,
        }
    }
}

#[cfg(test)]
mod tests;
