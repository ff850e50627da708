//! How fast proofs may be tried (NIST SP 800-63B-4, 3.2.2).
//!
//! After `n` failures in a row the next proof is looked at `min(factor · 2^(n−1), max_delay)` after the
//! last failure that was counted: at that very moment, and not before. After `lock_after` failures no
//! proof is looked at any more. A success clears the count.
//!
//! Attempts without a device id have a failure count of their own, with the ceiling `subject_max_delay` and without
//! a lock: anybody who knows a subject's id can fail there, and must not lock the user out. A success there clears the
//! count for the device that succeeded only.

use std::time::Duration;

use super::device::Failures;
use super::moment::Moment;

/// The longest delay that a policy may set.
pub const LONGEST_DELAY: Duration = Duration::from_secs(24 * 3600);

/// The curve, its ceiling and the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThrottlePolicy {
    /// The delay after the first failure. Zero: no delay where a device is named, and failures are still counted.
    pub factor: Duration,
    /// No delay is longer: nobody is locked out by a stranger for long.
    pub max_delay: Duration,
    /// The ceiling for attempts without a device id. Each of them may match any device of the subject.
    pub subject_max_delay: Duration,
    /// Failures in a row after which the device is locked.
    pub lock_after: u32,
}

impl Default for ThrottlePolicy {
    fn default() -> Self {
        Self {
            factor: Duration::from_secs(1),
            max_delay: Duration::from_secs(3600),
            subject_max_delay: LONGEST_DELAY,
            lock_after: 100,
        }
    }
}

impl ThrottlePolicy {
    /// The throttle of attempts without a device id: a ceiling of their own, and no lock. A factor of zero becomes
    /// one second, since nothing but the delay bounds them.
    #[must_use]
    pub fn without_device(&self) -> Self {
        let factor = if self.factor.is_zero() { Duration::from_secs(1) } else { self.factor };
        Self { factor, max_delay: self.subject_max_delay, lock_after: u32::MAX, ..*self }
    }

    /// The delay after that many failures in a row.
    #[must_use]
    pub fn delay(&self, failures: u32) -> Duration {
        if failures == 0 || self.factor.is_zero() {
            return Duration::ZERO;
        }
        let doublings = (failures - 1).min(63);
        let micros = self.factor.as_micros().saturating_mul(1u128 << doublings);
        Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX)).min(self.max_delay)
    }

    /// The moment before which no proof is looked at; `None` if that is not in the future.
    #[must_use]
    pub fn retry_at(&self, failures: Failures, now: Moment) -> Option<Moment> {
        let last = failures.last_at?;
        let delay = self.delay(failures.count);
        // Without a delay there is nothing to wait for, wherever the clock was.
        if delay.is_zero() {
            return None;
        }
        // A failure further ahead than any delay was counted under a clock that was wrong. Honouring it
        // would lock the user out until that clock is right; no attacker sets this clock.
        if last.since(now) > self.max_delay {
            return None;
        }
        let at = last.plus(delay);
        (at > now).then_some(at)
    }

    /// One more failure, counted now.
    #[must_use]
    pub fn failed(&self, failures: Failures, now: Moment) -> Failures {
        Failures { count: failures.count.saturating_add(1), last_at: Some(now) }
    }

    /// Whether that many failures lock.
    #[must_use]
    pub fn locks(&self, failures: Failures) -> bool {
        failures.count >= self.lock_after
    }
}
