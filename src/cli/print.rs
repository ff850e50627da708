//! Answers in words: tables, times, devices, verdicts. Never a secret.

mod decision;
mod evidence;

#[cfg(test)]
mod tests;

use std::io::{self, Write};

pub(super) use self::decision::{decided, joint_absence};
pub(super) use self::evidence::{EVIDENCE, evidence, gained};
use super::Answer;
use crate::wire::convert::rfc3339;
use crate::wire::detail::detail;
use crate::wire::pb;

/// Writes rows in columns, aligned, under a heading.
pub(super) fn table<const N: usize>(
    out: &mut dyn Write,
    heading: [&str; N],
    rows: &[[String; N]],
) -> io::Result<()> {
    let mut widths = heading.map(|cell| cell.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for row in std::iter::once(&heading.map(str::to_owned)).chain(rows) {
        let cells: Vec<_> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        writeln!(out, "{}", cells.join("  ").trim_end())?;
    }
    Ok(())
}

/// Writes names and values, aligned. Empty values are left out.
pub(super) fn fields<N: AsRef<str>>(out: &mut dyn Write, fields: &[(N, String)]) -> io::Result<()> {
    let shown = || fields.iter().filter(|(_, value)| !value.is_empty());
    let width = shown().map(|(name, _)| name.as_ref().len()).max().unwrap_or(0) + 1;
    shown().try_for_each(|(name, value)| writeln!(out, "{:width$} {value}", format!("{}:", name.as_ref())))
}

/// A kind of device in a word: `totp`, `recovery-codes`.
pub(super) fn kind(number: i32) -> String {
    bare(pb::DeviceKind::try_from(number).ok().map(|kind| kind.as_str_name()), "DEVICE_KIND_", number)
}

/// A state of a device in a word.
pub(super) fn state(number: i32) -> String {
    bare(pb::DeviceState::try_from(number).ok().map(|state| state.as_str_name()), "DEVICE_STATE_", number)
}

/// A name without its prefix, in lower case; a number that a newer server has a name for stays one.
fn bare(name: Option<&str>, prefix: &str, number: i32) -> String {
    let rest = name.and_then(|name| name.strip_prefix(prefix));
    rest.map_or_else(|| number.to_string(), |rest| rest.to_lowercase().replace('_', "-"))
}

/// A device in one row.
pub(super) fn row(device: &pb::Device) -> [String; 6] {
    let used = device.last_used_time.as_ref().map_or_else(|| "never".to_owned(), rfc3339);
    let preferred = if device.preferred { "*" } else { "" };
    [
        device.id.clone(),
        preferred.to_owned(),
        kind(device.kind),
        state(device.state),
        used,
        device.name.clone(),
    ]
}

/// The heading over [`row`]s.
pub(super) const HEADING: [&str; 6] = ["DEVICE", "*", "KIND", "STATE", "LAST USED", "NAME"];

/// All that is known of a device.
pub(super) fn device(out: &mut dyn Write, device: &pb::Device) -> io::Result<()> {
    let time = |time: &Option<_>| time.as_ref().map_or_else(String::new, rfc3339);
    let lines = vec![
        ("device", device.id.clone()),
        ("subject", device.subject.clone()),
        ("name", device.name.clone()),
        ("kind", kind(device.kind)),
        ("state", state(device.state)),
        ("preferred", if device.preferred { "yes".to_owned() } else { String::new() }),
        ("created", time(&device.create_time)),
        ("confirmed", time(&device.confirm_time)),
        ("last used", time(&device.last_used_time)),
        ("expires", time(&device.expire_time)),
    ];
    let of_kind = detail(device).into_iter().map(|(name, value)| (name.replace('_', " "), value));
    let throttle = device.throttle.as_ref().map_or_else(String::new, throttle);
    let lines = lines.into_iter().map(|(name, value)| (name.to_owned(), value));
    let lines: Vec<_> = lines.chain(of_kind).chain([("throttle".to_owned(), throttle)]).collect();
    fields(out, &lines)
}

/// How fast codes may be tried, in words.
pub(super) fn throttle(throttle: &pb::Throttle) -> String {
    let failures = match throttle.failure_count {
        0 => return "no failures".to_owned(),
        1 => "1 failure".to_owned(),
        count => format!("{count} failures in a row"),
    };
    let retry = throttle.retry_time.as_ref();
    let retry = retry.map_or_else(String::new, |time| format!(", next try at {time}"));
    match throttle.failures_until_lock {
        // Of a device: it is locked, and its state says so. Of a subject: it is never locked.
        0 => format!("{failures}{retry}"),
        left => format!("{failures}{retry}, {left} until it is locked"),
    }
}

/// A verdict in words, and as an answer.
pub(super) fn verdict(verdict: Option<&pb::Verdict>) -> (String, Answer) {
    let Some(verdict) = verdict else { return ("no verdict".to_owned(), Answer::No) };
    let retry = verdict.retry_time.as_ref();
    let retry = retry.map_or_else(String::new, |time| format!(", next try at {time}"));
    let words = match verdict.outcome() {
        pb::Outcome::Accepted => return ("accepted".to_owned(), Answer::Yes),
        pb::Outcome::Rejected => {
            let reason = match verdict.reject_reason() {
                pb::RejectReason::Mismatch => "not the right code",
                pb::RejectReason::Replayed => "the code was used before",
                pb::RejectReason::Malformed => "no code of this device looks like that; not counted",
                pb::RejectReason::Unspecified => "for a reason that this version does not know",
            };
            format!("rejected: {reason}{retry}")
        }
        pb::Outcome::Throttled => format!("throttled: not looked at, too soon after a failure{retry}"),
        pb::Outcome::Unavailable => "unavailable: the device is locked or suspended".to_owned(),
        pb::Outcome::Unspecified => "an outcome that this version does not know".to_owned(),
    };
    (words, Answer::No)
}

/// Codes that are shown once, one a line.
pub(super) fn codes(out: &mut dyn Write, codes: Option<&pb::RecoveryCodes>) -> io::Result<()> {
    let codes = codes.map(|list| list.codes.as_slice()).unwrap_or_default();
    codes.iter().try_for_each(|code| writeln!(out, "{code}"))
}

/// A word as a shell takes it.
pub(super) fn word(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'@' | b'/');
    if !text.is_empty() && text.bytes().all(plain) && !text.starts_with('-') {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}
