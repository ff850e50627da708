//! Slots for requests of methods that anybody may call.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::transport::Connection;

/// Requests at most of methods that anybody may call, until their answers are sent.
const OPEN_SLOTS: usize = 128;
/// Slots of each connection beyond [`OPEN_SLOTS`], so that a health check is answered when all are taken.
const OPEN_SLOTS_EACH: usize = 2;

/// Slots for requests of methods that anybody may call.
#[derive(Debug, Default)]
pub(super) struct OpenSlots(AtomicUsize);

/// A slot. Dropping it frees it.
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
