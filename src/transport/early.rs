//! The bytes that peers sent before they acknowledged the SETTINGS, as far as their HPACK tables may keep them in memory.
//! All connections share a budget. A peer that does its part acknowledges within a round trip, so whoever has not done so
//! for longest loses the connection when the budget is used up, not whoever comes next.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use super::connection::Connection;

/// Bytes of a connection that are not counted: what most clients send before they have read the SETTINGS.
pub(super) const FREE: usize = 16 << 10;
/// The bytes of all connections together.
pub(super) const BUDGET: usize = 16 << 20;

/// What connections hold of the budget.
#[derive(Debug, Default)]
pub(super) struct EarlyBytes(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    total: usize,
    /// By the number of the connection: older ones come first.
    connections: BTreeMap<u64, Holder>,
}

#[derive(Debug)]
struct Holder {
    bytes: usize,
    close: CancellationToken,
}

/// What one connection holds. Given back when this is dropped.
#[derive(Debug)]
pub(super) struct EarlyShare {
    of: Arc<EarlyBytes>,
    connection: u64,
    close: CancellationToken,
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
    pub(super) fn new(of: Arc<EarlyBytes>, connection: &Connection) -> Self {
        Self { of, connection: connection.id(), close: connection.close.clone(), bytes: 0 }
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
        let close = &self.close;
        let holder = held
            .connections
            .entry(self.connection)
            .or_insert_with(|| Holder { bytes: 0, close: close.clone() });
        holder.bytes += more;
        while held.total > BUDGET
            && let Some((_, oldest)) = held.connections.pop_first()
        {
            held.total -= oldest.bytes;
            oldest.close.cancel();
        }
    }

    /// Gives everything back.
    pub(super) fn release(&mut self) {
        if std::mem::take(&mut self.bytes) > FREE {
            let mut held = self.of.held();
            if let Some(holder) = held.connections.remove(&self.connection) {
                held.total -= holder.bytes;
            }
        }
    }
}

impl Drop for EarlyShare {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::super::peer::Peer;
    use super::*;

    fn share(of: &Arc<EarlyBytes>, id: u64) -> EarlyShare {
        let connection = Connection::new(id, Peer::Unknown, Arc::default(), CancellationToken::new());
        EarlyShare::new(of.clone(), &connection)
    }

    #[test]
    fn the_oldest_connection_is_closed_when_the_budget_is_used_up() {
        let early = Arc::new(EarlyBytes::default());
        let part = BUDGET / 4 + FREE;
        // Not in the order of their age.
        let mut shares: Vec<_> = [3, 1, 2, 4].map(|id| share(&early, id)).into_iter().collect();
        shares.iter_mut().for_each(|share| share.grow_to(part));
        assert!(shares.iter().all(|share| !share.close.is_cancelled()));
        let mut new = share(&early, 5);
        new.grow_to(FREE);
        assert!(shares.iter().all(|share| !share.close.is_cancelled()), "the free bytes are counted");
        new.grow_to(FREE + 1);
        let closed: Vec<_> = shares.iter().filter(|share| share.close.is_cancelled()).collect();
        assert_eq!(closed.iter().map(|share| share.connection).collect::<Vec<_>>(), [1]);
        assert!(!new.close.is_cancelled());
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
            assert!(!share.close.is_cancelled());
        }
        let mut greedy = share(&early, 9);
        greedy.grow_to(BUDGET + FREE + 1);
        assert!(greedy.close.is_cancelled());
        greedy.grow_to(BUDGET + FREE + 9);
        drop(greedy);
        let held = early.held();
        assert_eq!((held.total, held.connections.len()), (0, 0));
    }
}
