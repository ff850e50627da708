//! What the tests of every kind start from.

use std::sync::atomic::{AtomicU64, Ordering};

use data_encoding::HEXLOWER;

use super::{Judging, Making};
use crate::crypto::keyring::Keyring;
use crate::domain::ids::{DeviceId, Subject};
use crate::domain::moment::Moment;
use crate::domain::policy::Policy;
use crate::domain::proof::Offered;
use crate::domain::secret::{Secret, SecretText};
use crate::env::Entropy;

/// Bytes that are the same in every run: SplitMix64.
pub(super) struct Seeded(AtomicU64);

impl Entropy for Seeded {
    fn fill(&self, out: &mut [u8]) {
        for byte in out {
            let seed = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *byte = (mixed >> 56) as u8;
        }
    }
}

/// A tenant's settings, a key ring and a device to be made.
pub(super) struct Room {
    pub(super) device: DeviceId,
    pub(super) subject: Subject,
    pub(super) policy: Policy,
    pub(super) keyring: Keyring,
    pub(super) entropy: Seeded,
}

impl Room {
    pub(super) fn new() -> Self {
        let entropy = Seeded(AtomicU64::new(1));
        Self {
            device: DeviceId::from_entropy([7; 16]),
            subject: Subject::trusted("alice"),
            policy: Policy::default(),
            keyring: Keyring::generate(&entropy),
            entropy,
        }
    }

    pub(super) fn making(&self, now: Moment) -> Making<'_> {
        Making {
            device: &self.device,
            subject: &self.subject,
            policy: &self.policy,
            keyring: &self.keyring,
            entropy: &self.entropy,
            now,
        }
    }

    pub(super) fn judging(&self, now: Moment) -> Judging<'_> {
        Judging { device: &self.device, policy: &self.policy, keyring: &self.keyring, now }
    }
}

/// What a user types.
pub(super) fn typed(code: &str) -> Offered {
    Offered::Code(SecretText::new(code.to_owned()))
}

/// A secret in hexadecimal digits.
pub(super) fn hex(digits: &str) -> Secret {
    Secret::new(HEXLOWER.decode(digits.as_bytes()).unwrap())
}

/// The rows of a file of vectors. A header that is not the expected one says that the file means something
/// else now.
pub(super) fn rows<const N: usize>(file: &'static str, header: &str) -> Vec<[&'static str; N]> {
    let (found, rows) = file.split_once('\n').unwrap();
    assert_eq!(found, header, "an unknown header");
    let rows: Vec<_> =
        rows.lines().map(|row| row.split(',').collect::<Vec<_>>().try_into().unwrap()).collect();
    assert!(!rows.is_empty(), "no vectors");
    rows
}
