//! Fingerprints: keyed hashes of secrets. They find a secret that a subject has or had, and are useless without the key
//! ring.

use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};

use super::entity::secret;
use super::{Store, dialect};
use crate::crypto::keyring::{KeyedHash, Keyring, Purpose};
use crate::domain::device::Detail;
use crate::domain::ids::{DeviceId, Subject, Tenant};
use crate::domain::kind::Kind;
use crate::domain::secret::{Secret, SecretText};
use crate::error::Fault;

/// A secret that a subject may have had before.
#[derive(Debug, Clone)]
pub enum Factor {
    /// The secret of a device.
    Secret(Secret),
    /// A recovery code that an operator chose.
    Code(SecretText),
}

/// The device that has a secret of a subject, and the one that had it before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownSecret {
    /// The device that has it. `None`: no device has it now.
    pub holder: Option<DeviceId>,
    /// The kind and the state of the last device that had the secret and was removed. Devices that were still pending do
    /// not count.
    pub before: Option<(Kind, Detail)>,
}

impl Factor {
    /// The fingerprints of the secret under every key of the ring. That of the active key comes first.
    pub(super) fn fingerprints(
        &self,
        keyring: &Keyring,
        tenant: &Tenant,
        subject: &Subject,
    ) -> Vec<KeyedHash> {
        let (what, bytes): (&[u8], &[u8]) = match self {
            Self::Secret(secret) => (b"secret", significant(secret.expose())),
            Self::Code(code) => (b"code", code.expose().as_bytes()),
        };
        let parts = [what, tenant.as_str().as_bytes(), subject.as_str().as_bytes(), bytes];
        keyring.hash_with_each(Purpose::Fingerprints, &parts)
    }
}

/// A secret without the zero bytes at its end. HMAC pads its key with zeros to a block (RFC 2104, 2), and no OATH secret
/// is longer than a block. So a secret gives the same codes with or without these bytes.
fn significant(secret: &[u8]) -> &[u8] {
    let end = secret.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    secret.get(..end).unwrap_or(secret)
}

impl Store {
    /// Looks a secret of a subject up.
    ///
    /// # Errors
    /// The database does not answer, or the row is not what this program wrote.
    pub async fn known_secret(
        &self,
        tenant: &Tenant,
        subject: &Subject,
        factor: &Factor,
    ) -> Result<KnownSecret, Fault> {
        let doing = "looking up the fingerprint of a secret";
        let fingerprints = factor.fingerprints(&self.keyring, tenant, subject);
        let rows = rows(&self.reader, tenant, subject, &fingerprints).await;
        let mut known = KnownSecret::default();
        for row in rows.map_err(|e| dialect::fault(doing, e))? {
            if !row.device.is_empty() {
                known.holder = Some(DeviceId::trusted(&row.device));
            }
            if !row.detail.is_empty() {
                known.before = Some((Kind::trusted(row.kind), Detail::stored(row.detail)));
            }
        }
        Ok(known)
    }
}

/// The rows of these fingerprints: at most one, unless the ring lacked a key for some time.
pub(super) async fn rows(
    db: &impl ConnectionTrait,
    tenant: &Tenant,
    subject: &Subject,
    fingerprints: &[KeyedHash],
) -> Result<Vec<secret::Model>, DbErr> {
    secret::Entity::find()
        .filter(secret::Column::Tenant.eq(tenant.as_str()))
        .filter(secret::Column::Subject.eq(subject.as_str()))
        .filter(secret::Column::Digest.is_in(fingerprints.iter().map(|print| print.hash.to_vec())))
        .all(db)
        .await
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::env::SystemEntropy;

    proptest! {
        #[test]
        fn secrets_have_one_fingerprint_where_they_differ_only_in_zeros_at_the_end(
            a in prop::collection::vec(0..3u8, 0..5), b in prop::collection::vec(0..3u8, 0..5),
        ) {
            let ring = Keyring::generate(&SystemEntropy);
            let (tenant, alice, bob) =
                (Tenant::trusted("default"), Subject::trusted("alice"), Subject::trusted("bob"));
            let of = |subject, bytes: &[u8]| {
                Factor::Secret(Secret::new(bytes.to_vec())).fingerprints(&ring, &tenant, subject)
            };
            let longest = a.len().max(b.len());
            let padded = |secret: &[u8]| {
                let mut secret = secret.to_vec();
                secret.resize(longest, 0);
                secret
            };
            prop_assert_eq!(of(&alice, &a) == of(&alice, &b), padded(&a) == padded(&b));
            prop_assert_ne!(of(&alice, &a), of(&bob, &a));
        }
    }

    #[test]
    fn only_zeros_at_the_end_are_left_out() {
        let cases: [(&[u8], &[u8]); 5] =
            [(&[], &[]), (&[0, 0], &[]), (&[0, 1, 0, 0], &[0, 1]), (&[1, 0, 2], &[1, 0, 2]), (&[9], &[9])];
        for (secret, kept) in cases {
            assert_eq!(significant(secret), kept);
        }
    }
}
