//! The bytes that peers sent before they acknowledged the SETTINGS, as far as their HPACK tables may keep them in memory.
//! Connections share a budget. When it is used up, the oldest connection that holds a part of it and has not had an
//! authenticated request is closed, and not the one that comes next: a peer that does its part has such a request soon.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::connection::Connection;

/// Bytes of a connection that are not counted: what most clients send before they have read the SETTINGS.
pub(super) const FREE: usize = 16 << 10;
/// The bytes of all connections together.
pub(super) const BUDGET: usize = 16 << 20;

/// The parts of the budget that connections hold.
#[derive(Debug, Default)]
pub(super) struct EarlyBytes(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    total: usize,
    /// By the number of the connection.
    connections: BTreeMap<u64, Holder>,
}

#[derive(Debug)]
struct Holder {
    bytes: usize,
    connection: Arc<Connection>,
}

/// The part of one connection. Given back when this is dropped.
#[derive(Debug)]
pub(super) struct EarlyShare {
    of: Arc<EarlyBytes>,
    connection: Arc<Connection>,
    bytes: usize,
}

impl EarlyBytes {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
impl EarlyBytes {
    /// The bytes that all connections hold.
    pub(super) fn total(&self) -> usize {
        self.held().total
    }
}

impl EarlyShare {
    pub(super) fn new(of: Arc<EarlyBytes>, connection: Arc<Connection>) -> Self {
        Self { of, connection, bytes: 0 }
    }

    /// Holds so many bytes in all, and closes the oldest connections if that is too much.
    pub(super) fn grow_to(&mut self, bytes: usize) {
        let more = bytes.max(FREE).saturating_sub(self.bytes.max(FREE));
        self.bytes = self.bytes.max(bytes);
        if more == 0 {
            return;
        }
        let mut held = self.of.held();
        held.total += more;
        let connection = &self.connection;
        let new = || Holder { bytes: 0, connection: connection.clone() };
        held.connections.entry(connection.id()).or_insert_with(new).bytes += more;
        while held.total > BUDGET && held.close_one() {}
    }

    /// Gives everything back.
    pub(super) fn release(&mut self) {
        if std::mem::take(&mut self.bytes) > FREE {
            let mut held = self.of.held();
            if let Some(holder) = held.connections.remove(&self.connection.id()) {
                held.total -= holder.bytes;
            }
        }
    }
}

impl Held {
    /// Closes the oldest connection without an authenticated request, or else the oldest. False: there is none.
    fn close_one(&mut self) -> bool {
        let each = self.connections.iter();
        let first = each.min_by_key(|(id, holder)| (holder.connection.last_authenticated().is_some(), **id));
        let Some(holder) = first.map(|(id, _)| *id).and_then(|id| self.connections.remove(&id)) else {
            return false;
        };
        self.total -= holder.bytes;
        holder.connection.close.cancel();
        true
    }
}

impl Drop for EarlyShare {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::super::peer::Peer;
    use super::*;

    fn share(of: &Arc<EarlyBytes>, id: u64) -> EarlyShare {
        let connection = Connection::new(id, Peer::Unknown, Arc::default(), CancellationToken::new());
        EarlyShare::new(of.clone(), Arc::new(connection))
    }

    fn is_closed(share: &EarlyShare) -> bool {
        share.connection.close.is_cancelled()
    }

    /// The numbers of the connections that are closed.
    fn closed(shares: &[EarlyShare]) -> Vec<u64> {
        shares.iter().filter(|share| is_closed(share)).map(|share| share.connection.id()).collect()
    }

    #[test]
    fn the_oldest_connection_without_a_credential_is_closed_when_the_budget_is_used_up() {
        let early = Arc::new(EarlyBytes::default());
        let part = BUDGET / 4 + FREE;
        // Not in the order of their age.
        let mut shares = [3, 1, 2, 0].map(|id| share(&early, id));
        shares.iter_mut().for_each(|share| share.grow_to(part));
        drop(shares[3].connection.authenticated());
        let mut new = share(&early, 5);
        new.grow_to(FREE);
        assert_eq!(closed(&shares), [0; 0], "the free bytes are counted");
        new.grow_to(FREE + 1);
        assert_eq!(closed(&shares), [1]);
        new.grow_to(part + 1);
        assert_eq!(closed(&shares), [1, 2]);
        assert!(!is_closed(&new));
    }

    #[test]
    fn what_a_connection_held_is_given_back_with_it() {
        let early = Arc::new(EarlyBytes::default());
        for id in 0..5 {
            // Only one at a time: the budget is never used up.
            let mut share = share(&early, id);
            share.grow_to(BUDGET / 2);
            share.grow_to(BUDGET);
            share.grow_to(10);
            assert!(!is_closed(&share));
        }
        let mut greedy = share(&early, 9);
        greedy.grow_to(BUDGET + FREE + 1);
        assert!(is_closed(&greedy));
        greedy.grow_to(BUDGET + FREE + 9);
        drop(greedy);
        let held = early.held();
        assert_eq!((held.total, held.connections.len()), (0, 0));
    }
}
