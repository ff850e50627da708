//! A code as a user types it.

use std::fmt;

use subtle::{Choice, ConstantTimeEq};

use super::parameters::Digits;

/// A code of as many digits as its device has. Since that length is fixed, two codes are the same text if
/// and only if they are the same number: numbers compare without a branch on the digits.
#[derive(Clone, Copy)]
pub struct Code(u32);

impl Code {
    /// Reads what was typed: ASCII spaces and dashes are dropped, and what is left must be exactly that
    /// many ASCII digits. `None`: it cannot be a code of this device. Other scripts' digits, signs and
    /// underscores are not digits: a second way to write a code is a second code to keep track of.
    #[must_use]
    pub fn read(typed: &str, digits: Digits) -> Option<Self> {
        let mut value = 0;
        let mut count = 0;
        for byte in typed.bytes().filter(|byte| !matches!(byte, b' ' | b'-')) {
            count += 1;
            if !byte.is_ascii_digit() || count > digits.value() {
                return None;
            }
            value = value * 10 + u32::from(byte - b'0');
        }
        (count == digits.value()).then_some(Self(value))
    }

    /// Whether it is that value, in a time that does not depend on either.
    pub(super) fn is(self, value: u32) -> Choice {
        self.0.ct_eq(&value)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code")
    }
}
