//! OATH: what TOTP and HOTP share.

pub mod algorithm;
pub mod code;
pub mod parameters;
pub mod parse;
pub mod qr;
pub mod setup;
pub mod uri;
pub mod wire;

#[cfg(test)]
mod tests;

use std::fmt;

use hmac::digest::Digest;
use hmac::digest::common::Key;
use hmac::{EagerHash, Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use subtle::Choice;
use zeroize::Zeroize;

use self::algorithm::Algorithm;
use self::code::Code;
use self::parameters::Digits;
use crate::domain::secret::{Secret, SecretText};

/// Generates the HOTP values of one secret (RFC 4226, 5.3). The key schedule is made once; a candidate
/// costs two compressions and no allocation.
pub struct Generator {
    keyed: Keyed,
    digits: Digits,
}

enum Keyed {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
    Sha512(Hmac<Sha512>),
}

impl Generator {
    /// For that secret.
    #[must_use]
    pub fn new(algorithm: Algorithm, secret: &Secret, digits: Digits) -> Self {
        let keyed = match algorithm {
            Algorithm::Sha1 => Keyed::Sha1(keyed(secret.expose())),
            Algorithm::Sha256 => Keyed::Sha256(keyed(secret.expose())),
            Algorithm::Sha512 => Keyed::Sha512(keyed(secret.expose())),
        };
        Self { keyed, digits }
    }

    /// The value of a counter.
    #[must_use]
    pub fn value(&self, counter: u64) -> u32 {
        let truncated = match &self.keyed {
            Keyed::Sha1(mac) => truncated(mac, counter),
            Keyed::Sha256(mac) => truncated(mac, counter),
            Keyed::Sha512(mac) => truncated(mac, counter),
        };
        truncated % 10u32.pow(self.digits.value())
    }

    /// The code of a counter, as an app shows it: with its leading zeros.
    #[must_use]
    pub fn code(&self, counter: u64) -> SecretText {
        let width = self.digits.value() as usize;
        SecretText::new(format!("{:0width$}", self.value(counter)))
    }

    /// Whether the counter's code is that one.
    #[must_use]
    pub fn produces(&self, counter: u64, code: Code) -> bool {
        code.is(self.value(counter)).into()
    }

    /// Whether the codes are those of that counter and the ones after it. Every code is compared: the time
    /// does not tell how many of them were right.
    #[must_use]
    pub fn produces_run(&self, first: u64, codes: &[Code]) -> bool {
        let all = codes.iter().zip(0..).fold(Choice::from(1), |all, (code, ahead)| {
            all & code.is(self.value(first.saturating_add(ahead)))
        });
        all.into()
    }
}

impl fmt::Debug for Generator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Generator")
    }
}

/// Keys an HMAC (RFC 2104, 2): padded with zeros to a block, or hashed where longer than one.
fn keyed<D: EagerHash + Digest>(secret: &[u8]) -> Hmac<D> {
    let mut block = Key::<Hmac<D>>::default();
    match block.get_mut(..secret.len()) {
        Some(room) => room.copy_from_slice(secret),
        None => block.iter_mut().zip(D::digest(secret)).for_each(|(to, from)| *to = from),
    }
    let keyed = Hmac::new(&block);
    block.as_mut_slice().zeroize();
    keyed
}

/// Dynamic truncation (RFC 4226, 5.3): 31 bits from where the last four bits point.
fn truncated<D: EagerHash>(keyed: &Hmac<D>, counter: u64) -> u32 {
    let mut mac = keyed.clone();
    mac.update(&counter.to_be_bytes());
    let tag = mac.finalize().into_bytes();
    let start = tag.last().map_or(0, |last| usize::from(last & 0xf));
    tag.iter().skip(start).take(4).fold(0, |bits, byte| bits << 8 | u32::from(*byte)) & 0x7fff_ffff
}
