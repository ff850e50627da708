//! Fields that many messages have.

use crate::domain::ids::{DeviceId, DeviceName, Subject};
use crate::domain::proof::Offered;
use crate::domain::violation::{Problem, Violations};
use crate::error::Error;
use crate::kinds;
use crate::wire::pb;

/// The subject.
pub(super) fn subject(violations: &mut Violations, text: &str) -> Option<Subject> {
    violations.take("subject", Subject::parse(text))
}

/// A device that must be named.
pub(super) fn device_id(violations: &mut Violations, text: &str) -> Option<DeviceId> {
    violations.take("device_id", DeviceId::parse(text))
}

/// A device that may be left out.
pub(super) fn device_id_or_none(violations: &mut Violations, text: &str) -> Option<DeviceId> {
    if text.is_empty() { None } else { device_id(violations, text) }
}

/// A name that may be left out.
pub(super) fn name_or_none(violations: &mut Violations, text: &str) -> Option<DeviceName> {
    if text.is_empty() { None } else { violations.take("name", DeviceName::parse(text)) }
}

/// A proof.
pub(super) fn proof(violations: &mut Violations, proof: Option<pb::Proof>) -> Option<Offered> {
    kinds::wire::offered(proof, violations)
}

/// Numbers of an enum, each known and set.
pub(super) fn all<T>(
    violations: &mut Violations,
    field: &str,
    numbers: &[i32],
    of: impl Fn(i32) -> Option<T>,
) -> Vec<T> {
    let mut values = Vec::new();
    for (i, number) in numbers.iter().enumerate() {
        match of(*number) {
            Some(value) => values.push(value),
            None => violations.push(format!("{field}[{i}]"), Problem::new(format!("{number} is not known"))),
        }
    }
    values
}

/// Everything that is parsed, or everything that is wrong.
pub(super) fn checked<T>(violations: Violations, parsed: Option<T>) -> Result<T, Error> {
    match parsed {
        Some(parsed) if violations.is_empty() => Ok(parsed),
        _ if violations.is_empty() => Err(Violations::one("request", "is not complete").into()),
        _ => Err(violations.into()),
    }
}
