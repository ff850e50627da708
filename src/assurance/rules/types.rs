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

/// Digits, a sign, a point: no `inf` and no `nan`, which is neither more nor less than anything.
fn number(text: &str) -> Option<Value> {
    if let Ok(whole) = text.parse::<i64>() {
        return Some(Value::from(whole));
    }
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'));
    let number = text.parse::<f64>().ok().filter(|number| plain && number.is_finite())?;
    Some(Value::from(number))
}
