//! A list of codes, each usable once: look-up secrets of NIST SP 800-63B-4, 3.1.2.

pub mod code;
mod issue;
mod state;
pub mod wire;

#[cfg(test)]
mod tests;

use subtle::Choice;

use self::code::Typed;
use self::state::FORM;
use super::contract::{Authenticator, Detail, Judgement, Judging, Made, Making, SetupMessage, Shown};
use crate::domain::kind::{Capability, Effort, Kind, KindInfo};
use crate::domain::proof::{Offered, Reject};
use crate::domain::secret::Secret;
use crate::domain::setting::Setting;
use crate::domain::strength::Strength;
use crate::domain::violation::Violations;
use crate::error::Fault;

pub use self::issue::{Held, ListFull, add_chosen, held, issue};
pub use self::state::{CODES_MAX, State};

/// The name of the kind.
pub const KIND: Kind = Kind::named("recovery_codes");

/// Codes of a list, unless an enrollment asks for another number.
pub static COUNT: Setting = Setting::number("recovery_codes", 10, 1, 50);

/// The kind.
pub struct RecoveryCodes;

/// What is asked for of a new list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Setup {
    /// How many codes: at most 50. `None`: as many as the tenant's default.
    pub count: Option<u32>,
}

impl Authenticator for RecoveryCodes {
    const INFO: &'static KindInfo = &KindInfo {
        kind: KIND,
        form: FORM,
        label: "Recovery codes",
        effort: Effort::Recovery,
        capability: Capability::Code,
        strengths: || vec![Strength { recovery: true, ..Strength::one_time_code() }],
        is_confirmed_by_proof: false,
        guessing: None,
        loses_step: false,
        settings: &[&COUNT],
    };
    type Setup = Setup;
    type State = State;
    type Proof = Typed;

    fn parse(message: SetupMessage, violations: &mut Violations) -> Result<Option<Setup>, SetupMessage> {
        match message {
            SetupMessage::RecoveryCodes(message) => Ok(wire::setup(message, violations)),
            other => Err(other),
        }
    }

    /// A code that an operator chose may be short.
    fn can_be_guessed(state: &State) -> bool {
        state.has_chosen()
    }

    fn make(setup: Setup, cx: &Making<'_>) -> Result<Made<State>, Fault> {
        let count = setup.count.unwrap_or(cx.policy.kinds.number(&COUNT));
        let (state, codes) =
            issue(None, count, false, cx).map_err(|e| Fault::internal("making recovery codes", e))?;
        Ok(Made { state, secret: Secret::new(Vec::new()), shown: Shown::Codes(codes) })
    }

    fn read(state: &State, Offered::Code(typed): &Offered) -> Option<Typed> {
        Typed::read(typed, state.has_chosen())
    }

    /// Every hash is compared, whichever matches: the time does not tell which code it was, nor whether it
    /// was used.
    fn judge(state: &State, _: &Secret, typed: &Typed, cx: &Judging<'_>) -> Judgement<State> {
        let matches = |hashed: &state::Hashed| hashed.matches(typed, cx.device, cx.keyring);
        let unused: Vec<Choice> = state.unused.iter().map(matches).collect();
        let used: Vec<Choice> = state.used.iter().map(matches).collect();
        if any(&unused) {
            return Judgement::Accepted(state.spend(&unused));
        }
        Judgement::Rejected(if any(&used) { Reject::Replayed } else { Reject::Mismatch })
    }

    fn joined(newer: &State, older: &State) -> State {
        newer.joined(older)
    }

    fn remaining(state: &State) -> Option<u32> {
        Some(state.remaining())
    }

    fn detail(state: &State) -> Detail {
        wire::detail(state)
    }
}

fn any(choices: &[Choice]) -> bool {
    choices.iter().fold(Choice::from(0), |any, choice| any | *choice).into()
}
