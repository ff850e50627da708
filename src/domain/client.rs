//! Remembered clients: a browser or an app that outlives sessions. Being recognised is not authentication: it
//! only lets evidence of the client's scope be found again.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::ids::{ClientId, ClientName};
use super::moment::Moment;
use super::secret::SecretText;

/// What a token begins with, so that one in a wrong place is known for what it is.
const PREFIX: &str = "csc_";
/// Bytes of the client's id in a token, before the secret ones.
const ID: usize = 16;
/// Bytes that nobody guesses.
const SECRET: usize = 32;

/// A client that is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Random, opaque.
    pub id: ClientId,
    /// The user's name for it.
    pub name: ClientName,
    /// All that is kept of its token.
    pub token: TokenDigest,
    /// When it was first remembered.
    pub created_at: Moment,
    /// When it was last seen.
    pub seen_at: Moment,
    /// From this moment it is forgotten.
    pub expires_at: Moment,
}

impl Client {
    /// Whether a token is this client's, and its time is not over.
    #[must_use]
    pub fn is_recognised_by(&self, token: &ClientToken, now: Moment) -> bool {
        self.id == token.id && self.token == token.digest && now < self.expires_at
    }
}

/// The SHA-256 of a token: all that is kept of it. A fast hash will do, since nobody guesses 256 bits.
#[derive(Clone, Copy)]
pub struct TokenDigest(pub [u8; 32]);

/// In time that does not depend on the bytes.
impl PartialEq for TokenDigest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}
impl Eq for TokenDigest {}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest")
    }
}

/// A client's token as it was shown by whoever calls: which client it says it is of, and its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientToken {
    /// The client.
    pub id: ClientId,
    /// What the token's digest must be.
    pub digest: TokenDigest,
}

impl ClientToken {
    /// A new token, of random bytes, and the text for the client to keep: `csc_` and 64 characters of
    /// base64url. The text is shown once and kept nowhere.
    #[must_use]
    pub fn generate(bytes: [u8; ID + SECRET]) -> (Self, SecretText) {
        let bytes = Zeroizing::new(bytes);
        let mut text = PREFIX.to_owned();
        text.reserve_exact(64);
        BASE64URL_NOPAD.encode_append(&*bytes, &mut text);
        (Self::of(&text, &*bytes), SecretText::new(text))
    }

    /// Reads a token. `None`: it is none, and so no client's. What a browser shows may be anything; that is
    /// not the caller's mistake.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(BASE64URL_NOPAD.decode(text.strip_prefix(PREFIX)?.as_bytes()).ok()?);
        (bytes.len() == ID + SECRET).then(|| Self::of(text, &bytes))
    }

    fn of(text: &str, bytes: &[u8]) -> Self {
        let mut id = [0; ID];
        id.copy_from_slice(&bytes[..ID]);
        Self { id: ClientId::from_entropy(id), digest: TokenDigest(Sha256::digest(text).into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(token: &ClientToken) -> Client {
        let at = Moment::from_secs;
        Client {
            id: token.id.clone(),
            name: ClientName::trusted("Firefox"),
            token: token.digest,
            created_at: at(1),
            seen_at: at(1),
            expires_at: at(10),
        }
    }

    #[test]
    fn a_client_is_recognised_by_its_own_token_until_its_time_is_over() {
        let (token, text) = ClientToken::generate([7; 48]);
        assert_eq!(ClientToken::read(text.expose()), Some(token.clone()));
        let client = client(&token);
        let just_before = Moment::from_micros(9_999_999);
        assert!(client.is_recognised_by(&token, just_before));
        assert!(!client.is_recognised_by(&token, Moment::from_secs(10)));
        // The right id with another secret, and another id.
        let mut bytes = [7; 48];
        bytes[47] = 8;
        assert!(!client.is_recognised_by(&ClientToken::generate(bytes).0, just_before));
        assert!(!client.is_recognised_by(&ClientToken::generate([8; 48]).0, just_before));
    }

    #[test]
    fn what_is_no_token_is_no_clients() {
        let (_, text) = ClientToken::generate([7; 48]);
        let text = text.expose();
        assert_eq!(text.len(), 68);
        let long = format!("{text}AAAA");
        for other in ["", "csc_", "cs_AAAA", &text[4..], &text[..64], &long, &format!("{text}=")] {
            assert_eq!(ClientToken::read(other), None, "{other}");
        }
    }
}
