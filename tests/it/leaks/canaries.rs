//! Values that stand nowhere else, so that each can be told when it is seen.

use std::collections::BTreeSet;

use countersign::env::{Entropy, SystemEntropy};
use hmac::{Hmac, KeyInit as _, Mac as _};

/// Canaries that were let out.
#[derive(Default)]
pub(super) struct Canaries(BTreeSet<Vec<u8>>);

fn random(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    SystemEntropy.fill(&mut bytes);
    bytes
}

impl Canaries {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.0.iter()
    }

    /// A secret of that many bytes.
    pub(super) fn secret(&mut self, length: usize) -> Vec<u8> {
        let secret = random(length);
        self.0.insert(secret.clone());
        secret
    }

    /// A secret that was made by the server.
    pub(super) fn made(&mut self, secret: &[u8]) {
        self.0.insert(secret.to_vec());
    }

    /// Printable text of that length.
    pub(super) fn text(&mut self, length: usize) -> String {
        let mut text = data_encoding::BASE64URL_NOPAD.encode(&random(length));
        text.truncate(length);
        self.0.insert(text.clone().into_bytes());
        text
    }

    /// A code of eight digits.
    pub(super) fn digits(&mut self, code: String) -> String {
        assert_eq!(code.len(), 8);
        self.0.insert(code.clone().into_bytes());
        code
    }

    /// Eight digits that are the code of nothing.
    pub(super) fn wrong_digits(&mut self) -> String {
        let number = u32::from_be_bytes(random(4).try_into().unwrap()) % 100_000_000;
        self.digits(format!("{number:08}"))
    }

    /// A recovery code that was made by the server: as it is shown, and as it is compared.
    pub(super) fn recovery_code(&mut self, shown: &str) {
        self.0.insert(shown.as_bytes().to_vec());
        self.0.insert(shown.replace('-', "").into_bytes());
    }
}

/// The eight-digit SHA-1 code of a secret and a counter (RFC 4226).
pub(super) fn hotp8(secret: &[u8], counter: u64) -> String {
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(secret).unwrap();
    mac.update(&counter.to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let offset = usize::from(hash[19] & 15);
    let four: [u8; 4] = hash[offset..offset + 4].try_into().unwrap();
    format!("{:08}", (u32::from_be_bytes(four) & 0x7fff_ffff) % 100_000_000)
}

/// A request id.
pub(super) fn request_id() -> String {
    let hex = data_encoding::HEXLOWER.encode(&random(16));
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}
