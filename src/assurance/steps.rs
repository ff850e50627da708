//! A bound on the work of searching plans. It counts steps, and not time: the same question gets the same answer on any
//! machine, however busy it is.

use std::cell::Cell;

/// The steps that all decisions of one request may take together. A step is about a nanosecond of a server processor
/// of 2024: the bench `decision` measures what the most of them take.
pub const STEPS_MAX: u64 = 8_000_000;

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

    /// The share of each of so many requirements, beside which they are decided together.
    #[must_use]
    pub fn of_each(requirements: usize) -> Self {
        let shares = u64::try_from(requirements).unwrap_or(u64::MAX).max(1);
        Self::new(if shares == 1 { STEPS_MAX } else { STEPS_MAX / 2 / shares })
    }

    /// The share of the joint decision.
    #[must_use]
    pub fn of_joint() -> Self {
        Self::new(STEPS_MAX / 2)
    }

    /// The steps of a search for new devices. It has its own, so that it finds the same each time it is repeated for one
    /// decision. There are few kinds of devices, and so few steps.
    #[must_use]
    pub(super) fn of_enrollment() -> Self {
        Self::new(STEPS_MAX / 64)
    }

    /// Takes steps, which may be more than are left. Whether there are still some.
    pub(super) fn take(&self, steps: u64) -> bool {
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
