//! From a value as it was written to a value that is valid.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Duration;

use toml::Value;

use super::error::ConfigError;
use super::layers::Sourced;

/// Takes values out of a layer, and notes what is wrong with them.
pub(super) struct Take<'a> {
    values: &'a BTreeMap<String, Sourced>,
    errors: &'a mut ConfigError,
}

impl<'a> Take<'a> {
    pub(super) fn from(values: &'a BTreeMap<String, Sourced>, errors: &'a mut ConfigError) -> Self {
        Self { values, errors }
    }

    /// A value, parsed; the default where it is left out or wrong.
    pub(super) fn parsed<T, E: Display>(
        &mut self,
        name: &str,
        default: T,
        parse: impl FnOnce(&Value) -> Result<T, E>,
    ) -> T {
        let Some(Sourced { value, place }) = self.values.get(name) else { return default };
        parse(value).unwrap_or_else(|problem| {
            self.errors.add(place, problem);
            default
        })
    }

    /// A value that may be left out.
    pub(super) fn maybe<T, E: Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&Value) -> Result<T, E>,
    ) -> Option<T> {
        self.parsed(name, None, |value| parse(value).map(Some))
    }
}

/// Text.
pub(super) fn text(value: &Value) -> Result<String, String> {
    value.as_str().map(str::to_owned).ok_or_else(|| "must be text, in quotes".to_owned())
}

/// Yes or no.
pub(super) fn flag(value: &Value) -> Result<bool, String> {
    match value {
        Value::Boolean(flag) => Ok(*flag),
        Value::String(text) if text == "true" => Ok(true),
        Value::String(text) if text == "false" => Ok(false),
        _ => Err("must be true or false".to_owned()),
    }
}

/// A whole number within bounds.
pub(super) fn number<T: TryFrom<i64>>(value: &Value, least: i64, most: i64) -> Result<T, String> {
    let number = match value {
        Value::Integer(number) => Some(*number),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number
        .filter(|number| (least..=most).contains(number))
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| format!("must be a whole number from {least} to {most}"))
}

/// A span of time within bounds: `250ms`, `30s`, `15m`, `1h`, `14d`.
pub(super) fn span(value: &Value, least: Duration, most: Duration) -> Result<Duration, String> {
    let parsed = value.as_str().and_then(parse_span);
    parsed.filter(|span| (least..=most).contains(span)).ok_or_else(|| {
        format!(
            "must be a time from {} to {}, like 250ms, 30s, 15m, 1h or 14d",
            show_span(least),
            show_span(most)
        )
    })
}

/// Texts: a list, or in the environment one text with commas.
pub(super) fn texts(value: &Value) -> Result<Vec<String>, String> {
    match value {
        Value::Array(values) => values
            .iter()
            .map(|value| {
                value.as_str().map(str::to_owned).ok_or_else(|| "must be a list of texts".to_owned())
            })
            .collect(),
        Value::String(text) => {
            Ok(text.split(',').map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned).collect())
        }
        _ => Err("must be a list of texts".to_owned()),
    }
}

fn parse_span(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let seconds = match unit {
        "ms" => return Some(Duration::from_millis(number)),
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return None,
    };
    number.checked_mul(seconds).map(Duration::from_secs)
}

/// A span of time as it is written.
pub(super) fn show_span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        _ if span.subsec_millis() != 0 || seconds == 0 => format!("{}ms", span.as_millis()),
        _ if seconds.is_multiple_of(24 * 3600) => format!("{}d", seconds / (24 * 3600)),
        _ if seconds.is_multiple_of(3600) => format!("{}h", seconds / 3600),
        _ if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}
