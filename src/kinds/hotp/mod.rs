//! Counter-based one-time passwords, RFC 4226.

pub mod settings;
mod state;
pub mod wire;

#[cfg(test)]
mod tests;

use self::settings::{DIGITS, LOOK_AHEAD};
use self::state::FORM;
use super::contract::{Authenticator, Detail, Judgement, Judging, Made, Making, SetupMessage, Shown};
use super::oath::code::Code;
use super::oath::parameters::LookAhead;
use super::oath::setup::{OathSetup, at_most, setting};
use super::oath::uri::Factor;
use crate::domain::kind::{Capability, Effort, Kind, KindInfo};
use crate::domain::policy::Policy;
use crate::domain::proof::{Offered, Reject};
use crate::domain::secret::Secret;
use crate::domain::strength::Strength;
use crate::domain::violation::Violations;
use crate::error::{Error, Fault};

pub use self::state::{RESYNC_COUNTERS, State};

/// The name of the kind.
pub const KIND: Kind = Kind::named("hotp");

/// The kind.
pub struct Hotp;

/// What is asked for of a new device. What is `None` takes the tenant's default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Setup {
    /// What it has in common with TOTP.
    pub oath: OathSetup,
    /// The first counter: at most 2^53.
    pub counter: u64,
    /// How many counters ahead are accepted.
    pub look_ahead: Option<LookAhead>,
}

impl Authenticator for Hotp {
    const INFO: &'static KindInfo = &KindInfo {
        kind: KIND,
        form: FORM,
        label: "Token",
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
            SetupMessage::Hotp(message) => Ok(wire::setup(message, violations)),
            other => Err(other),
        }
    }

    /// A window wider than the policy's would make a guess likelier than start-up said.
    fn beyond(setup: &Setup, policy: &Policy) -> Violations {
        at_most(
            "hotp.look_ahead",
            setup.look_ahead.map(|asked| asked.value()),
            policy.kinds.number(&LOOK_AHEAD),
        )
    }

    fn make(setup: Setup, cx: &Making<'_>) -> Result<Made<State>, Fault> {
        let settings = &cx.policy.kinds;
        let digits = setup.oath.digits.map_or_else(|| setting(settings.number(&DIGITS)), Ok)?;
        let look_ahead = setup.look_ahead.map_or_else(|| setting(settings.number(&LOOK_AHEAD)), Ok)?;
        let state = State::new(setup.oath.algorithm, digits, setup.counter, look_ahead);
        let secret = setup.oath.secret(cx);
        let shown = Shown::Oath(setup.oath.otpauth(&secret, digits, Factor::Counter(setup.counter), cx));
        Ok(Made { state, secret, shown })
    }

    /// Begins no earlier than where the counter stopped, since every smaller one is used up. The URI shows that counter.
    fn make_again(setup: Setup, before: &State, cx: &Making<'_>) -> Result<Made<State>, Error> {
        let counter = setup.counter.max(before.counter);
        Ok(Self::make(Setup { counter, ..setup }, cx)?)
    }

    fn read(state: &State, Offered::Code(typed): &Offered) -> Option<Code> {
        Code::read(typed.expose(), state.digits)
    }

    fn judge(state: &State, secret: &Secret, code: &Code, _: &Judging<'_>) -> Judgement<State> {
        let generator = state.generator(secret);
        let found = state.window().find(|counter| generator.produces(*counter, *code));
        if let Some(next) = found.and_then(|counter| state.used(counter)) {
            return Judgement::Accepted(next);
        }
        let is_used = state.last_used().is_some_and(|counter| generator.produces(counter, *code));
        Judgement::Rejected(if is_used { Reject::Replayed } else { Reject::Mismatch })
    }

    /// Two or three consecutive codes, ahead only (RFC 4226, 7.4).
    fn resync(state: &State, secret: &Secret, codes: &[Code], _: &Judging<'_>) -> Option<Judgement<State>> {
        let behind = match codes.len() {
            2 => 1,
            3 => 2,
            _ => return Some(Judgement::Rejected(Reject::Mismatch)),
        };
        let generator = state.generator(secret);
        let is_run_at = |first: u64| generator.produces_run(first, codes);
        let found = state.resync_window().find(|first| is_run_at(*first));
        let next = found.and_then(|first| first.checked_add(behind)).and_then(|last| state.used(last));
        if let Some(next) = next {
            return Some(Judgement::Accepted(next));
        }
        let used = state.last_used().and_then(|last| last.checked_sub(behind));
        let is_used = used.is_some_and(is_run_at);
        Some(Judgement::Rejected(if is_used { Reject::Replayed } else { Reject::Mismatch }))
    }

    fn joined(newer: &State, older: &State) -> State {
        State { counter: newer.counter.max(older.counter), ..newer.clone() }
    }

    fn detail(state: &State) -> Detail {
        wire::detail(state)
    }
}
