//! Devices as they were last seen, so that a verification need not read what it will write over anyway.
//!
//! What is kept here may be stale: another replica may have moved the device on. So it is only ever the
//! ground of a commit, which is written over that very version or not at all; what is answered without a
//! commit comes from the database. A stale entry costs one more read and nothing else.
//!
//! Bounded: two generations of at most half the room each. What is used is in the young one, or moves
//! there; when that is full, the old one is dropped and the young one takes its place.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::commit::{Change, Commit, Outcome};
use crate::domain::device::Device;
use crate::domain::ids::{DeviceId, Subject, Tenant};

/// Devices that are kept at most.
const ROOM: usize = 16_384;
/// Parts that are locked one by one.
const SHARDS: usize = 16;

/// Devices, by id.
pub(super) struct Cache {
    shards: Vec<Mutex<Generations>>,
    /// Of each generation of each shard.
    room: usize,
    spread: RandomState,
}

#[derive(Default)]
struct Generations {
    young: HashMap<DeviceId, Arc<Device>>,
    old: HashMap<DeviceId, Arc<Device>>,
}

impl Default for Cache {
    fn default() -> Self {
        Self::with_room(ROOM)
    }
}

impl Cache {
    fn with_room(room: usize) -> Self {
        let shards = SHARDS.min(room / 2).max(1);
        Self {
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            room: (room / shards / 2).max(1),
            spread: RandomState::new(),
        }
    }

    /// A device as it was last seen. One of another subject or tenant is like one that never was.
    pub(super) fn device(&self, tenant: &Tenant, subject: &Subject, id: &DeviceId) -> Option<Arc<Device>> {
        let mut shard = self.shard(id);
        let device = match shard.young.get(id) {
            Some(device) => device.clone(),
            None => {
                let device = shard.old.remove(id)?;
                shard.keep(device.clone(), self.room);
                device
            }
        };
        (device.tenant == *tenant && device.subject == *subject).then_some(device)
    }

    /// A device was read. A reading that was overtaken by a commit does not replace what that left.
    ///
    /// What is kept here is also a witness: a reading that began after version n was seen here and shows an
    /// older one means that the database has forgotten what it acknowledged. Whoever looks for that
    /// compares here.
    pub(super) fn read(&self, device: &Device) {
        let mut shard = self.shard(&device.id);
        let known = shard.young.get(&device.id).or_else(|| shard.old.get(&device.id));
        if known.is_some_and(|known| known.version > device.version) {
            return;
        }
        shard.old.remove(&device.id);
        shard.keep(Arc::new(device.clone()), self.room);
    }

    /// Whether a device is known to have moved on from the version that this one was made from.
    pub(super) fn is_past(&self, next: &Device) -> bool {
        let shard = self.shard(&next.id);
        let known = shard.young.get(&next.id).or_else(|| shard.old.get(&next.id));
        known.is_some_and(|known| known.version >= next.version)
    }

    /// A commit came to that outcome; `None`: nobody knows.
    pub(super) fn committed(&self, commit: &Commit, outcome: Option<Outcome>) {
        for change in &commit.changes {
            match (change, outcome) {
                (Change::Progress(device) | Change::Rewrite(device), Some(Outcome::Done)) => {
                    self.read(device)
                }
                (Change::Progress(device) | Change::Rewrite(device), _) => self.forget(&device.id),
                (Change::Delete(device), _) => self.forget(&device.id),
                (Change::Restore(device, _), _) => self.forget(&device.id),
                // Its secret is sealed where it is written, and not known here.
                (Change::Insert(..), _) => {}
                // No device.
                _ => {}
            }
        }
    }

    fn forget(&self, id: &DeviceId) {
        let mut shard = self.shard(id);
        shard.young.remove(id);
        shard.old.remove(id);
    }

    fn shard(&self, id: &DeviceId) -> MutexGuard<'_, Generations> {
        let place = self.spread.hash_one(id) as usize % self.shards.len();
        // Nothing that is done under the lock can panic half way.
        self.shards[place].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn keep(&mut self, device: Arc<Device>, room: usize) {
        if self.young.len() >= room && !self.young.contains_key(&device.id) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(device.id.clone(), device);
    }
}
