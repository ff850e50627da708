//! Turns to use a connection to the database, as many as there are connections. Callers take turns: whoever waits lets the
//! requests of another caller go first at most as often as its own.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::domain::ids::CallerName;

/// The turns of one pool of connections.
pub(super) struct ReadingTurns(Mutex<State>);

struct State {
    free: usize,
    /// The requests of each caller that wait, oldest first. The caller whose turn is next comes first. `None`: the server's
    /// own work.
    waiting: VecDeque<(Option<CallerName>, VecDeque<oneshot::Sender<ReadingTurn>>)>,
}

/// The right to use a connection. Dropping it gives it to the next request.
pub(super) struct ReadingTurn {
    /// `None`: it was given on.
    turns: Option<Arc<ReadingTurns>>,
}

impl ReadingTurns {
    pub(super) fn new(connections: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State { free: connections, waiting: VecDeque::new() })))
    }

    /// Waits for a turn.
    pub(super) async fn take(self: &Arc<Self>, caller: Option<CallerName>) -> ReadingTurn {
        let turn = {
            let mut state = self.state();
            if state.free > 0 {
                state.free -= 1;
                return ReadingTurn { turns: Some(self.clone()) };
            }
            let (sender, turn) = oneshot::channel();
            match state.waiting.iter_mut().find(|(name, _)| *name == caller) {
                Some((_, requests)) => requests.push_back(sender),
                None => state.waiting.push_back((caller, VecDeque::from([sender]))),
            }
            turn
        };
        match turn.await {
            Ok(turn) => turn,
            // Cannot be: a request that is taken out of the queue is given a turn.
            Err(_) => std::future::pending().await,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The request whose turn is next. `None`: nobody waits, and the turn is free now.
    fn next(&self) -> Option<oneshot::Sender<ReadingTurn>> {
        let mut state = self.state();
        while let Some((caller, mut requests)) = state.waiting.pop_front() {
            let next = requests.pop_front();
            if !requests.is_empty() {
                state.waiting.push_back((caller, requests));
            }
            if next.as_ref().is_some_and(|next| !next.is_closed()) {
                return next;
            }
        }
        state.free += 1;
        None
    }
}

impl Drop for ReadingTurn {
    fn drop(&mut self) {
        let Some(turns) = self.turns.take() else { return };
        while let Some(next) = turns.next() {
            match next.send(ReadingTurn { turns: Some(turns.clone()) }) {
                Ok(()) => return,
                // The request went away in between. Its turn is for the next one, and is not to be given back twice.
                Err(mut unused) => unused.turns = None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use futures_util::future::BoxFuture;

    use super::*;

    /// A request that waits.
    fn waits(turns: &Arc<ReadingTurns>, caller: &'static str) -> BoxFuture<'static, ReadingTurn> {
        let turns = turns.clone();
        let mut turn = async move { turns.take(Some(CallerName::trusted(caller))).await }.boxed();
        assert!((&mut turn).now_or_never().is_none());
        turn
    }

    fn free(turns: &Arc<ReadingTurns>) -> Option<ReadingTurn> {
        turns.take(None).now_or_never()
    }

    #[test]
    fn there_are_so_many_turns_and_callers_take_them_in_turn() {
        let turns = ReadingTurns::new(2);
        let (first, second) = (free(&turns).unwrap(), free(&turns).unwrap());
        assert!(free(&turns).is_none());
        let mut greedy: VecDeque<_> = (0..100).map(|_| waits(&turns, "greedy")).collect();
        let (quiet, other) = (waits(&turns, "quiet"), waits(&turns, "other"));
        drop(first);
        let turn = greedy.pop_front().unwrap().now_or_never().expect("the first in line");
        drop(turn);
        let turn = quiet.now_or_never().expect("each caller has its turn");
        drop(turn);
        drop(other.now_or_never().expect("each caller has its turn"));
        drop(second);
        let held: Vec<_> = greedy.drain(..2).map(|next| next.now_or_never().unwrap()).collect();
        assert!(greedy[0].as_mut().now_or_never().is_none());
        drop((held, greedy));
        assert!(free(&turns).is_some());
    }

    #[test]
    fn the_turn_of_a_request_that_went_away_is_for_the_next_one() {
        let turns = ReadingTurns::new(1);
        let held = free(&turns).unwrap();
        let (gone, told, next) = (waits(&turns, "a"), waits(&turns, "a"), waits(&turns, "b"));
        drop(gone);
        drop(held);
        // `b` has had the turn since then, and `a` is told when it is given back.
        drop(next.now_or_never().unwrap());
        drop(told);
        let last = free(&turns).expect("no turn is lost");
        assert!(free(&turns).is_none(), "no turn is there twice");
        drop(last);
    }
}
