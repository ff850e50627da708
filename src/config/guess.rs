//! How likely it is that guesses at one subject succeed under a policy.
//!
//! A device can be guessed at by its id until it is locked (Verify and ResyncDevice share one failure count), and by
//! attempts without an id, each of which may match any device of the subject. ConfirmDevice does not count: a caller that
//! may confirm a device may enroll one whose secret it knows. Generated recovery codes do not count: they have 80 bits.

use std::time::Duration;

use crate::domain::kind::Guessing;
use crate::domain::policy::Policy;
use crate::domain::throttle::ThrottlePolicy;
use crate::kinds;

const DAY: Duration = Duration::from_secs(24 * 3600);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
/// A policy that allows a likelier success within a year is refused.
const MOST: f64 = 0.01;

/// The guesses that a policy allows at a subject whose owner never signs in meanwhile. A sign-in clears the failure
/// count of the device that succeeded, and so allows more guesses at that one, but none at the others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guess {
    /// Devices that a subject may have.
    pub devices: u32,
    /// Guesses at one device by its id within a year.
    pub named: u32,
    /// Attempts without a device id within a year. Every device may judge each of them.
    pub unnamed: u32,
    /// Guesses on the first day, at all devices, with and without ids.
    pub first_day: u64,
    /// Guesses within a year, at all devices, with and without ids.
    pub year: u64,
    /// The chance of one success within a year, with the widest window of codes that a device may have.
    pub chance: f64,
}

impl Guess {
    /// Of a policy.
    #[must_use]
    pub fn of(policy: &Policy) -> Self {
        let devices = policy.devices_per_subject;
        let in_time = |time| {
            let named = guesses(&policy.throttle, time);
            (named, guesses(&policy.throttle.without_device(), time))
        };
        let all = |(named, unnamed)| u64::from(devices) * (u64::from(named) + u64::from(unnamed));
        let (named, unnamed) = in_time(YEAR);
        let year = all((named, unnamed));
        // A request may ask for as few as 6 digits, whatever the default is.
        let windows = guessing().map(|guessing| (guessing.window)(&policy.kinds));
        let window = windows.max().unwrap_or_default();
        let miss = 1.0 - f64::from(window) / 1e6;
        #[expect(clippy::cast_precision_loss, reason = "a count of guesses is far below 2^52")]
        let chance = 1.0 - miss.powf(year as f64);
        Self { devices, named, unnamed, first_day: all(in_time(DAY)), year, chance }
    }

    /// Whether the chance is too high to start with.
    #[must_use]
    pub fn is_too_likely(&self) -> bool {
        self.chance > MOST
    }

    /// Why it is refused.
    pub(super) fn refusal(&self) -> String {
        format!(
            "allows {} guesses at a subject in a year ({} devices, {} guesses at each by its id and {} without one): a \
             chance of {:.2} % that one is right. At most 1 % is accepted: lower devices_per_subject, {} \
             or throttle.lock_after, or raise throttle.subject_max_delay or throttle.factor",
            self.year,
            self.devices,
            self.named,
            self.unnamed,
            self.chance * 100.0,
            guessing().map(|guessing| guessing.setting.name).collect::<Vec<_>>().join(", ")
        )
    }
}

/// How each kind of devices that can be guessed is.
fn guessing() -> impl Iterator<Item = &'static Guessing> {
    kinds::infos().iter().filter_map(|info| info.guessing)
}

/// In words, for the start.
impl std::fmt::Display for Guess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "a subject with {} devices can be guessed at {} times on a first day and {} times a year ({} at each device \
             by its id, then it is locked; {} without one, each at every device): a chance of {:.2} % a year, unless its \
             owner signs in meanwhile, which clears a device's count",
            self.devices,
            self.first_day,
            self.year,
            self.named,
            self.unnamed,
            self.chance * 100.0
        )
    }
}

/// The number of guesses within `time`, each as soon as the back-off allows it.
#[must_use]
pub fn guesses(throttle: &ThrottlePolicy, time: Duration) -> u32 {
    let mut passed = Duration::ZERO;
    let mut count = 0;
    while count < throttle.lock_after {
        let delay = throttle.delay(count);
        // Once the ceiling is reached, all delays are the same.
        if delay == throttle.max_delay && !delay.is_zero() {
            let rest = time.saturating_sub(passed).as_micros() / delay.as_micros();
            return count.saturating_add(u32::try_from(rest).unwrap_or(u32::MAX)).min(throttle.lock_after);
        }
        passed = passed.saturating_add(delay);
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

    fn with(throttle: ThrottlePolicy) -> Guess {
        Guess::of(&Policy { throttle, ..Policy::default() })
    }

    #[test]
    fn the_defaults_stay_below_one_in_a_hundred_for_a_subject() {
        let guess = Guess::of(&Policy::default());
        assert_eq!((guess.devices, guess.named, guess.unnamed), (6, 100, 381));
        assert_eq!(guess.year, 6 * (100 + 381));
        // At a device, delays of 1, 2, 4, … 2048 s make 4,095 s; then an hour each. Without one, 1, 2, … 32,768 s.
        assert_eq!(guess.first_day, 6 * (13 + (24 * 3600 - 4095) / 3600 + 17));
        assert!((guess.chance - 0.008_621).abs() < 1e-5, "{}", guess.chance);
        assert!(!guess.is_too_likely());
    }

    #[test]
    fn without_delays_the_lock_bounds_named_guesses_and_a_delay_the_others() {
        let guess = with(ThrottlePolicy { factor: Duration::ZERO, ..ThrottlePolicy::default() });
        assert_eq!((guess.named, guess.unnamed), (100, 381));
    }

    #[test]
    fn a_ceiling_of_an_hour_without_a_lock_is_refused() {
        let hour = Duration::from_secs(3600);
        let guess = with(ThrottlePolicy { subject_max_delay: hour, ..ThrottlePolicy::default() });
        assert_eq!(guess.unnamed, 8_771);
        assert!(guess.is_too_likely());
    }

    #[test]
    fn the_ceiling_is_counted_as_the_delays_before_it_are() {
        for factor in [1, 3, 10, 60, 3600, 86_400] {
            for ceiling in [1, 5, 64, 3600, 86_400] {
                let throttle = ThrottlePolicy {
                    factor: Duration::from_secs(factor),
                    max_delay: Duration::from_secs(ceiling),
                    lock_after: u32::MAX,
                    ..ThrottlePolicy::default()
                };
                let (mut passed, mut count) = (Duration::ZERO, 0);
                while passed <= DAY {
                    count += 1;
                    passed += throttle.delay(count);
                }
                assert_eq!(guesses(&throttle, DAY), count, "{factor} s, {ceiling} s");
            }
        }
    }
}
