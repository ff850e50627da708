//! Opening the database: everything that would break a promise later stops the start here, with one
//! sentence that says what to do.

use std::sync::Arc;

use crate::crypto::keyring::Keyring;
use crate::env::Entropy;
use crate::error::Fault;
use crate::store::{
    ConnectError, Database, KeyCheck, MigrateError, MissingRights, Options, SchemaState, Store, Unsuited,
    Weakness,
};

/// Why a database is not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It cannot be reached or used.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// It does not answer.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// It forgets commits when it crashes.
    #[error("{}; or say database.allow_weak_durability = true", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Weak(Vec<Weakness>),
    /// Its encoding or its search path does not suit.
    #[error(transparent)]
    Unsuited(#[from] Unsuited),
    /// Its user may not do what serving needs.
    #[error(transparent)]
    Rights(#[from] MissingRights),
    /// Its schema cannot be brought up to date.
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    /// A newer program wrote its schema.
    #[error(
        "the database's schema is newer than this program (it has {0}); run the version that made it, or a later one"
    )]
    SchemaAhead(String),
    /// The key ring is another database's.
    #[error(
        "the key ring does not belong to this database: nothing in it would open; use the key ring that it was begun with"
    )]
    AnotherRing,
    /// The check value is gone.
    #[error(
        "the database holds devices and no check value for its key ring; restore the row key_check of the table meta from a backup"
    )]
    CheckMissing,
}

/// Opens a database: connects, brings the schema up to date, checks the key ring, and starts to write.
///
/// # Errors
/// Says what to do.
pub async fn open(
    options: &Options,
    keyring: Arc<Keyring>,
    entropy: &Arc<dyn Entropy>,
) -> Result<Store, OpenError> {
    let database = Database::connect(options).await?;
    match prepare(&database, options, &keyring, &**entropy).await {
        Ok(()) => Ok(Store::start(database, keyring, entropy)),
        Err(error) => {
            // Why it is refused is what counts, not how it is let go of.
            let _ = database.close().await;
            Err(error)
        }
    }
}

/// Brings the schema up to date, if it and what is in it are ours.
async fn prepare(
    database: &Database,
    options: &Options,
    keyring: &Keyring,
    entropy: &dyn Entropy,
) -> Result<(), OpenError> {
    let weak = database.weaknesses().await?;
    if options.allow_weak_durability {
        for weakness in weak {
            tracing::warn!("{weakness}");
        }
    } else if !weak.is_empty() {
        return Err(OpenError::Weak(weak));
    }
    match schema(database).await? {
        SchemaState::Current => {}
        SchemaState::Next(newer) => {
            let newer = newer.join(", ");
            tracing::info!(
                newer,
                "the schema has migrations of a newer release, on which this one runs, too"
            );
        }
        SchemaState::Behind(_) if database.is_of_another_ring(keyring).await? => {
            return Err(OpenError::AnotherRing);
        }
        SchemaState::Behind(_) => database.migrate().await?,
        SchemaState::Ahead(unknown) => return Err(OpenError::SchemaAhead(unknown.join(", "))),
    }
    if let Some(missing) = database.missing_rights_to_serve().await? {
        return Err(missing.into());
    }
    match database.check_keys(keyring, entropy).await? {
        KeyCheck::Fits => Ok(()),
        KeyCheck::AnotherRing => Err(OpenError::AnotherRing),
        KeyCheck::CheckMissing => Err(OpenError::CheckMissing),
    }
}

/// How the schema of a database stands, if the database suits and its user may look.
pub(super) async fn schema(database: &Database) -> Result<SchemaState, OpenError> {
    if let Some(unsuited) = database.unsuited().await? {
        return Err(unsuited.into());
    }
    if let Some(missing) = database.missing_rights_to_look().await? {
        return Err(missing.into());
    }
    Ok(database.schema().await?)
}
