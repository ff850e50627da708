//! What is kept of a list of recovery codes: hashes, never codes.

use std::fmt;

use data_encoding::BASE64_NOPAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use subtle::{Choice, ConstantTimeEq};

use super::code::{Typed, fold};
use crate::crypto::keyring::{Keyring, Purpose};
use crate::domain::ids::DeviceId;
use crate::domain::moment::Moment;
use crate::domain::secret::SecretText;
use crate::kinds::contract::Making;
use crate::kinds::form::Form;

/// How many unused codes a list holds at most, and how many used ones it remembers.
pub const CODES_MAX: usize = 50;

/// The newest form of the JSON.
pub(super) const FORM: u8 = 1;

/// What is kept in the open. The names in JSON are what is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    #[serde(rename = "v")]
    form: Form<FORM>,
    /// When the newest codes were issued, in microseconds since the epoch.
    #[serde(rename = "at")]
    issued_at: i64,
    /// The unused codes.
    #[serde(rename = "codes")]
    pub(super) unused: Vec<Hashed>,
    /// The used ones of the same list, the latest at the end: a reuse is told from a wrong code.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) used: Vec<Hashed>,
}

/// A code's keyed, salted hash. It covers the device's id: moved to another device it matches nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hashed {
    /// How a code is compared with it.
    #[serde(rename = "m")]
    matching: Matching,
    /// The key in the ring.
    #[serde(rename = "k")]
    key: String,
    #[serde(rename = "s")]
    salt: Bytes<16>,
    #[serde(rename = "h")]
    hash: Bytes<32>,
}

/// How a code is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Matching {
    /// Folded: it was made here.
    #[serde(rename = "f")]
    Folded,
    /// Exactly: it was chosen.
    #[serde(rename = "x")]
    Exact,
}

impl Hashed {
    /// Hashes a code that was made here.
    pub(super) fn made(code: &SecretText, cx: &Making<'_>) -> Option<Self> {
        fold(code.expose()).map(|folded| Self::of(Matching::Folded, &folded, cx))
    }

    /// Hashes a code that was chosen.
    pub(super) fn chosen(code: &SecretText, cx: &Making<'_>) -> Self {
        Self::of(Matching::Exact, code, cx)
    }

    fn of(matching: Matching, code: &SecretText, cx: &Making<'_>) -> Self {
        let salt = cx.entropy.bytes();
        let keyed = cx.keyring.hash(Purpose::Codes, &parts(cx.device, &salt, matching, code));
        Self { matching, key: keyed.key, salt: Bytes(salt), hash: Bytes(keyed.hash) }
    }

    /// Whether it is the hash of what was typed, in a time that does not depend on how much of it is.
    /// Without its key in the ring it is the hash of nothing.
    pub(super) fn matches(&self, typed: &Typed, device: &DeviceId, keyring: &Keyring) -> Choice {
        let code = match self.matching {
            Matching::Folded => typed.folded.as_ref(),
            Matching::Exact => typed.exact.as_ref(),
        };
        let hash = code.and_then(|code| {
            let parts = parts(device, &self.salt.0, self.matching, code);
            keyring.hash_with(&self.key, Purpose::Codes, &parts)
        });
        hash.map_or(Choice::from(0), |hash| hash.ct_eq(&self.hash.0))
    }
}

fn parts<'a>(
    device: &'a DeviceId,
    salt: &'a [u8; 16],
    matching: Matching,
    code: &'a SecretText,
) -> [&'a [u8]; 4] {
    let matching: &[u8] = match matching {
        Matching::Folded => b"folded",
        Matching::Exact => b"exact",
    };
    [device.as_str().as_bytes(), salt, matching, code.expose().as_bytes()]
}

impl fmt::Debug for Hashed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hashed")
    }
}

impl State {
    pub(super) fn new(unused: Vec<Hashed>, used: Vec<Hashed>, now: Moment) -> Self {
        Self { form: Form, issued_at: now.micros(), unused, used }
    }

    /// When the newest codes were issued.
    #[must_use]
    pub fn issued_at(&self) -> Moment {
        Moment::from_micros(self.issued_at)
    }

    /// How many codes are unused.
    #[must_use]
    pub fn remaining(&self) -> u32 {
        u32::try_from(self.unused.len()).unwrap_or(u32::MAX)
    }

    /// Whether there is a code, used or not, that is compared exactly.
    pub(super) fn has_chosen(&self) -> bool {
        self.unused.iter().chain(&self.used).any(|code| code.matching == Matching::Exact)
    }

    /// This state, in which the codes that another has used are used, too.
    pub(super) fn joined(&self, other: &Self) -> Self {
        let used = |code: &Hashed| Choice::from(u8::from(other.used.contains(code)));
        self.spend(&self.unused.iter().map(used).collect::<Vec<_>>())
    }

    /// The state in which those codes are used. The oldest used ones are forgotten.
    pub(super) fn spend(&self, matching: &[Choice]) -> Self {
        let mut next = Self { unused: Vec::new(), ..self.clone() };
        for (code, is_match) in self.unused.iter().zip(matching) {
            let list = if bool::from(*is_match) { &mut next.used } else { &mut next.unused };
            list.push(code.clone());
        }
        next.used.drain(..next.used.len().saturating_sub(CODES_MAX));
        next
    }
}

/// Bytes, base64 without padding in JSON.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Bytes<const N: usize>([u8; N]);

impl<const N: usize> Serialize for Bytes<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_NOPAD.encode(&self.0))
    }
}

impl<'de, const N: usize> Deserialize<'de> for Bytes<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = BASE64_NOPAD.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| serde::de::Error::custom(format!("not {N} bytes of base64")))
    }
}
