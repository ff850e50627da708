//! What one master key becomes: a key for each purpose.

use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};
use hkdf::Hkdf;
use hmac::Hmac;
use sha2::Sha256;
use zeroize::Zeroizing;

/// Bytes of a master key, and of every key derived from one.
pub(super) const KEY: usize = 32;

/// A master key with its id, and what is derived from it.
pub(super) struct Key {
    /// Its name in the ring, and in what it sealed.
    pub(super) id: String,
    /// Kept to write the ring out again, and for nothing else.
    pub(super) master: Zeroizing<[u8; KEY]>,
    pub(super) sealing: XChaCha20Poly1305,
    pub(super) codes: Hmac<Sha256>,
    pub(super) requests: Hmac<Sha256>,
    pub(super) audit: Hmac<Sha256>,
    pub(super) fingerprints: Hmac<Sha256>,
}

impl Key {
    /// Derives each purpose's key. The labels are part of the format: changing one loses what was sealed.
    pub(super) fn new(id: String, master: &[u8; KEY]) -> Self {
        let hkdf = Hkdf::<Sha256>::new(Some(b"countersign key ring 1"), master);
        Self {
            id,
            master: Zeroizing::new(*master),
            sealing: XChaCha20Poly1305::new(&(*expand(&hkdf, b"sealing")).into()),
            codes: mac(&expand(&hkdf, b"codes")),
            requests: mac(&expand(&hkdf, b"requests")),
            audit: mac(&expand(&hkdf, b"audit")),
            fingerprints: mac(&expand(&hkdf, b"fingerprints")),
        }
    }
}

fn expand(hkdf: &Hkdf<Sha256>, purpose: &[u8]) -> Zeroizing<[u8; KEY]> {
    let mut out = Zeroizing::new([0; KEY]);
    let Ok(()) = hkdf.expand(purpose, &mut *out) else {
        unreachable!("HKDF-SHA-256 gives up to 8160 bytes, and 32 are asked for")
    };
    out
}

fn mac(key: &[u8; KEY]) -> Hmac<Sha256> {
    let Ok(mac) = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key) else {
        unreachable!("HMAC takes a key of any length")
    };
    mac
}
