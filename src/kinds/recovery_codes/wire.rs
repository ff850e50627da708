//! Between the protobuf messages and recovery codes.

use super::state::CODES_MAX;
use super::{Setup, State};
use crate::domain::secret::SecretText;
use crate::domain::violation::{Problem, Violations};
use crate::kinds::wire::given;
use crate::wire::{convert, pb};

/// Parses a setup, noting every problem under its field (`recovery_codes.count`).
pub fn setup(setup: pb::RecoveryCodesSetup, violations: &mut Violations) -> Option<Setup> {
    let count = violations.take("recovery_codes.count", count(setup.count))?;
    Some(Setup { count })
}

/// Parses how many codes are asked for. `None`: as many as the tenant's default.
///
/// # Errors
/// Says what would be right.
pub fn count(count: u32) -> Result<Option<u32>, Problem> {
    given(count, 0, |count| match usize::try_from(count) {
        Ok(1..=CODES_MAX) => Ok(count),
        _ => Err(Problem::new(format!("must be 1 to {CODES_MAX}, and is {count}"))),
    })
}

/// Its part of the protobuf `Device`.
pub(super) fn detail(state: &State) -> pb::device::Detail {
    pb::device::Detail::RecoveryCodes(pb::RecoveryCodesDetail {
        remaining: state.remaining(),
        issue_time: Some(convert::timestamp(state.issued_at())),
    })
}

/// Codes, as the user is shown them once.
#[must_use]
pub fn shown(codes: &[SecretText]) -> pb::RecoveryCodes {
    pb::RecoveryCodes { codes: codes.iter().map(|code| code.expose().to_owned()).collect() }
}
