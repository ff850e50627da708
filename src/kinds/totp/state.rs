//! What is kept of a TOTP device in the open, and how it moves.

use std::cmp::Ordering;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::settings::{LEARN_DRIFT, MAX_DRIFT};
use super::steps::Steps;
use crate::domain::moment::Moment;
use crate::domain::secret::Secret;
use crate::domain::setting::Settings;
use crate::kinds::form::Form;
use crate::kinds::oath::Generator;
use crate::kinds::oath::algorithm::Algorithm;
use crate::kinds::oath::parameters::{Digits, Period, Tolerance};

/// How many steps ahead of the clock consecutive codes are looked for.
pub const RESYNC_STEPS: i64 = 20;
/// How many steps are searched at most.
const RESYNC_SPAN: i64 = 1000;

/// The newest form of the JSON.
pub(super) const FORM: u8 = 2;

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
    /// The step of the last accepted code; only a greater one is accepted. Setting the device back moves it to the
    /// step before the current window; steps that were accepted while the clock was ahead stay in `accepted`.
    #[serde(rename = "last", default, skip_serializing_if = "Option::is_none")]
    pub last_step: Option<i64>,
    /// Every accepted step. Empty in form 1, where every step up to `last_step` counts as accepted.
    #[serde(rename = "acc", default, skip_serializing_if = "Steps::is_empty")]
    pub accepted: Steps,
    /// The number of times that an operator set the device back.
    #[serde(rename = "back", default, skip_serializing_if = "is_none_yet")]
    pub set_back: u32,
}

fn is_none_yet(count: &u32) -> bool {
    *count == 0
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
        let (drift, last_step, accepted, set_back) = Default::default();
        Self { form: Form, algorithm, digits, period, tolerance, t0, drift, last_step, accepted, set_back }
    }

    /// The step that an exact clock shows.
    #[must_use]
    pub fn step_at(&self, now: Moment) -> i64 {
        step(now, self.t0, self.period)
    }

    pub(super) fn generator(&self, secret: &Secret) -> Generator {
        Generator::new(self.algorithm, secret, self.digits)
    }

    /// True if a code of the step may still be accepted.
    pub(super) fn is_fresh(&self, step: i64) -> bool {
        self.last_step.is_none_or(|last| step > last) && !self.accepted.contains(step)
    }

    /// Every accepted step.
    fn accepted(&self) -> Steps {
        match self.last_step {
            Some(last) if self.accepted.is_empty() => Steps::up_to(last),
            _ => self.accepted.clone(),
        }
    }

    /// True if the last step lies beyond all that could be accepted when an exact clock shows `clock`. The clock was
    /// ahead when it was accepted, and the device accepts nothing until then.
    pub(super) fn is_ahead(&self, clock: i64) -> bool {
        let tolerance = i64::from(self.tolerance.value());
        let reach = clock.max(clock.saturating_add(self.drift.into())).saturating_add(tolerance);
        self.last_step.is_some_and(|last| last > reach)
    }

    /// The state in which codes are accepted again when an exact clock shows `clock`, but none that was accepted
    /// before. The drift is reset, since it was learned from a clock that was ahead.
    pub(super) fn set_back_to(&self, clock: i64) -> Self {
        let set_back = self.set_back.saturating_add(1);
        let mut next = Self { drift: 0, accepted: self.accepted(), set_back, ..self.clone() };
        let window = next.window(clock);
        // A code that is older than an accepted one stays dead, as it was before the clock was ahead.
        let newest = next.accepted.newest_until(*window.end());
        next.last_step = newest.max(Some(window.start().saturating_sub(1)));
        next
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
    pub(super) fn used(&self, step: i64, clock: i64, settings: &Settings) -> Self {
        let (drift, bound) = (i64::from(self.drift), i64::from(settings.number(&MAX_DRIFT)));
        let learned = step.saturating_sub(clock).clamp(drift.min(-bound), drift.max(bound));
        let drift = if settings.flag(&LEARN_DRIFT) { learned } else { drift };
        let drift = i32::try_from(drift).unwrap_or(self.drift);
        Self { drift, last_step: Some(step), accepted: self.accepted().with(step, step), ..self.clone() }
    }

    /// The same state, in which the steps that `other` has used up are used up as well. Drift and last step come from
    /// the state that was set back more often: the last step of the other may have been accepted while the clock was
    /// ahead. Between two that were set back as often, they come from the one with the later step.
    pub(super) fn joined(&self, other: &Self) -> Self {
        let leads = match self.set_back.cmp(&other.set_back) {
            Ordering::Less => other,
            Ordering::Equal if other.last_step > self.last_step => other,
            _ => self,
        };
        let Self { drift, last_step, set_back, .. } = *leads;
        let mine = self.accepted();
        let all = mine.clone().union(&other.accepted());
        // A state in which nothing is missing is left unchanged, also one of form 1.
        let lacks_nothing = all == mine && last_step == self.last_step;
        let accepted = if lacks_nothing { self.accepted.clone() } else { all };
        Self { drift, last_step, accepted, set_back, ..self.clone() }
    }

    /// The same state, of a device that has accepted nothing yet, in which all that `before` has used up is used up.
    pub(super) fn going_on_from(self, before: &Self) -> Self {
        let Self { drift, last_step, set_back, .. } = *before;
        Self { drift, last_step, accepted: before.accepted(), set_back, ..self }
    }

    /// The state after consecutive codes were found, of the steps from `first` to `last`. They prove where the
    /// user's clock is: the drift becomes that, whatever learning from single codes may do.
    pub(super) fn found(&self, first: i64, last: i64, clock: i64) -> Self {
        let drift = i32::try_from(last.saturating_sub(clock)).unwrap_or(self.drift);
        Self { drift, last_step: Some(last), accepted: self.accepted().with(first, last), ..self.clone() }
    }
}
