//! Callers' bearer tokens, and the hashes that are kept of them.

#[cfg(test)]
mod tests;

use std::fmt;
use std::hash::{Hash, Hasher};

use data_encoding::{BASE64URL_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::domain::secret::SecretText;
use crate::domain::violation::Problem;
use crate::env::Entropy;

/// What a token begins with, so that one in a wrong place is known for what it is.
pub const PREFIX: &str = "cs_";

/// A new token: `cs_` and 256 random bits in 43 characters of base64url.
#[must_use]
pub fn generate(entropy: &dyn Entropy) -> SecretText {
    let bytes = Zeroizing::new(entropy.bytes::<32>());
    let mut text = PREFIX.to_owned();
    text.reserve_exact(43);
    BASE64URL_NOPAD.encode_append(&*bytes, &mut text);
    SecretText::new(text)
}

/// The SHA-256 of a token: all that is kept of it. A fast hash will do, since nobody guesses 256 bits.
#[derive(Clone, Copy)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// Of a token.
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// Parses 64 hexadecimal digits. The hash of the empty text is refused: it is what a script writes whose variable of
    /// the token is not set, and `authorization: Bearer ` would be that caller.
    ///
    /// # Errors
    /// Says what would be right. Does not repeat the text: it may be the token itself.
    pub fn parse(hex: &str) -> Result<Self, Problem> {
        if hex.starts_with(PREFIX) {
            return Err(Problem::new(
                "must be the SHA-256 of the token, not the token: it is out now, make a new one",
            ));
        }
        let bytes = HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok();
        let hash = bytes.and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or_else(|| {
            Problem::new("must be a SHA-256 in 64 hexadecimal digits, as `caller new-token` prints it")
        })?;
        if hash == Self::of("") {
            return Err(Problem::new(
                "must be the SHA-256 of a token, and is that of the empty text: make a token with `caller new-token`",
            ));
        }
        Ok(hash)
    }
}

/// In time that does not depend on the bytes.
impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}
impl Eq for TokenHash {}

impl Hash for TokenHash {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

/// Hexadecimal, lower case: the form for the configuration.
impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenHash({self})")
    }
}
