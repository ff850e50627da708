//! Commits on their way through a lane, and the counts of them by which the time until a commit is written is estimated.

use std::any::Any;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::commit::{Commit, Outcome};
use crate::domain::ids::CallerName;
use crate::env::request::{self, Slot};
use crate::error::Fault;

/// A commit that waits for a lane to write it.
pub(super) struct Job {
    pub(super) commit: Commit,
    pub(super) reply: ReplySender,
    /// `None`: written even if its caller goes away.
    claim: Option<Claim>,
}

/// The way back to the caller.
pub(super) struct ReplySender {
    answer: oneshot::Sender<Result<Outcome, Fault>>,
    under_way: QueuedCommit,
    /// Kept until the commit is written or given up: a caller that cancels its requests must not queue more commits than
    /// it has slots.
    slot: Option<Slot>,
    turn: Option<KeptTurn>,
}

/// The locks of the turn in which a commit was made: others have theirs when it is on disk, even if its caller goes away.
pub(super) type KeptTurn = Arc<dyn Any + Send + Sync>;

/// Decides between a caller that withdraws its commit and a lane that begins to write it: the first one gets it.
#[derive(Clone, Default)]
pub(super) struct Claim(Arc<AtomicBool>);

impl Claim {
    /// True for the first one that takes it.
    pub(super) fn take(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}

/// Withdraws a commit when this is dropped, unless its lane has begun to write it.
pub(super) struct Withdrawal(pub(super) Claim);

impl Drop for Withdrawal {
    fn drop(&mut self) {
        self.0.take();
    }
}

impl Job {
    /// A commit of the request at hand, and the end at which its outcome arrives.
    pub(super) fn new(
        commit: Commit,
        under_way: QueuedCommit,
        turn: Option<KeptTurn>,
        claim: Option<Claim>,
    ) -> (Self, oneshot::Receiver<Result<Outcome, Fault>>) {
        let (sender, answer) = oneshot::channel();
        let reply = ReplySender { answer: sender, under_way, slot: request::slot(), turn };
        (Self { commit, reply, claim }, answer)
    }

    /// True if the commit is to be written: its caller has not withdrawn it, and cannot any more.
    pub(super) fn begin(&self) -> bool {
        self.claim.as_ref().is_none_or(Claim::take)
    }
}

impl ReplySender {
    pub(super) fn send(self, outcome: Result<Outcome, Fault>) {
        // First, so that a caller that has its answer finds its own commit not counted.
        drop((self.under_way, self.slot, self.turn));
        // The caller may be gone; a judged proof is counted all the same.
        let _ = self.answer.send(outcome);
    }
}

/// Commits of one lane that wait or are being written, and reserved places, by caller.
#[derive(Default)]
pub(super) struct Line(Mutex<HashMap<CallerName, usize>>);

/// One commit under way, in all lanes and in its own, until it is written or given up. Dropping the caller's future does
/// not end it.
pub(super) struct QueuedCommit {
    all: Arc<AtomicUsize>,
    line: Arc<Line>,
    caller: CallerName,
}

impl Line {
    /// Counts one more commit of a caller, also in `all`. Also returns the number of commits that the lane takes before
    /// it: those of its caller and, since callers take turns, as many and one more of each other caller.
    pub(super) fn join(
        self: &Arc<Self>,
        caller: &CallerName,
        all: &Arc<AtomicUsize>,
    ) -> (QueuedCommit, usize) {
        let mut each = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = each.get(caller).copied().unwrap_or(0);
        let others = each.iter().filter(|(name, _)| *name != caller);
        let ahead = own + others.map(|(_, count)| *count.min(&(own + 1))).sum::<usize>();
        each.insert(caller.clone(), own + 1);
        (QueuedCommit { all: all.clone(), line: self.clone(), caller: caller.clone() }, ahead)
    }
}

impl Drop for QueuedCommit {
    fn drop(&mut self) {
        self.all.fetch_sub(1, Ordering::Relaxed);
        let mut each = self.line.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = each.get_mut(&self.caller) {
            *own -= 1;
            if *own == 0 {
                each.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_withdrawn_or_begun_whichever_comes_first() {
        let claim = Claim::default();
        drop(Withdrawal(claim.clone()));
        assert!(!claim.take(), "a withdrawn commit is begun");
        let claim = Claim::default();
        let withdrawal = Withdrawal(claim.clone());
        assert!(claim.take());
        assert!(!withdrawal.0.take(), "a commit that was begun is withdrawn");
    }

    #[test]
    fn a_caller_waits_for_its_own_commits_and_as_many_and_one_of_each_other() {
        let (line, all) = (Arc::<Line>::default(), Arc::<AtomicUsize>::default());
        let join = |name| {
            all.fetch_add(1, Ordering::Relaxed);
            line.join(&CallerName::trusted(name), &all)
        };
        let greedy: Vec<_> = (0..200).map(|_| join("greedy")).collect();
        assert_eq!(greedy.last().unwrap().1, 199);
        let (first, second) = (join("app"), join("app"));
        assert_eq!((first.1, second.1), (1, 1 + 2));
        assert_eq!(join("third").1, 2);
        drop((greedy, first, second));
        assert_eq!(all.load(Ordering::Relaxed), 0);
        assert!(line.0.lock().unwrap().is_empty(), "callers without commits are kept");
    }
}
