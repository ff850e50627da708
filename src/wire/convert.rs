//! Small conversions that every message needs.

use std::time::Duration;

use super::pb;
use crate::domain::kind::Kind;
use crate::domain::moment::Moment;
use crate::domain::violation::Problem;

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

/// The seconds since the epoch that a protobuf `Timestamp` may hold: those of the years 1 to 9999.
const TIMESTAMP_SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// A moment of a request; what is finer than a microsecond is dropped.
///
/// # Errors
/// It is no valid `Timestamp`.
pub fn parse_moment(timestamp: &prost_types::Timestamp) -> Result<Moment, Problem> {
    if !TIMESTAMP_SECONDS.contains(&timestamp.seconds) {
        return Err(Problem::new("must be a moment of the years 1 to 9999"));
    }
    if !(0..1_000_000_000).contains(&timestamp.nanos) {
        return Err(Problem::new("must have 0 to 999999999 nanoseconds"));
    }
    Ok(moment(timestamp))
}

/// A moment as this server wrote it; what is finer than a microsecond is dropped.
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

/// A field mask that names these fields.
#[must_use]
pub fn mask(fields: &[&str]) -> prost_types::FieldMask {
    prost_types::FieldMask { paths: fields.iter().map(|field| (*field).to_owned()).collect() }
}

/// What the names of the kinds begin with in the protobuf.
const KIND: &str = "DEVICE_KIND_";

/// A kind as the protobuf names it: `totp` is `DEVICE_KIND_TOTP`. Unspecified, if it has no such name.
#[must_use]
pub fn kind(kind: &Kind) -> pb::DeviceKind {
    kind_named(kind.as_str())
}

/// The kind of that name as the protobuf names it. Unspecified, if it has no such name.
#[must_use]
pub fn kind_named(name: &str) -> pb::DeviceKind {
    let known = pb::DeviceKind::from_str_name(&format!("{KIND}{}", name.to_ascii_uppercase()));
    known.unwrap_or(pb::DeviceKind::Unspecified)
}

/// The kind that a number on the wire names. `None`: it names none.
#[must_use]
pub fn kind_of(number: i32) -> Option<Kind> {
    let known = pb::DeviceKind::try_from(number).ok().filter(|kind| *kind != pb::DeviceKind::Unspecified)?;
    let name = known.as_str_name().strip_prefix(KIND)?;
    Some(Kind::trusted(name.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NANOS: std::ops::RangeInclusive<i32> = 0..=999_999_999;

    proptest! {
        #[test]
        fn a_valid_timestamp_comes_back_in_microseconds(seconds in TIMESTAMP_SECONDS, nanos in NANOS) {
            let parsed = parse_moment(&prost_types::Timestamp { seconds, nanos }).unwrap();
            prop_assert_eq!(timestamp(parsed), prost_types::Timestamp { seconds, nanos: nanos / 1000 * 1000 });
        }

        #[test]
        fn only_a_valid_timestamp_is_parsed(seconds: i64, nanos: i32) {
            let is_valid = TIMESTAMP_SECONDS.contains(&seconds) && NANOS.contains(&nanos);
            let parsed = parse_moment(&prost_types::Timestamp { seconds, nanos });
            prop_assert_eq!(parsed.is_ok(), is_valid);
        }
    }

    #[test]
    fn a_timestamp_ends_where_the_years_and_the_second_end() {
        let is_valid = |seconds, nanos| parse_moment(&prost_types::Timestamp { seconds, nanos }).is_ok();
        let (first, last) = (*TIMESTAMP_SECONDS.start(), *TIMESTAMP_SECONDS.end());
        assert!(is_valid(first, 0) && is_valid(last, 999_999_999));
        assert!(!is_valid(first - 1, 999_999_999) && !is_valid(last + 1, 0));
        assert!(!is_valid(0, -1) && !is_valid(0, 1_000_000_000));
    }
}
