//! Between the protobuf messages and TOTP.

use super::{Setup, State};
use crate::domain::moment::Moment;
use crate::domain::violation::{Problem, Violations};
use crate::kinds::oath::parameters::{Period, Tolerance};
use crate::kinds::oath::wire as oath;
use crate::wire::{convert, pb};

/// Parses a setup, noting every problem under its field (`totp.digits`).
pub fn setup(setup: pb::TotpSetup, violations: &mut Violations) -> Option<Setup> {
    let pb::TotpSetup { algorithm, digits, period, secret, account_name, tolerance, start_time } = setup;
    let fields = oath::Fields { algorithm, digits, secret, account_name };
    let oath = oath::setup("totp", fields, violations);
    let period = violations.take("totp.period", period.map(parse_period).transpose());
    let tolerance = violations.take("totp.tolerance", tolerance.map(Tolerance::try_from).transpose());
    let t0 = violations.take("totp.start_time", start_time.map_or(Ok(0), parse_start));
    Some(Setup { oath: oath?, period: period?, tolerance: tolerance?, t0: t0? })
}

/// Its part of the protobuf `Device`.
pub(super) fn detail(state: &State) -> pb::device::Detail {
    pb::device::Detail::Totp(pb::TotpDetail {
        algorithm: oath::algorithm(state.algorithm).into(),
        digits: state.digits.value(),
        period: Some(prost_types::Duration { seconds: state.period.value().into(), nanos: 0 }),
        tolerance: state.tolerance.value(),
        drift: state.drift,
        last_step: state.last_step,
        start_time: (state.t0 != 0).then(|| convert::timestamp(Moment::from_secs(state.t0))),
    })
}

fn parse_period(period: prost_types::Duration) -> Result<Period, Problem> {
    // What no `u32` holds is past every bound, like what has a fraction.
    let seconds = u32::try_from(period.seconds).ok().filter(|_| period.nanos == 0);
    Period::try_from(seconds.unwrap_or(u32::MAX))
}

fn parse_start(time: prost_types::Timestamp) -> Result<i64, Problem> {
    if time.nanos != 0 {
        return Err(Problem::new("must be in whole seconds"));
    }
    convert::parse_moment(&time).map(Moment::secs)
}
