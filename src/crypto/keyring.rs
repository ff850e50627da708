//! The key ring: sealing, and keyed hashes.
//!
//! Each key of the ring is a master key of 256 bits that is never used itself: one key for each purpose is
//! derived from it with HKDF-SHA-256 (RFC 5869), once, when the ring is read.
//!
//! Sealing is XChaCha20-Poly1305. Its nonces are 192 random bits, so they need no counter that replicas
//! would have to share, and no limit on how much one key seals. A sealed value is a version byte, the
//! key's id after its length, the nonce, and the ciphertext with its tag. What is authenticated beside it
//! is the version, the key's id and the place where the value belongs.

mod derive;
mod text;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chacha20poly1305::XNonce;
use chacha20poly1305::aead::{Aead, Payload};
use hmac::Mac;

use super::private_file::{self, ReadError};
use crate::domain::secret::Secret;
use crate::env::Entropy;
use derive::Key;
pub use text::RingError;

/// The version of the envelope, and of everything that is derived from a key.
const VERSION: u8 = 1;
/// Bytes of an XChaCha20 nonce.
const NONCE: usize = 24;
/// Bytes of a Poly1305 tag.
const TAG: usize = 16;
/// What the check value seals.
const CHECK: &[u8] = b"countersign";
/// Where it belongs.
const CHECK_PLACE: &[&[u8]] = &[b"check value"];

/// What a keyed hash is for: hashes for one purpose say nothing about another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Recovery codes.
    Codes,
    /// What a request with a request id asked for.
    Requests,
    /// The chain of the audit log.
    Audit,
    /// Fingerprints of secrets, by which a secret that a subject had before is found.
    Fingerprints,
}

/// A keyed hash, and the id of the key that made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedHash {
    /// The key.
    pub key: String,
    /// HMAC-SHA-256.
    pub hash: [u8; 32],
}

/// The key ring: one active key, older ones to open with.
pub struct Keyring {
    active: Arc<Key>,
    keys: BTreeMap<String, Arc<Key>>,
}

/// Why something sealed does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The key that sealed it is not in the ring.
    #[error("the key that sealed it is not in the key ring")]
    KeyMissing,
    /// It was changed, moved to another row, or is not sealed at all.
    #[error("it was changed, or moved from where it was sealed")]
    Broken,
}

/// Why there is no key ring.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file.
    #[error("the key ring cannot be read: {0}")]
    Read(#[from] ReadError),
    /// What is in it.
    #[error("the key ring in {} cannot be used: {problem}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: RingError,
    },
}

