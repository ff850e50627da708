//! Limits the plan searches of each caller. A search takes its thread for up to a millisecond. Few steps are taken at once;
//! a request that needs more lets other tasks run before each decision, and an Evaluate needs its caller's turn for them,
//! which one request has at a time. So each caller searches on one thread at a time, beside those first steps, its
//! accepted proofs, and changes in the turn of their subject. A request that waits for the turn keeps nothing that it has
//! read of its subject.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Mutex as Lock, OwnedMutexGuard};
use tokio::task::yield_now;

use crate::assurance::budget::Budget;
use crate::assurance::steps::Steps;
use crate::auth::Caller;
use crate::domain::ids::CallerName;
use crate::domain::refusal::Refusal;
use crate::error::{Error, Fault};

/// A lock for each caller with a request that takes many steps.
#[derive(Default)]
pub(super) struct Planners(Mutex<HashMap<CallerName, Arc<Lock<()>>>>);

/// The turn of a caller to take many steps.
pub(super) struct PlanningTurn {
    _lock: OwnedMutexGuard<()>,
}

/// Waiting for other requests of the caller.
pub(super) enum Patience {
    /// A request that holds nothing which others need. Many steps are taken only in its caller's turn, which it may have.
    Waits(Option<PlanningTurn>),
    /// The turn of its subject and a place in the commit queue are held: others wait for them.
    GoesOn,
}

/// Why a question has no answer.
pub(super) enum Unanswered {
    /// An error.
    Failed(Error),
    /// The question takes many steps, and another request has its caller's turn. It must be asked again with
    /// [the turn](Planners::turn).
    NeedsTurn,
}

impl From<Error> for Unanswered {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Refusal> for Unanswered {
    fn from(refusal: Refusal) -> Self {
        Self::Failed(refusal.into())
    }
}

/// For questions that [need no turn](Patience::GoesOn).
impl From<Unanswered> for Error {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Failed(error) => error,
            Unanswered::NeedsTurn => {
                Fault::internal("planning", "a request that needs no turn was told to wait for one").into()
            }
        }
    }
}

/// The planning of one request.
pub(super) struct Planning<'a> {
    planners: &'a Planners,
    caller: &'a Caller,
    patience: Patience,
    budget: Budget,
    /// Set as soon as a decision did not fit in the steps that a request may take at once.
    is_long: bool,
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
        Planning { planners: self, caller, patience, budget, is_long: false }
    }

    /// Waits for the turn of a caller.
    pub(super) async fn turn(&self, caller: &Caller) -> PlanningTurn {
        PlanningTurn { _lock: self.of(caller).lock_owned().await }
    }

    /// Answers a question in the turn of its caller, if it has it or needs it. `ask` is called a second time if only that
    /// shows that the turn is needed.
    pub(super) async fn ask<T, F: Future<Output = Result<T, Unanswered>>>(
        &self,
        caller: &Caller,
        turn: Option<PlanningTurn>,
        ask: impl Fn(Patience) -> F,
    ) -> Result<T, Error> {
        match ask(Patience::Waits(turn)).await {
            Err(Unanswered::NeedsTurn) => Ok(ask(Patience::Waits(Some(self.turn(caller).await))).await?),
            answered => Ok(answered?),
        }
    }

    /// The turn of a caller, if no other request has it.
    fn try_turn(&self, caller: &Caller) -> Option<PlanningTurn> {
        self.of(caller).try_lock_owned().ok().map(|lock| PlanningTurn { _lock: lock })
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
    ///
    /// # Errors
    /// The caller's turn is needed, and another request has it.
    pub(super) async fn decide<T>(&mut self, decide: impl Fn(&Steps) -> T) -> Result<(T, bool), Unanswered> {
        if !self.is_long {
            if let Some(decision) = self.budget.at_once(&decide) {
                return Ok((decision, false));
            }
            if let Patience::Waits(turn @ None) = &mut self.patience {
                *turn = Some(self.planners.try_turn(self.caller).ok_or(Unanswered::NeedsTurn)?);
            }
            self.is_long = true;
        }
        yield_now().await;
        Ok(self.budget.decide(&decide))
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

    /// Decides something that takes many steps. `None`: the turn is needed.
    fn long(planning: &mut Planning<'_>) -> Option<bool> {
        done(planning.decide(expensive)).unwrap().ok().map(|((), is_cut)| is_cut)
    }

    #[test]
    fn a_request_of_many_steps_needs_the_turn_of_its_caller_only() {
        let (planners, greedy, other) = (Planners::default(), caller("greedy"), caller("other"));
        let mut first = planners.begin(&greedy, Patience::Waits(None), 2);
        assert_eq!(long(&mut first), Some(true));
        let mut second = planners.begin(&greedy, Patience::Waits(None), 1);
        assert_eq!(long(&mut second), None, "two plan at a time");
        let mut turn = Box::pin(planners.turn(&greedy));
        assert!((&mut turn).now_or_never().is_none(), "two turns at a time");
        let mut proof = planners.begin(&greedy, Patience::GoesOn, 1);
        assert_eq!(long(&mut proof), Some(true), "an accepted proof waits");
        let mut cheap = planners.begin(&greedy, Patience::Waits(None), 1);
        let decided = cheap.decide(|_| ()).now_or_never().unwrap();
        assert!(matches!(decided, Ok(((), false))), "a cheap request waits");
        let mut others = planners.begin(&other, Patience::Waits(None), 1);
        assert_eq!(long(&mut others), Some(true), "another caller waits");
        assert_eq!(long(&mut first), Some(true), "the turn is lost between decisions");
        drop((first, second, others));
        let turn = turn.now_or_never().expect("the turn is not given back");
        assert_eq!(long(&mut planners.begin(&greedy, Patience::Waits(Some(turn)), 1)), Some(true));
        let _ = planners.of(&other);
        assert_eq!(planners.0.lock().unwrap().len(), 1, "locks that nobody needs are kept");
    }

    #[test]
    fn other_tasks_run_before_each_decision_of_many_steps() {
        let (planners, greedy) = (Planners::default(), caller("greedy"));
        let mut planning = planners.begin(&greedy, Patience::Waits(None), 2);
        for _ in 0..2 {
            assert!(planning.decide(expensive).now_or_never().is_none());
        }
    }
}
