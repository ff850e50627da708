//! The memory that peers make h2 keep before anybody has looked at what they send: header fields that are kept for later
//! requests, and frames and header blocks that are not whole. All connections share a budget.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::connection::Connection;

/// The bytes of each connection that are not counted: a whole frame, or what most clients send before they have read the
/// SETTINGS.
pub(super) const FREE: usize = 16 << 10;
/// The bytes of all connections together.
pub(super) const BUDGET: usize = 8 << 20;

/// The parts of the budget that connections hold.
#[derive(Debug, Default)]
pub(super) struct KeptBytes(Mutex<Totals>);

#[derive(Debug, Default)]
struct Totals {
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
    fn held(&self) -> MutexGuard<'_, Totals> {
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

impl Totals {
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

    /// Closes one of the connections of the caller that holds most, or of those without an authenticated request if they hold
    /// more: the one that has held its part for the longest. A peer that sends whole requests holds one for a moment. False:
    /// nobody holds anything.
    fn close_one(&mut self) -> bool {
        let mut totals: HashMap<_, usize> = HashMap::new();
        for holder in self.connections.values() {
            *totals.entry(holder.connection.caller().cloned()).or_default() += holder.bytes;
        }
        let most = totals.into_iter().max_by_key(|(_, bytes)| *bytes).and_then(|(caller, _)| caller);
        let of_most =
            self.connections.iter().filter(|(_, holder)| holder.connection.caller() == most.as_ref());
        let first = of_most.min_by_key(|(_, holder)| holder.number);
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
    fn who_has_held_a_part_for_the_longest_is_closed_when_the_budget_is_used_up() {
        let kept = Arc::new(KeptBytes::default());
        let part = BUDGET / 4 + FREE;
        // Not in the order of their age.
        let mut shares = [3, 1, 2, 0].map(|id| share(&kept, id));
        shares.iter_mut().for_each(|share| share.set(part));
        // A connection that holds nothing in between begins anew.
        shares[0].set(FREE);
        shares[0].set(part);
        let mut new = share(&kept, 5);
        new.set(FREE);
        assert_eq!(closed(&shares), [0; 0], "the free bytes are counted");
        new.set(FREE + 1);
        assert_eq!(closed(&shares), [1]);
        new.set(part + 1);
        assert_eq!(closed(&shares), [1, 2]);
        assert!(!is_closed(&new));
    }

    #[test]
    fn whoever_holds_most_loses_a_connection() {
        const PART: usize = BUDGET / 5;
        let kept = Arc::new(KeptBytes::default());
        let of = |id, caller: &str| {
            let share = share(&kept, id);
            drop(share.connection.authenticated(caller));
            share
        };
        // The oldest are those of others.
        let mut others = [share(&kept, 0), of(1, "quiet")];
        let mut greedy = [2, 3, 4].map(|id| of(id, "greedy"));
        others.iter_mut().chain(&mut greedy).for_each(|share| share.set(PART + FREE));
        others[1].set(PART + FREE + 9);
        assert_eq!((closed(&others), closed(&greedy)), (vec![], vec![2]));
        // Strangers together hold more than each caller.
        let mut stranger = share(&kept, 5);
        stranger.set(2 * PART + FREE + 9);
        assert_eq!((closed(&others), closed(&greedy)), (vec![0], vec![2]));
        assert!(is_closed(&stranger), "the two parts of the caller are less");
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
