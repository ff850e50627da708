//! What a throttle allows to who guesses.

use std::time::Duration;

use crate::domain::policy::Policy;

const DAY: Duration = Duration::from_secs(24 * 3600);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
/// A setting that allows a likelier success within a year is refused.
const MOST: f64 = 0.01;

/// What a policy allows to who guesses at one device, whose owner never logs in meanwhile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guess {
    /// Guesses on the first day.
    pub first_day: u32,
    /// Guesses within a year.
    pub year: u32,
    /// The chance of one success within a year, with the likeliest kind of codes that the policy allows.
    pub chance: f64,
}

impl Guess {
    /// Of a policy.
    #[must_use]
    pub fn of(policy: &Policy) -> Self {
        let year = guesses(policy, YEAR);
        // 6 digits are the shortest that a request may ask for, whatever the default is.
        let totp = f64::from(2 * policy.totp.tolerance + 1) / 1e6;
        let hotp = f64::from(policy.hotp.look_ahead + 1) / 1e6;
        let chance = 1.0 - (1.0 - totp.max(hotp)).powf(f64::from(year));
        Self { first_day: guesses(policy, DAY), year, chance }
    }

    /// Whether the chance is too high to start with.
    #[must_use]
    pub fn is_too_likely(&self) -> bool {
        self.chance > MOST
    }

    /// Why it is refused.
    pub(super) fn refusal(&self) -> String {
        format!(
            "allows {} guesses at a device in a year, a chance of {:.2} % to be right once; at most 1 % is \
             accepted: lower throttle.lock_after, totp.tolerance or hotp.look_ahead, or raise throttle.factor",
            self.year,
            self.chance * 100.0
        )
    }
}

/// In words, for the start.
impl std::fmt::Display for Guess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "a device can be guessed at {} times on a first day and {} times a year before it is locked: \
             a chance of {:.3} %",
            self.first_day,
            self.year,
            self.chance * 100.0
        )
    }
}

/// How many guesses fit into that time, each at the first moment that it is looked at.
fn guesses(policy: &Policy, time: Duration) -> u32 {
    let mut passed = Duration::ZERO;
    let mut count = 0;
    while count < policy.throttle.lock_after {
        passed = passed.saturating_add(policy.throttle.delay(count));
        if passed > time {
            break;
        }
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::throttle::ThrottlePolicy;

    #[test]
    fn the_defaults_allow_a_hundred_guesses_and_six_in_ten_thousand() {
        let guess = Guess::of(&Policy::default());
        assert_eq!(guess.year, 100);
        // Delays of 1, 2, 4, … 2048 s make 4,095 s; then an hour each.
        assert_eq!(guess.first_day, 13 + (24 * 3600 - 4095) / 3600);
        assert!((guess.chance - 6e-4).abs() < 1e-5, "{}", guess.chance);
        assert!(!guess.is_too_likely());
    }

    #[test]
    fn without_delays_the_lock_is_what_bounds_them() {
        let throttle = ThrottlePolicy { factor: Duration::ZERO, ..ThrottlePolicy::default() };
        let guess = Guess::of(&Policy { throttle, ..Policy::default() });
        assert_eq!((guess.first_day, guess.year), (100, 100));
    }
}
