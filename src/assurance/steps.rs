//! A bound on the work of searching plans. It counts steps, and not time: the same question gets the same answer on any
//! machine, however busy it is.

use std::cell::Cell;

use super::budget::DECISION_STEPS_MAX;

/// The steps of one search for new devices, of which a decision makes three at most.
const ENROLLMENT_STEPS_MAX: u64 = DECISION_STEPS_MAX / 8;

/// The steps that a decision may still take.
#[derive(Debug)]
pub struct Steps {
    most: u64,
    taken: Cell<u64>,
    have_run_out: Cell<bool>,
}

impl Steps {
    /// So many steps.
    #[must_use]
    pub fn new(most: u64) -> Self {
        Self { most, taken: Cell::new(0), have_run_out: Cell::new(false) }
    }

    /// The steps of a search for new devices. It has its own, so that it finds the same each time it is repeated for one
    /// decision. There are few kinds of devices, and so few steps.
    #[must_use]
    pub(super) fn of_enrollment() -> Self {
        Self::new(ENROLLMENT_STEPS_MAX)
    }

    /// Takes steps, which may be more than are left. Whether there are still some.
    pub(crate) fn take(&self, steps: u64) -> bool {
        self.taken.set(self.taken.get() + steps);
        if self.taken.get() > self.most {
            self.run_out();
        }
        !self.have_run_out.get()
    }

    /// Ends what may be taken.
    pub(super) fn run_out(&self) {
        self.have_run_out.set(true);
    }

    /// Whether more was to be done than there were steps for.
    #[must_use]
    pub fn have_run_out(&self) -> bool {
        self.have_run_out.get()
    }

    /// The steps that were taken.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken.get()
    }
}
