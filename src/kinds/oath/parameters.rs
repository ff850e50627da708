//! The numbers and texts that describe an OATH device, each within its bounds once it is parsed.

use serde::{Deserialize, Serialize};

use crate::domain::secret::Secret;
use crate::domain::violation::Problem;

/// The longest account name, in bytes.
pub const ACCOUNT_MAX: usize = 255;
/// The shortest and the longest secret, in bytes. RFC 4226 (R6) asks for at least 128 bits.
pub const SECRET_BYTES: std::ops::RangeInclusive<usize> = 16..=64;
/// The highest first counter of an HOTP device: beyond it, JSON readers elsewhere would round.
pub const COUNTER_MAX: u64 = 1 << 53;

macro_rules! bounded {
    ($(#[$doc:meta])* $name:ident, $min:literal..=$max:literal, $right:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(try_from = "u32", into = "u32")]
        pub struct $name(u32);

        impl $name {
            /// The least.
            pub const MIN: Self = Self($min);
            /// The most.
            pub const MAX: Self = Self($max);

            /// As a number.
            #[must_use]
            pub const fn value(self) -> u32 {
                self.0
            }
        }

        impl TryFrom<u32> for $name {
            type Error = Problem;

            fn try_from(value: u32) -> Result<Self, Problem> {
                if ($min..=$max).contains(&value) {
                    return Ok(Self(value));
                }
                Err(Problem::new(concat!("must be ", $right)))
            }
        }

        impl From<$name> for u32 {
            fn from(value: $name) -> u32 {
                value.0
            }
        }
    };
}

bounded!(
    /// How many digits a code has (RFC 4226, 5.3): 6 to 8.
    Digits, 6..=8, "6, 7 or 8"
);
bounded!(
    /// The length of a TOTP time step (RFC 6238, 4.1), in seconds: 15 to 120.
    Period, 15..=120, "15 to 120 whole seconds"
);
bounded!(
    /// How many TOTP steps each way are accepted (RFC 6238, 5.2): 0 to 4.
    Tolerance, 0..=4, "0 to 4 steps"
);
bounded!(
    /// How many HOTP counters ahead are accepted (RFC 4226, 7.4): 0 to 20.
    LookAhead, 0..=20, "0 to 20 counters"
);

impl Default for Digits {
    /// What an `otpauth://` URI without digits means.
    fn default() -> Self {
        Self(6)
    }
}

impl Default for Period {
    /// What an `otpauth://` URI without a period means.
    fn default() -> Self {
        Self(30)
    }
}

/// Parses the first counter of an HOTP device: at most 2^53.
///
/// # Errors
/// Says what would be right.
pub fn counter(value: u64) -> Result<u64, Problem> {
    if value > COUNTER_MAX {
        return Err(Problem::new("must be at most 2^53"));
    }
    Ok(value)
}

/// Parses a secret that was made elsewhere: 16 to 64 bytes.
///
/// # Errors
/// Says what would be right.
pub fn secret(bytes: Vec<u8>) -> Result<Secret, Problem> {
    let secret = Secret::new(bytes);
    let length = secret.expose().len();
    if !SECRET_BYTES.contains(&length) {
        return Err(Problem::new(format!("must be 16 to 64 bytes, and has {length}")));
    }
    Ok(secret)
}

/// Parses what an authenticator app shows as the account: 1 to 255 bytes without control characters.
///
/// # Errors
/// Says what would be right.
pub fn account(text: &str) -> Result<String, Problem> {
    if text.is_empty() {
        return Err(Problem::new("must not be empty"));
    }
    if text.len() > ACCOUNT_MAX {
        return Err(Problem::new(format!("must be at most {ACCOUNT_MAX} bytes, and has {}", text.len())));
    }
    if text.chars().any(char::is_control) {
        return Err(Problem::new("must not hold control characters"));
    }
    Ok(text.to_owned())
}
