//! Limits the plan searches of each caller. A search takes its thread for up to a millisecond. Few steps are taken at once;
//! a request that needs more lets other tasks run before each decision, and an Evaluate waits until no other request of its
//! caller needs more. So each caller searches on one thread at a time, beside those first steps and its accepted proofs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Mutex as Lock, OwnedMutexGuard};
use tokio::task::yield_now;

use crate::assurance::budget::Budget;
use crate::assurance::steps::Steps;
use crate::auth::Caller;
use crate::domain::ids::CallerName;

/// A lock for each caller with a request that takes many steps.
#[derive(Default)]
pub(super) struct Planners(Mutex<HashMap<CallerName, Arc<Lock<()>>>>);

/// Waiting for other requests of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// A request that holds nothing which others need.
    Waits,
    /// A proof was accepted, or may be: its subject's turn and a place in the commit queue are held.
    GoesOn,
}

/// The planning of one request.
pub(super) struct Planning<'a> {
    planners: &'a Planners,
    caller: &'a Caller,
    patience: Patience,
    budget: Budget,
    /// Set as soon as a decision did not fit in the steps that a request may take at once.
    long: Option<Long>,
}

/// A request that takes many steps, with its caller's lock if it waits for others.
struct Long {
    _lock: Option<OwnedMutexGuard<()>>,
}

impl Planners {
    /// Begins to plan so many decisions.
    pub(super) fn begin<'a>(
        &'a self,
        caller: &'a Caller,
        patience: Patience,
        decisions: usize,
    ) -> Planning<'a> {
        let budget = Budget::of(decisions);
        Planning { planners: self, caller, patience, budget, long: None }
    }

    /// The lock of a caller. Locks that nobody holds or waits for are removed.
    fn of(&self, caller: &Caller) -> Arc<Lock<()>> {
        let mut each = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        each.retain(|_, lock| Arc::strong_count(lock) > 1);
        each.entry(caller.name.clone()).or_default().clone()
    }
}

impl Planning<'_> {
    /// Makes the next decision, by what `decide` gives for some steps. Also returns true if it ran out of them.
    pub(super) async fn decide<T>(&mut self, decide: impl Fn(&Steps) -> T) -> (T, bool) {
        if self.long.is_none() {
            if let Some(decision) = self.budget.at_once(&decide) {
                return (decision, false);
            }
            let lock = match self.patience {
                Patience::Waits => Some(self.planners.of(self.caller).lock_owned().await),
                Patience::GoesOn => None,
            };
            self.long = Some(Long { _lock: lock });
        }
        yield_now().await;
        self.budget.decide(&decide)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::pin::pin;

    use futures_util::FutureExt as _;

    use super::*;
    use crate::domain::ids::Tenant;

    fn caller(name: &'static str) -> Caller {
        let (name, tenant) = (CallerName::trusted(name), Tenant::trusted("default"));
        Caller { name, tenant, roles: BTreeSet::new() }
    }

    fn expensive(steps: &Steps) {
        steps.take(1_000_000_000);
    }

    /// The output of a future that waits for nothing but other tasks to run.
    fn done<T>(future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        (0..9).find_map(|_| future.as_mut().now_or_never())
    }

    #[test]
    fn a_request_of_many_steps_waits_for_those_of_its_caller_only() {
        let (planners, greedy, other) = (Planners::default(), caller("greedy"), caller("other"));
        let mut first = planners.begin(&greedy, Patience::Waits, 2);
        assert_eq!(done(first.decide(expensive)), Some(((), true)));
        let mut second = planners.begin(&greedy, Patience::Waits, 1);
        assert_eq!(done(second.decide(expensive)), None, "two plan at a time");
        let mut proof = planners.begin(&greedy, Patience::GoesOn, 1);
        assert!(done(proof.decide(expensive)).is_some(), "an accepted proof waits");
        let mut cheap = planners.begin(&greedy, Patience::Waits, 1);
        assert_eq!(cheap.decide(|_| ()).now_or_never(), Some(((), false)), "a cheap request waits");
        let mut others = planners.begin(&other, Patience::Waits, 1);
        assert!(done(others.decide(expensive)).is_some(), "another caller waits");
        assert!(done(first.decide(expensive)).is_some(), "the turn is lost between decisions");
        drop((first, others));
        assert!(done(second.decide(expensive)).is_some(), "the turn is not given back");
        drop(second);
        let _ = planners.of(&other);
        assert_eq!(planners.0.lock().unwrap().len(), 1, "locks that nobody needs are kept");
    }

    #[test]
    fn other_tasks_run_before_each_decision_of_many_steps() {
        let (planners, greedy) = (Planners::default(), caller("greedy"));
        let mut planning = planners.begin(&greedy, Patience::Waits, 2);
        for _ in 0..2 {
            assert!(planning.decide(expensive).now_or_never().is_none());
        }
    }
}
