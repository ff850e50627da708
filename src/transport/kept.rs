//! The memory that peers make h2 keep before anybody has looked at what they send: header fields that are kept for later
//! requests, and frames and header blocks that are not whole. All connections share a budget.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::connection::Connection;

/// The bytes of each connection that are not counted: a whole frame, or what most clients send before they have read the
/// SETTINGS.
pub(super) const FREE: usize = 16 << 10;
/// The bytes of all connections together.
pub(super) const BUDGET: usize = 16 << 20;

/// The parts of the budget that connections hold.
#[derive(Debug, Default)]
pub(super) struct KeptBytes(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    total: usize,
    /// The number of the next holder.
    next: u64,
    /// By the number of the connection.
    connections: BTreeMap<u64, Holder>,
}

#[derive(Debug)]
struct Holder {
    /// Grows with each connection that begins to hold a part.
    number: u64,
    bytes: usize,
    connection: Arc<Connection>,
}

/// The part of one connection. Given back when this is dropped.
#[derive(Debug)]
pub(super) struct KeptShare {
    of: Arc<KeptBytes>,
    connection: Arc<Connection>,
    /// The bytes that are counted.
    bytes: usize,
}

impl KeptBytes {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeptShare {
    pub(super) fn new(of: Arc<KeptBytes>, connection: Arc<Connection>) -> Self {
        Self { of, connection, bytes: 0 }
    }

    /// The connection keeps so many bytes now. Closes others if that is too much.
    pub(super) fn set(&mut self, bytes: usize) {
        let bytes = bytes.saturating_sub(FREE);
        // Nearly always: a request that has come whole keeps nothing.
        if bytes != self.bytes {
            self.bytes = bytes;
            self.of.held().set(&self.connection, bytes);
        }
    }
}

impl Drop for KeptShare {
    fn drop(&mut self) {
        self.set(0);
    }
}

impl Held {
    fn set(&mut self, connection: &Arc<Connection>, bytes: usize) {
        let id = connection.id();
        let before = self.connections.get(&id).map_or(0, |holder| holder.bytes);
        self.total = self.total - before + bytes;
        if bytes == 0 {
            self.connections.remove(&id);
            return;
        }
        let number = self.next;
        let new = || Holder { number, bytes, connection: connection.clone() };
        self.connections.entry(id).or_insert_with(new).bytes = bytes;
        self.next += 1;
        while self.total > BUDGET && self.close_one() {}
    }

    /// Closes the connection that has held its part for the longest: one without an authenticated request, if there is one.
    /// A peer that sends whole requests holds a part for a moment. False: there is none.
    fn close_one(&mut self) -> bool {
        let each = self.connections.iter();
        let first =
            each.min_by_key(|(_, holder)| (holder.connection.last_authenticated().is_some(), holder.number));
        let Some(holder) = first.map(|(id, _)| *id).and_then(|id| self.connections.remove(&id)) else {
            return false;
        };
        self.total -= holder.bytes;
        holder.connection.close.cancel();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(of: &Arc<KeptBytes>, id: u64) -> KeptShare {
        KeptShare::new(of.clone(), Connection::alone(id))
    }

    fn is_closed(share: &KeptShare) -> bool {
        share.connection.close.is_cancelled()
    }

    /// The numbers of the connections that are closed.
    fn closed(shares: &[KeptShare]) -> Vec<u64> {
        shares.iter().filter(|share| is_closed(share)).map(|share| share.connection.id()).collect()
    }

    #[test]
    fn who_has_held_a_part_for_the_longest_is_closed_when_the_budget_is_used_up_and_callers_last() {
        let kept = Arc::new(KeptBytes::default());
        let part = BUDGET / 4 + FREE;
        // Not in the order of their age.
        let mut shares = [3, 1, 2, 0].map(|id| share(&kept, id));
        shares.iter_mut().for_each(|share| share.set(part));
        // Whoever holds nothing in between begins anew.
        shares[1].set(FREE);
        shares[1].set(part);
        shares[0].connection.becomes_caller();
        let mut new = share(&kept, 5);
        new.set(FREE);
        assert_eq!(closed(&shares), [0; 0], "the free bytes are counted");
        new.set(FREE + 1);
        assert_eq!(closed(&shares), [2]);
        new.set(part + 1);
        assert_eq!(closed(&shares), [2, 0]);
        new.set(2 * part);
        assert_eq!(closed(&shares), [1, 2, 0]);
        assert!(!is_closed(&new) && !is_closed(&shares[0]));
        new.set(4 * part);
        assert!(is_closed(&new) && !is_closed(&shares[0]), "a stranger goes before a caller");
        shares[0].set(BUDGET + FREE + 1);
        assert!(is_closed(&shares[0]));
    }

    #[test]
    fn what_a_connection_held_is_given_back_with_it_and_when_it_holds_less() {
        let kept = Arc::new(KeptBytes::default());
        for id in 0..5 {
            // Only one at a time: the budget is never used up.
            let mut share = share(&kept, id);
            share.set(BUDGET / 2);
            share.set(BUDGET);
            share.set(10);
            let mut other = self::share(&kept, id + 10);
            other.set(BUDGET + FREE);
            assert!(!is_closed(&share) && !is_closed(&other));
        }
        let mut greedy = share(&kept, 9);
        greedy.set(BUDGET + FREE + 1);
        assert!(is_closed(&greedy));
        greedy.set(BUDGET + FREE + 9);
        drop(greedy);
        let held = kept.held();
        assert_eq!((held.total, held.connections.len()), (0, 0));
    }
}
