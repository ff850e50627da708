//! The check value: a database opens only with the key ring that it was begun with.

use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};

use super::entity::{device, meta};
use super::{Database, dialect};
use crate::crypto::keyring::Keyring;
use crate::env::Entropy;
use crate::error::Fault;

const CHECK: &str = "key_check";

/// What the check value says of a key ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyCheck {
    /// The ring is this database's.
    Fits,
    /// It is another's: nothing here would open.
    AnotherRing,
    /// There are devices and no check value: it was removed.
    CheckMissing,
}

impl Database {
    /// Whether the database is known to be another key ring's. Writes nothing, and takes a schema of any
    /// age: what is not this ring's is not to be migrated either.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn is_of_another_ring(&self, keyring: &Keyring) -> Result<bool, Fault> {
        if !self.has_table("meta").await.map_err(fault)? {
            return Ok(false);
        }
        let found = self.check_value().await?;
        Ok(found.is_some_and(|check| !keyring.opens_check_value(&check)))
    }

    /// Checks the key ring against the database; an empty database takes it as its own.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn check_keys(&self, keyring: &Keyring, entropy: &dyn Entropy) -> Result<KeyCheck, Fault> {
        loop {
            if let Some(check) = self.check_value().await? {
                let fits = keyring.opens_check_value(&check);
                return Ok(if fits { KeyCheck::Fits } else { KeyCheck::AnotherRing });
            }
            let devices = device::Entity::find().limit(1).all(&self.writer).await.map_err(fault)?;
            if !devices.is_empty() {
                return Ok(KeyCheck::CheckMissing);
            }
            let row: meta::ActiveModel =
                meta::Model { name: CHECK.to_owned(), value: keyring.check_value(entropy) }.into();
            match meta::Entity::insert(row).exec_without_returning(&self.writer).await {
                // Another replica may have been first: then its ring is the one that has to fit. On another node of
                // a cluster it shows as a conflict.
                Err(e) if super::apply::is_duplicate(&e) || dialect::is_conflict(&e) => {}
                other => {
                    other.map_err(fault)?;
                }
            }
        }
    }

    async fn check_value(&self) -> Result<Option<Vec<u8>>, Fault> {
        let found = meta::Entity::find().filter(meta::Column::Name.eq(CHECK)).all(&self.writer).await;
        Ok(found.map_err(fault)?.into_iter().next().map(|check| check.value))
    }
}

fn fault(error: DbErr) -> Fault {
    dialect::fault("checking the key ring against the database", error)
}
