//! The callers that have open connections. A caller with many connections has them polled in turn, and is the first that loses
//! one, so that they cost the caller itself and nobody else.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::turns::Turns;

/// Connections of a caller that have their turns like those of anybody.
const FEW: usize = 16;

/// The callers with open connections.
#[derive(Debug, Default)]
pub(super) struct CallerConnections {
    /// Authenticated requests so far.
    requests: AtomicU64,
    each: Mutex<HashMap<Arc<str>, Arc<OfCaller>>>,
}

/// The state that all connections of one caller share.
#[derive(Debug, Default)]
struct OfCaller {
    connections: AtomicUsize,
    turns: Turns,
}

/// A connection of a caller, which is counted until it has left or this is dropped.
#[derive(Debug)]
pub(super) struct Member {
    callers: Arc<CallerConnections>,
    name: Arc<str>,
    caller: Arc<OfCaller>,
    has_left: AtomicBool,
}

impl CallerConnections {
    /// The number of one more authenticated request, from 1 on.
    pub(super) fn next_request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Counts one more connection of a caller.
    pub(super) fn join(self: &Arc<Self>, name: &str) -> Member {
        let name: Arc<str> = name.into();
        let mut each = self.each();
        let caller = each.entry(name.clone()).or_default().clone();
        // Under the lock: the last of its connections may be closing.
        caller.connections.fetch_add(1, Ordering::Relaxed);
        drop(each);
        Member { callers: self.clone(), name, caller, has_left: AtomicBool::new(false) }
    }

    fn each(&self) -> MutexGuard<'_, HashMap<Arc<str>, Arc<OfCaller>>> {
        self.each.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Member {
    pub(super) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The number of connections of the caller.
    pub(super) fn connections(&self) -> usize {
        self.caller.connections.load(Ordering::Relaxed)
    }

    /// The queue of the caller's connections, if it has more than [`FEW`].
    pub(super) fn turns(&self) -> Option<&Turns> {
        (self.connections() > FEW).then_some(&self.caller.turns)
    }

    /// The connection is not counted any more, although its last requests may go on.
    pub(super) fn leave(&self) {
        if self.has_left.swap(true, Ordering::Relaxed) {
            return;
        }
        let mut each = self.callers.each();
        if self.caller.connections.fetch_sub(1, Ordering::Relaxed) == 1 {
            each.remove(&self.name);
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_connections_of_each_caller_are_counted_and_many_have_turns_of_their_own() {
        let callers = Arc::new(CallerConnections::default());
        let few: Vec<_> = (0..FEW).map(|_| callers.join("greedy")).collect();
        assert!(few[0].turns().is_none());
        let one_more = callers.join("greedy");
        let alone = callers.join("other");
        assert_eq!((few[0].connections(), alone.connections()), (FEW + 1, 1));
        assert!(few[0].turns().is_some() && alone.turns().is_none());
        one_more.leave();
        assert!(few[0].turns().is_none());
        drop((one_more, few, alone));
        assert!(callers.each().is_empty(), "no caller is remembered who has no connection");
    }
}
