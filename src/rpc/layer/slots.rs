//! Slots: how many requests may be under way, so that no caller can take those of another.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::auth::Caller;
use crate::domain::ids::CallerName;
use crate::transport::Connection;

/// All slots. Half of them are shared; the other half is divided among the callers that are configured, at least one
/// each.
#[derive(Debug)]
pub(super) struct Slots {
    capacity: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    shared: usize,
    own: HashMap<CallerName, usize>,
}

/// A slot, which is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Arc<Slots>,
    /// `None`: a shared one.
    caller: Option<Arc<Caller>>,
}

impl Slots {
    pub(super) fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self { capacity, taken: Mutex::default() })
    }

    /// A slot for a caller, who is one of so many. `None`: their own and the shared ones are all taken.
    pub(super) fn take(self: &Arc<Self>, caller: &Arc<Caller>, callers: usize) -> Option<Slot> {
        let callers = callers.max(1);
        let own = (self.capacity / 2 / callers).max(1).min(self.capacity);
        let shared = self.capacity.saturating_sub(own * callers);
        let mut taken = self.taken();
        let mine = taken.own.entry(caller.name.clone()).or_default();
        if *mine < own {
            *mine += 1;
            return Some(Slot { slots: self.clone(), caller: Some(caller.clone()) });
        }
        if taken.shared < shared {
            taken.shared += 1;
            return Some(Slot { slots: self.clone(), caller: None });
        }
        None
    }

    fn taken(&self) -> std::sync::MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.taken();
        match &self.caller {
            None => taken.shared -= 1,
            Some(caller) => {
                if let Some(own) = taken.own.get_mut(&caller.name) {
                    *own -= 1;
                    if *own == 0 {
                        taken.own.remove(&caller.name);
                    }
                }
            }
        }
    }
}

/// Requests at most of methods that anybody may call, until their answers are sent.
const OPEN_SLOTS: usize = 128;
/// How many of those each connection may have beside, so that a health check is answered while others use up the rest.
const OPEN_SLOTS_EACH: usize = 2;

/// Slots for requests of methods that anybody may call.
#[derive(Debug, Default)]
pub(super) struct OpenSlots(AtomicUsize);

/// One of them, which is free again when this is dropped.
#[derive(Debug)]
pub(super) struct OpenSlot {
    slots: Arc<OpenSlots>,
    connection: Option<Arc<Connection>>,
}

impl OpenSlots {
    /// A slot for a request on a connection. `None`: there are too many.
    pub(super) fn take(self: &Arc<Self>, connection: Option<&Arc<Connection>>) -> Option<OpenSlot> {
        let before = self.0.fetch_add(1, Ordering::Relaxed);
        let slot = OpenSlot { slots: self.clone(), connection: connection.cloned() };
        let on_connection = connection.map_or(0, |connection| connection.open_request_begins());
        (before < OPEN_SLOTS || on_connection <= OPEN_SLOTS_EACH).then_some(slot)
    }
}

impl Drop for OpenSlot {
    fn drop(&mut self) {
        self.slots.0.fetch_sub(1, Ordering::Relaxed);
        if let Some(connection) = &self.connection {
            connection.open_request_ends();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::ids::Tenant;

    fn caller(name: &'static str) -> Arc<Caller> {
        let (name, tenant) = (CallerName::trusted(name), Tenant::trusted("default"));
        Arc::new(Caller { name, tenant, roles: BTreeSet::new() })
    }

    #[test]
    fn each_caller_has_slots_that_no_other_can_take() {
        let slots = Slots::new(8);
        let (greedy, other) = (caller("greedy"), caller("other"));
        let held: Vec<_> = std::iter::from_fn(|| slots.take(&greedy, 2)).collect();
        assert_eq!(held.len(), 6, "two of its own and four shared ones");
        let others: Vec<_> = std::iter::from_fn(|| slots.take(&other, 2)).collect();
        assert_eq!(others.len(), 2);
        drop(held);
        let more: Vec<_> = std::iter::from_fn(|| slots.take(&other, 2)).collect();
        assert_eq!(more.len(), 4);
        drop((others, more));
        assert!(slots.taken().own.is_empty());
    }

    #[test]
    fn more_callers_than_slots_have_one_each_and_no_slot_is_none() {
        let slots = Slots::new(2);
        let callers = ["a", "b", "c"].map(caller);
        let held: Vec<_> = callers.iter().map(|caller| slots.take(caller, 3)).collect();
        assert!(held.iter().all(Option::is_some) && slots.take(&callers[0], 3).is_none());
        assert!(Slots::new(0).take(&callers[0], 1).is_none());
    }
}