impl Keyring {
    /// A ring with one new key.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut id = data_encoding::BASE32_NOPAD.encode(&entropy.bytes::<5>());
        id.make_ascii_lowercase();
        let active = Arc::new(Key::new(format!("k{id}"), &entropy.bytes()));
        Self { keys: BTreeMap::from([(active.id.clone(), Arc::clone(&active))]), active }
    }

    /// Reads a ring from a file that is nobody else's to read.
    ///
    /// # Errors
    /// The file is missing or open to others, or does not hold a usable ring.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let text = private_file::read(path)?;
        Self::parse(text.expose()).map_err(|problem| LoadError::Content { path: path.to_owned(), problem })
    }

    /// The id of the key that seals and hashes.
    #[must_use]
    pub fn active_id(&self) -> &str {
        &self.active.id
    }

    /// Whether there is a key of that id.
    #[must_use]
    pub fn has_key(&self, id: &str) -> bool {
        self.keys.contains_key(id)
    }

    /// Seals with the active key. `place` is the associated data: where the value belongs, so that it opens
    /// nowhere else.
    #[must_use]
    pub fn seal(&self, plain: &[u8], place: &[&[u8]], entropy: &dyn Entropy) -> Vec<u8> {
        let mut sealed = header(&self.active.id);
        let aad = associated_data(&sealed, place);
        let nonce = entropy.bytes::<NONCE>();
        let Ok(ciphertext) =
            self.active.sealing.encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: &aad })
        else {
            unreachable!("the cipher takes up to 256 GiB, which no value here can have")
        };
        sealed.reserve_exact(NONCE + ciphertext.len());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&ciphertext);
        sealed
    }

    /// Opens what was sealed for that place.
    ///
    /// # Errors
    /// It does not open.
    pub fn open(&self, sealed: &[u8], place: &[&[u8]]) -> Result<Secret, OpenError> {
        let envelope = Envelope::read(sealed).ok_or(OpenError::Broken)?;
        let key = self.keys.get(envelope.key).ok_or(OpenError::KeyMissing)?;
        let aad = associated_data(&header(envelope.key), place);
        key.sealing
            .decrypt(&XNonce::from(envelope.nonce), Payload { msg: envelope.ciphertext, aad: &aad })
            .map(Secret::new)
            .map_err(|_| OpenError::Broken)
    }

    /// Hashes with the active key. The parts are length-prefixed: no two lists of parts collide.
    #[must_use]
    pub fn hash(&self, purpose: Purpose, parts: &[&[u8]]) -> KeyedHash {
        KeyedHash { key: self.active.id.clone(), hash: self.active.hash(purpose, parts) }
    }

    /// Hashes with a key of the ring, to compare. `None`: there is no such key.
    #[must_use]
    pub fn hash_with(&self, key: &str, purpose: Purpose, parts: &[&[u8]]) -> Option<[u8; 32]> {
        self.keys.get(key).map(|key| key.hash(purpose, parts))
    }

    /// Hashes with every key of the ring, to look up a hash that any of them made. The active key comes first.
    #[must_use]
    pub fn hash_with_each(&self, purpose: Purpose, parts: &[&[u8]]) -> Vec<KeyedHash> {
        let others = self.keys.values().filter(|key| key.id != self.active.id);
        std::iter::once(&self.active)
            .chain(others)
            .map(|key| KeyedHash { key: key.id.clone(), hash: key.hash(purpose, parts) })
            .collect()
    }

    /// A value to keep in the database, from which a start knows that this ring belongs to it.
    #[must_use]
    pub fn check_value(&self, entropy: &dyn Entropy) -> Vec<u8> {
        self.seal(CHECK, CHECK_PLACE, entropy)
    }

    /// Whether that check value was made by a key of this ring.
    #[must_use]
    pub fn opens_check_value(&self, value: &[u8]) -> bool {
        self.open(value, CHECK_PLACE).is_ok_and(|plain| plain.expose() == CHECK)
    }
}

impl Key {
    fn hash(&self, purpose: Purpose, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = match purpose {
            Purpose::Codes => self.codes.clone(),
            Purpose::Requests => self.requests.clone(),
            Purpose::Audit => self.audit.clone(),
            Purpose::Fingerprints => self.fingerprints.clone(),
        };
        for part in parts {
            mac.update(&length(part));
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.keys.keys().collect();
        f.debug_struct("Keyring").field("active", &self.active.id).field("ids", &ids).finish()
    }
}

/// A sealed value, taken apart and not believed yet.
struct Envelope<'a> {
    key: &'a str,
    nonce: [u8; NONCE],
    ciphertext: &'a [u8],
}

impl<'a> Envelope<'a> {
    fn read(sealed: &'a [u8]) -> Option<Self> {
        let (&version, rest) = sealed.split_first()?;
        let (&len, rest) = rest.split_first()?;
        let (id, rest) = rest.split_at_checked(len.into())?;
        let (&nonce, ciphertext) = rest.split_first_chunk()?;
        let key = std::str::from_utf8(id).ok()?;
        (version == VERSION && ciphertext.len() >= TAG).then_some(Self { key, nonce, ciphertext })
    }
}

/// The version and the key's id, as they stand at the front of what is sealed. Ids are short: `text.rs`
/// takes no longer ones.
fn header(id: &str) -> Vec<u8> {
    let mut out = vec![VERSION, u8::try_from(id.len()).unwrap_or(u8::MAX)];
    out.extend_from_slice(id.as_bytes());
    out
}

/// Each part after its length: no two places are the same bytes.
fn associated_data(header: &[u8], place: &[&[u8]]) -> Vec<u8> {
    let mut out = header.to_vec();
    for part in place {
        out.extend_from_slice(&length(part));
        out.extend_from_slice(part);
    }
    out
}

fn length(part: &[u8]) -> [u8; 8] {
    (part.len() as u64).to_be_bytes()
}
