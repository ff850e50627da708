//! The steps of one request: all its decisions share them.

use super::steps::Steps;

/// The steps that all decisions of one request may take together. A step takes 1 to 1.5 ns of a server processor of 2024,
/// so they are at most 10 ms with what is not counted: the bench `decision` measures them.
pub const REQUEST_STEPS_MAX: u64 = 4_000_000;
/// The steps of one decision at most. A thread that makes a decision serves nobody else meanwhile, so a decision must end
/// within a millisecond.
pub const DECISION_STEPS_MAX: u64 = 400_000;
/// The steps that a request may take at once. One that needs more waits for other requests of its caller.
const AT_ONCE: u64 = 50_000;

/// The steps that are left to a request, and the number of its decisions that are not made.
#[derive(Debug)]
pub struct Budget {
    left: u64,
    taken: u64,
    at_once: u64,
    decisions: u64,
}

impl Budget {
    /// The budget of a request that asks for so many decisions.
    #[must_use]
    pub fn of(decisions: usize) -> Self {
        let decisions = u64::try_from(decisions).unwrap_or(u64::MAX);
        Self { left: REQUEST_STEPS_MAX, taken: 0, at_once: AT_ONCE, decisions }
    }

    /// Makes the next decision with few steps, of which nearly all decisions take fewer. `None`: it runs out of them. With
    /// more steps a decision that does not run out of them stays the same.
    pub fn at_once<T>(&mut self, decide: impl FnOnce(&Steps) -> T) -> Option<T> {
        let steps = Steps::new(self.at_once);
        let decision = decide(&steps);
        self.take(&steps);
        if steps.have_run_out() {
            return None;
        }
        self.decisions = self.decisions.saturating_sub(1);
        Some(decision)
    }

    /// Makes the next decision with its share of what is left. Also returns true if it runs out of steps. Steps that a
    /// decision leaves are divided among those after it.
    pub fn decide<T>(&mut self, decide: impl FnOnce(&Steps) -> T) -> (T, bool) {
        let steps = Steps::new((self.left / self.decisions.max(1)).min(DECISION_STEPS_MAX));
        let decision = decide(&steps);
        self.take(&steps);
        self.decisions = self.decisions.saturating_sub(1);
        (decision, steps.have_run_out())
    }

    /// The steps that were taken.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken
    }

    fn take(&mut self, steps: &Steps) {
        self.taken += steps.taken();
        self.left = self.left.saturating_sub(steps.taken());
        self.at_once = self.at_once.saturating_sub(steps.taken());
    }
}
