//! Time-based one-time passwords, RFC 6238.

pub mod settings;
mod state;
mod steps;
pub mod wire;

#[cfg(test)]
mod tests;

use self::settings::{DIGITS, PERIOD, TOLERANCE};
use self::state::FORM;
use super::contract::{
    Authenticator, Detail, Judgement, Judging, Made, Making, SetupMessage, Shown, secret_field,
};
use super::oath::code::Code;
use super::oath::parameters::{Period, Tolerance};
use super::oath::setup::{OathSetup, at_most, setting};
use super::oath::uri::Factor;
use crate::domain::kind::{Capability, Effort, Kind, KindInfo};
use crate::domain::moment::Moment;
use crate::domain::policy::Policy;
use crate::domain::proof::{Offered, Reject};
use crate::domain::secret::Secret;
use crate::domain::strength::Strength;
use crate::domain::violation::Violations;
use crate::error::{Error, Fault};

pub use self::state::{RESYNC_STEPS, State, step};
pub use self::steps::Steps;

/// The name of the kind.
pub const KIND: Kind = Kind::named("totp");

/// The kind.
pub struct Totp;

/// What is asked for of a new device. What is `None` takes the tenant's default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Setup {
    /// What it has in common with HOTP.
    pub oath: OathSetup,
    /// The length of a step.
    pub period: Option<Period>,
    /// How many steps each way are accepted.
    pub tolerance: Option<Tolerance>,
    /// When step 0 began, in seconds since the epoch (`T0` of RFC 6238, 4.1).
    pub t0: i64,
}

impl Authenticator for Totp {
    const INFO: &'static KindInfo = &KindInfo {
        kind: KIND,
        form: FORM,
        label: "Authenticator app",
        effort: Effort::Code,
        capability: Capability::Code,
        strengths: || vec![Strength::one_time_code()],
        is_confirmed_by_proof: true,
        guessing: Some(&settings::GUESSING),
        loses_step: true,
        settings: &settings::ALL,
    };
    type Setup = Setup;
    type State = State;
    type Proof = Code;

    fn parse(message: SetupMessage, violations: &mut Violations) -> Result<Option<Setup>, SetupMessage> {
        match message {
            SetupMessage::Totp(message) => Ok(wire::setup(message, violations)),
            other => Err(other),
        }
    }

    /// A window wider than the policy's would make a guess likelier than start-up said.
    fn beyond(setup: &Setup, policy: &Policy) -> Violations {
        at_most("totp.tolerance", setup.tolerance.map(|asked| asked.value()), policy.kinds.number(&TOLERANCE))
    }

    fn make(setup: Setup, cx: &Making<'_>) -> Result<Made<State>, Fault> {
        let settings = &cx.policy.kinds;
        let period = setup.period.map_or_else(|| setting(settings.number(&PERIOD)), Ok)?;
        let digits = setup.oath.digits.map_or_else(|| setting(settings.number(&DIGITS)), Ok)?;
        let tolerance = setup.tolerance.map_or_else(|| setting(settings.number(&TOLERANCE)), Ok)?;
        let state = State::new(setup.oath.algorithm, digits, period, tolerance, setup.t0);
        let secret = setup.oath.secret(cx);
        let shown = Shown::Oath(setup.oath.otpauth(&secret, digits, Factor::Time(period), cx));
        Ok(Made { state, secret, shown })
    }

    /// Steps can be compared only under the same period and start time. Algorithm and digits may differ: a used step
    /// is used for every code of the secret at that step.
    fn make_again(setup: Setup, before: &State, cx: &Making<'_>) -> Result<Made<State>, Error> {
        let made = Self::make(setup, cx)?;
        if (made.state.period, made.state.t0) != (before.period, before.t0) {
            let (period, t0) = (before.period.value(), before.t0);
            let problem = format!(
                "must be another one, or with the settings with which the subject had it before: a period of {period} s, \
                 and {t0} s after the epoch as its start time"
            );
            return Err(Violations::one(secret_field(&KIND), problem).into());
        }
        let state = made.state.going_on_from(before);
        Ok(Made { state, ..made })
    }

    fn read(state: &State, Offered::Code(typed): &Offered) -> Option<Code> {
        Code::read(typed.expose(), state.digits)
    }

    fn judge(state: &State, secret: &Secret, code: &Code, cx: &Judging<'_>) -> Judgement<State> {
        let clock = state.step_at(cx.now);
        let generator = state.generator(secret);
        // There is no step before step 0: a negative one has no code.
        let is_code_of = |step: i64| u64::try_from(step).is_ok_and(|step| generator.produces(step, *code));

        let fresh = state.window(clock).find(|step| state.is_fresh(*step) && is_code_of(*step));
        if let Some(step) = fresh {
            return Judgement::Accepted(state.used(step, clock, &cx.policy.kinds));
        }
        let mut used = state.window(clock).filter(|step| !state.is_fresh(*step)).chain(state.last_step);
        Judgement::Rejected(if used.any(is_code_of) { Reject::Replayed } else { Reject::Mismatch })
    }

    /// Two or three consecutive codes, the last of them alive under the learned or an exact clock, or
    /// ahead. Codes that have expired stay dead: whoever saw some earlier cannot bring them back.
    fn resync(state: &State, secret: &Secret, codes: &[Code], cx: &Judging<'_>) -> Option<Judgement<State>> {
        let behind = match codes.len() {
            2 => 1,
            3 => 2,
            _ => return Some(Judgement::Rejected(Reject::Mismatch)),
        };
        let clock = state.step_at(cx.now);
        let generator = state.generator(secret);
        let mut reason = Reject::Mismatch;
        for first in state.resync_window(clock, behind) {
            if !u64::try_from(first).is_ok_and(|step| generator.produces_run(step, codes)) {
                continue;
            }
            let last = first.saturating_add(behind);
            if (first..=last).all(|step| state.is_fresh(step)) {
                return Some(Judgement::Accepted(state.found(first, last, clock)));
            }
            reason = Reject::Replayed;
        }
        Some(Judgement::Rejected(reason))
    }

    fn joined(newer: &State, older: &State) -> State {
        newer.joined(older)
    }

    fn is_ahead(state: &State, now: Moment) -> bool {
        state.is_ahead(state.step_at(now))
    }

    fn set_back(state: &State, now: Moment) -> Option<State> {
        let clock = state.step_at(now);
        state.is_ahead(clock).then(|| state.set_back_to(clock))
    }

    fn detail(state: &State) -> Detail {
        wire::detail(state)
    }
}
