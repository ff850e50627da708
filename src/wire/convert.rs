//! Small conversions that every message needs.

use std::time::Duration;

use super::pb;
use crate::domain::device::Kind;
use crate::domain::moment::Moment;

/// A moment as protobuf writes it.
#[must_use]
pub fn timestamp(moment: Moment) -> prost_types::Timestamp {
    let micros = moment.micros();
    prost_types::Timestamp {
        seconds: micros.div_euclid(1_000_000),
        nanos: i32::try_from(micros.rem_euclid(1_000_000) * 1000).unwrap_or(0),
    }
}

/// A span as protobuf writes it.
#[must_use]
pub fn duration(span: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(span.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(span.subsec_nanos()).unwrap_or(0),
    }
}

/// A moment as protobuf wrote it; what is finer than a microsecond is dropped.
#[must_use]
pub fn moment(timestamp: &prost_types::Timestamp) -> Moment {
    let micros = i64::from(timestamp.nanos) / 1000;
    Moment::from_micros(timestamp.seconds.saturating_mul(1_000_000).saturating_add(micros))
}

/// A moment for people: RFC 3339, UTC, whole seconds.
#[must_use]
pub fn rfc3339(timestamp: &prost_types::Timestamp) -> String {
    prost_types::Timestamp { seconds: timestamp.seconds, nanos: 0 }.to_string()
}

/// A span for people: `30s`, `1.500s`.
#[must_use]
pub fn seconds(duration: &prost_types::Duration) -> String {
    duration.to_string()
}

/// A field mask that names these fields.
#[must_use]
pub fn mask(fields: &[&str]) -> prost_types::FieldMask {
    prost_types::FieldMask { paths: fields.iter().map(|field| (*field).to_owned()).collect() }
}

/// A kind as the protobuf names it.
#[must_use]
pub fn kind(kind: Kind) -> pb::DeviceKind {
    match kind {
        Kind::Totp => pb::DeviceKind::Totp,
        Kind::Hotp => pb::DeviceKind::Hotp,
        Kind::RecoveryCodes => pb::DeviceKind::RecoveryCodes,
    }
}
