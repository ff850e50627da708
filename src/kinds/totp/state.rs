//! What is kept of a TOTP device in the open, and how it moves.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::domain::moment::Moment;
use crate::domain::policy::TotpPolicy;
use crate::domain::secret::Secret;
use crate::kinds::form::Form;
use crate::kinds::oath::Generator;
use crate::kinds::oath::algorithm::Algorithm;
use crate::kinds::oath::parameters::{Digits, Period, Tolerance};

/// How many steps ahead of the clock consecutive codes are looked for.
pub const RESYNC_STEPS: i64 = 20;
/// How many steps are searched at most.
const RESYNC_SPAN: i64 = 1000;

/// What is kept in the open. The names in JSON are what is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The form of the JSON.
    #[serde(rename = "v")]
    pub form: Form<1>,
    /// The hash.
    #[serde(rename = "alg")]
    pub algorithm: Algorithm,
    /// The length of a code.
    pub digits: Digits,
    /// The length of a step.
    pub period: Period,
    /// How many steps each way are accepted.
    #[serde(rename = "tol")]
    pub tolerance: Tolerance,
    /// When step 0 began, in seconds since the epoch.
    #[serde(default)]
    pub t0: i64,
    /// How many steps the user's clock is ahead of ours, as far as it was learned.
    #[serde(default)]
    pub drift: i32,
    /// The step of the last accepted code. Only a greater one is accepted.
    #[serde(rename = "last", default, skip_serializing_if = "Option::is_none")]
    pub last_step: Option<i64>,
}

/// The step at a moment (RFC 6238, 4.2), rounded down: before `t0` it is negative.
#[must_use]
pub fn step(now: Moment, t0: i64, period: Period) -> i64 {
    now.secs().saturating_sub(t0).div_euclid(i64::from(period.value()))
}

impl State {
    /// A device that has accepted nothing yet.
    #[must_use]
    pub fn new(algorithm: Algorithm, digits: Digits, period: Period, tolerance: Tolerance, t0: i64) -> Self {
        Self { form: Form, algorithm, digits, period, tolerance, t0, drift: 0, last_step: None }
    }

    /// The step that an exact clock shows.
    #[must_use]
    pub fn step_at(&self, now: Moment) -> i64 {
        step(now, self.t0, self.period)
    }

    pub(super) fn generator(&self, secret: &Secret) -> Generator {
        Generator::new(self.algorithm, secret, self.digits)
    }

    /// Whether the step is after every accepted one.
    pub(super) fn is_fresh(&self, step: i64) -> bool {
        self.last_step.is_none_or(|last| step > last)
    }

    /// The steps whose codes are accepted when an exact clock shows `clock`, if they are fresh.
    pub(super) fn window(&self, clock: i64) -> RangeInclusive<i64> {
        let centre = clock.saturating_add(self.drift.into());
        let tolerance = i64::from(self.tolerance.value());
        centre.saturating_sub(tolerance)..=centre.saturating_add(tolerance)
    }

    /// The steps at which consecutive codes may begin, the last of which is `behind` steps later: from where
    /// that last one is alive, under the learned or an exact clock, to 20 steps ahead. A drift that is
    /// larger already is searched, and not moved on: searching twice does not reach twice as far.
    pub(super) fn resync_window(&self, clock: i64, behind: i64) -> RangeInclusive<i64> {
        let learned = clock.saturating_add(self.drift.into());
        let alive = clock.min(learned).saturating_sub(self.tolerance.value().into());
        let most = clock.saturating_add(RESYNC_STEPS).max(learned.saturating_sub(behind));
        // Two clocks that are years apart are not searched from one to the other.
        alive.saturating_sub(behind).max(most.saturating_sub(RESYNC_SPAN))..=most
    }

    /// The state in which that step and all before it are used up, and the drift is learned from it.
    ///
    /// Learning moves the drift to at most `max_drift` either way, so that a code from further ahead is
    /// never accepted for long. A drift that is larger already is kept, and may only shrink.
    pub(super) fn used(&self, step: i64, clock: i64, policy: &TotpPolicy) -> Self {
        let (drift, bound) = (i64::from(self.drift), i64::from(policy.max_drift));
        let learned = step.saturating_sub(clock).clamp(drift.min(-bound), drift.max(bound));
        let drift = if policy.learn_drift { learned } else { drift };
        Self { drift: i32::try_from(drift).unwrap_or(self.drift), last_step: Some(step), ..self.clone() }
    }

    /// This state, in which the steps that another has used up are used up, too. The drift is the later one's.
    pub(super) fn joined(&self, other: &Self) -> Self {
        let is_later = other.last_step > self.last_step;
        let (drift, last_step) =
            if is_later { (other.drift, other.last_step) } else { (self.drift, self.last_step) };
        Self { drift, last_step, ..self.clone() }
    }

    /// This state of a device that has accepted nothing, in which all that another has used up is used up.
    pub(super) fn going_on_from(self, before: &Self) -> Self {
        Self { drift: before.drift, last_step: before.last_step, ..self }
    }

    /// The state after consecutive codes were found, the last of them that of `step`. They prove where the
    /// user's clock is: the drift becomes that, whatever learning from single codes may do.
    pub(super) fn found(&self, step: i64, clock: i64) -> Self {
        let drift = i32::try_from(step.saturating_sub(clock)).unwrap_or(self.drift);
        Self { drift, last_step: Some(step), ..self.clone() }
    }
}
