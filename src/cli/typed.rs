//! What people type, read; and what this program makes up.

use std::io::{BufRead as _, Read as _};
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::failure::Failure;
use crate::domain::kind::Kind;
use crate::domain::secret::{Secret, SecretText};
use crate::kinds;

/// The longest line that is read from standard input, in bytes.
const LINE_MAX: u64 = 4096;

/// Reads a kind of devices by its name, with `-` for `_`: `recovery-codes`.
pub(super) fn kind() -> impl TypedValueParser<Value = Kind> {
    static NAMES: LazyLock<Vec<String>> =
        LazyLock::new(|| kinds::infos().iter().map(|info| info.kind.as_str().replace('_', "-")).collect());
    PossibleValuesParser::new(NAMES.iter().map(String::as_str))
        .map(|name| Kind::trusted(name.replace('-', "_")))
}

/// Reads a span of time: `500ms`, `10s`, `2m`, or seconds as a bare number.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    let right = || "must be a time like 500ms, 10s or 2m, longer than nothing".to_owned();
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().map_err(|_| right())?;
    let millis = match unit {
        "ms" => Some(number),
        "s" | "" => number.checked_mul(1000),
        "m" => number.checked_mul(60_000),
        _ => None,
    };
    millis.filter(|millis| (1..=86_400_000).contains(millis)).map(Duration::from_millis).ok_or_else(right)
}

/// A code as it was typed; `-` stands for a line of standard input, so that no list of processes shows it.
pub(super) fn code(argument: &str) -> Result<String, Failure> {
    if argument != "-" {
        return Ok(argument.to_owned());
    }
    typed_line("code")
}

/// The first line of standard input.
fn typed_line(what: &str) -> Result<String, Failure> {
    let mut line = String::new();
    std::io::stdin().lock().take(LINE_MAX).read_line(&mut line).map_err(Failure::error)?;
    let text = line.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(Failure::error(format!("standard input holds no {what}: write one on its first line")));
    }
    Ok(text.to_owned())
}

/// Consecutive codes as they were typed; a single `-` stands for the words of a line of standard input.
pub(super) fn codes(arguments: &[String]) -> Result<Vec<String>, Failure> {
    match arguments {
        [only] if only == "-" => Ok(code(only)?.split_whitespace().map(str::to_owned).collect()),
        codes => Ok(codes.to_vec()),
    }
}

/// A secret from a file of base32 (RFC 4648), as apps show it: in any case, with spaces, dashes and padding.
/// `-` stands for standard input. What is wrong with it is said without repeating it.
pub(super) fn secret(file: &Path) -> Result<Secret, Failure> {
    let unreadable = |e| Failure::error(format!("{} cannot be read: {e}", file.display()));
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin().lock().take(LINE_MAX).read_to_string(&mut text).map_err(unreadable)?;
    } else {
        text = std::fs::read_to_string(file).map_err(unreadable)?;
    }
    base32(SecretText::new(text)).ok_or_else(|| {
        Failure::error(format!("{} must hold a secret in base32: A to Z and 2 to 7", file.display()))
    })
}

/// The token on the first line of a file; `-` stands for standard input.
pub(super) fn token(file: &Path) -> Result<String, Failure> {
    if file == Path::new("-") {
        return typed_line("token");
    }
    let text = std::fs::read_to_string(file)
        .map_err(|e| Failure::error(format!("{} cannot be read: {e}", file.display())))?;
    let token = text.lines().next().unwrap_or_default().trim();
    if token.is_empty() {
        return Err(Failure::error(format!("{} must hold a token on its first line", file.display())));
    }
    Ok(token.to_owned())
}

/// Reads a SHA-256 in hexadecimal digits.
pub(super) fn digest(text: &str) -> Result<[u8; 32], String> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| "must be a SHA-256: 64 hexadecimal digits".to_owned())
}

/// Reads what a caller knows: `NAME=VALUE`.
pub(super) fn attribute(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("must be a name and a value, like amount=250".to_owned()),
    }
}

fn base32(text: SecretText) -> Option<Secret> {
    let kept = |c: &char| !c.is_ascii_whitespace() && !matches!(c, '-' | '=');
    let text = SecretText::new(text.expose().chars().filter(kept).collect());
    let bytes = data_encoding::BASE32_NOPAD_NOCASE.decode(text.expose().as_bytes()).ok()?;
    (!bytes.is_empty()).then(|| Secret::new(bytes))
}

/// A random UUID (RFC 9562, 5.4) of these bytes.
pub(super) fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = data_encoding::HEXLOWER.encode(&bytes);
    let groups = [0..8, 8..12, 12..16, 16..20, 20..32];
    groups.map(|group| hex.get(group).unwrap_or_default().to_owned()).join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::RequestId;

    #[test]
    fn spans_have_a_unit_or_are_seconds() {
        assert_eq!(span("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(span("10"), Ok(Duration::from_secs(10)));
        assert_eq!(span("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(span("2m"), Ok(Duration::from_secs(120)));
        for wrong in ["", "s", "0s", "-1s", "1.5s", "1h", "25000m", "99999999999999999999s"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn base32_is_read_as_apps_show_it() {
        let plain = base32(SecretText::new("MZXW6YTBOI".into()));
        assert_eq!(plain, Some(Secret::new(b"foobar".to_vec())));
        assert_eq!(base32(SecretText::new(" mzxw 6ytb-oi======\n".into())), plain);
        for wrong in ["", "\n", "MZXW6YTBO1", "MZXW6YTBO", "é"] {
            assert_eq!(base32(SecretText::new(wrong.into())), None, "{wrong}");
        }
    }

    #[test]
    fn digests_have_64_digits_in_any_case() {
        assert_eq!(digest(&"0aB".repeat(22)[..64]).map(|digest| digest[0]), Ok(0x0a));
        for wrong in ["", "0a", &"0".repeat(63), &"0".repeat(66), &"x".repeat(64)] {
            assert!(digest(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_attribute_may_hold_anything_behind_its_name() {
        let pair = |name: &str, value: &str| Ok((name.to_owned(), value.to_owned()));
        assert_eq!(attribute("amount=250"), pair("amount", "250"));
        assert_eq!(attribute("query=a=b"), pair("query", "a=b"));
        assert_eq!(attribute("empty="), pair("empty", ""));
        assert!(attribute("=x").is_err() && attribute("amount").is_err());
    }

    #[test]
    fn the_token_is_on_the_first_line_of_its_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "csc_abc \n# a note\n").unwrap();
        assert_eq!(token(file.path()).unwrap(), "csc_abc");
        assert!(token(Path::new("/nonexistent")).is_err());
        for empty in ["", " \n", "\ncsc_abc\n"] {
            std::fs::write(file.path(), empty).unwrap();
            assert!(token(file.path()).is_err(), "{empty:?}");
        }
    }

    #[test]
    fn a_made_up_id_is_a_random_uuid_that_the_server_takes() {
        for bytes in [[0; 16], [0xff; 16], [0x5a; 16]] {
            let id = uuid(bytes);
            assert!(RequestId::parse(&id).is_ok(), "{id}");
            assert_eq!(id.chars().nth(14), Some('4'));
            assert!(id.chars().nth(19).is_some_and(|c| "89ab".contains(c)), "{id}");
        }
    }
}
