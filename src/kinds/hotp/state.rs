//! What is kept of an HOTP device in the open, and how it moves.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::domain::secret::Secret;
use crate::kinds::form::Form;
use crate::kinds::oath::Generator;
use crate::kinds::oath::algorithm::Algorithm;
use crate::kinds::oath::parameters::{Digits, LookAhead};

/// How many counters ahead consecutive codes are looked for.
pub const RESYNC_COUNTERS: u64 = 100;

/// The newest form of the JSON.
pub(super) const FORM: u8 = 1;

/// What is kept in the open. The names in JSON are what is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The form of the JSON.
    #[serde(rename = "v")]
    pub form: Form<FORM>,
    /// The hash.
    #[serde(rename = "alg")]
    pub algorithm: Algorithm,
    /// The length of a code.
    pub digits: Digits,
    /// The next counter to expect. Every smaller one is used up; it only grows.
    pub counter: u64,
    /// How many counters ahead are accepted.
    #[serde(rename = "ahead")]
    pub look_ahead: LookAhead,
}

impl State {
    /// A device that has accepted nothing yet.
    #[must_use]
    pub fn new(algorithm: Algorithm, digits: Digits, counter: u64, look_ahead: LookAhead) -> Self {
        Self { form: Form, algorithm, digits, counter, look_ahead }
    }

    pub(super) fn generator(&self, secret: &Secret) -> Generator {
        Generator::new(self.algorithm, secret, self.digits)
    }

    /// The counters whose codes are accepted.
    pub(super) fn window(&self) -> RangeInclusive<u64> {
        self.counter..=self.counter.saturating_add(self.look_ahead.value().into())
    }

    /// The counters at which consecutive codes may begin.
    pub(super) fn resync_window(&self) -> RangeInclusive<u64> {
        self.counter..=self.counter.saturating_add(RESYNC_COUNTERS)
    }

    /// The counter that was used last, or skipped last: the one whose reuse is told from a wrong code.
    pub(super) fn last_used(&self) -> Option<u64> {
        self.counter.checked_sub(1)
    }

    /// The state in which that counter and all before it are used up. `None`: there is none after it, so
    /// it could not be used up.
    pub(super) fn used(&self, counter: u64) -> Option<Self> {
        Some(Self { counter: counter.checked_add(1)?, ..self.clone() })
    }
}
