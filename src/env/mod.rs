//! The world outside: what time it is, and chance. Arguments everywhere else, so that a test decides both.

pub mod request;

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use rand::Rng as _;

use crate::domain::moment::Moment;

/// Says what time it is.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Moment;
}

/// Gives bytes that nobody can guess.
pub trait Entropy: Send + Sync {
    /// Fills `out`.
    fn fill(&self, out: &mut [u8]);
}

impl dyn Entropy + '_ {
    /// That many bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }
}

/// The operating system's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that asks the operating system for the time"
    )]
    fn now(&self) -> Moment {
        let micros = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_micros()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |m| -m),
        };
        Moment::from_micros(micros)
    }
}

/// A clock that stands still until it is told: for tests, of this crate and of who builds on it.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Starts at that moment.
    #[must_use]
    pub fn at(moment: Moment) -> Self {
        Self(AtomicI64::new(moment.micros()))
    }

    /// Moves to that moment, forth or back.
    pub fn set(&self, moment: Moment) {
        self.0.store(moment.micros(), Ordering::SeqCst);
    }

    /// Moves forth.
    pub fn advance(&self, span: std::time::Duration) {
        self.set(self.now().plus(span));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Moment {
        Moment::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// The thread's generator, seeded and reseeded by the operating system.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks for chance")]
    fn fill(&self, out: &mut [u8]) {
        rand::rng().fill_bytes(out);
    }
}
