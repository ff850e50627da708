//! Between the protobuf messages and HOTP.

use super::{Setup, State};
use crate::domain::violation::Violations;
use crate::kinds::oath::parameters::{self, LookAhead};
use crate::kinds::oath::wire as oath;
use crate::wire::pb;

/// Parses a setup, noting every problem under its field (`hotp.digits`).
pub fn setup(setup: pb::HotpSetup, violations: &mut Violations) -> Option<Setup> {
    let pb::HotpSetup { algorithm, digits, counter, secret, account_name, look_ahead } = setup;
    let fields = oath::Fields { algorithm, digits, secret, account_name };
    let oath = oath::setup("hotp", fields, violations);
    let counter = violations.take("hotp.counter", parameters::counter(counter));
    let look_ahead = violations.take("hotp.look_ahead", look_ahead.map(LookAhead::try_from).transpose());
    Some(Setup { oath: oath?, counter: counter?, look_ahead: look_ahead? })
}

/// Its part of the protobuf `Device`.
pub(super) fn detail(state: &State) -> pb::device::Detail {
    pb::device::Detail::Hotp(pb::HotpDetail {
        algorithm: oath::algorithm(state.algorithm).into(),
        digits: state.digits.value(),
        counter: state.counter,
        look_ahead: state.look_ahead.value(),
    })
}
