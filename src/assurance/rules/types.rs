//! What an attribute is. Callers send text; what it stands for follows from what it is compared with, never
//! from what it looks like: an account number `0123` compared with a text stays a text.

use cel::Value;

/// A type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    /// A whole number or a decimal fraction.
    Number,
    /// Text.
    Text,
    /// `true` or `false`.
    Truth,
}

impl Type {
    /// What it is called in a message.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::Text => "a text",
            Self::Truth => "true or false",
        }
    }

    /// Reads an attribute; nothing if it is not of this type.
    pub(super) fn read(self, text: &str) -> Option<Value> {
        match self {
            Self::Text => Some(Value::from(text)),
            Self::Truth => text.parse::<bool>().ok().map(Value::from),
            Self::Number => number(text),
        }
    }
}

/// Decimal digits that `f64` tells apart: numbers of as many compare as they are written.
const EXACT_DIGITS: usize = 15;

/// Digits, a sign, a point: no `inf` and no `nan`, which is neither more nor less than anything. A number that `f64`
/// would round to another one cannot be read: a little more than a limit must not become the limit.
fn number(text: &str) -> Option<Value> {
    if let Ok(whole) = text.parse::<i64>() {
        return Some(Value::from(whole));
    }
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'));
    let number = text.parse::<f64>().ok().filter(|_| plain)?;
    let digits = text.split(['e', 'E']).next()?.replace(['.', '-', '+'], "");
    let digits = digits.trim_matches('0');
    let is_exact = if digits.is_empty() { number == 0.0 } else { number.is_normal() };
    (is_exact && digits.len() <= EXACT_DIGITS).then(|| Value::from(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_would_be_rounded_cannot_be_read() {
        for text in
            ["1", "-0", "+5", "1000.0000000000000000", "0.1", "1e3", "123456789.012345", "9007199254740993"]
        {
            assert!(number(text).is_some(), "{text}");
        }
        for text in [
            "1000.00000000000001",
            "9007199254740993.0",
            "1e-400",
            "1e400",
            "5e-324",
            "nan",
            "inf",
            "1_0",
            "",
        ] {
            assert!(number(text).is_none(), "{text}");
        }
    }
}
