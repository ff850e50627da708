//! The schema: is it there, is it ours, bring it up to date.

use countersign_migrations::{Migrator, MigratorTrait};

use super::Database;
use crate::error::Fault;

/// How a database's schema stands to this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaState {
    /// Up to date.
    Current,
    /// These migrations are still to come.
    Behind(Vec<String>),
    /// It has migrations that this program does not know: it belongs to a newer one.
    Ahead(Vec<String>),
}

impl Database {
    /// How the schema stands.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn schema(&self) -> Result<SchemaState, Fault> {
        let fault = |e| Fault::store("reading the schema's version", e);
        let known: Vec<String> = Migrator::migrations().iter().map(|m| m.name().to_owned()).collect();
        let applied = Migrator::get_migration_models(&self.writer).await.map_err(fault)?;
        let unknown: Vec<String> =
            applied.iter().map(|m| m.version.clone()).filter(|name| !known.contains(name)).collect();
        if !unknown.is_empty() {
            return Ok(SchemaState::Ahead(unknown));
        }
        let pending: Vec<String> =
            known.into_iter().filter(|name| !applied.iter().any(|m| m.version == *name)).collect();
        Ok(if pending.is_empty() { SchemaState::Current } else { SchemaState::Behind(pending) })
    }

    /// Brings the schema up to date.
    ///
    /// # Errors
    /// The database does not answer, or refuses a change.
    pub async fn migrate(&self) -> Result<(), Fault> {
        Migrator::up(&self.writer, None).await.map_err(|e| Fault::store("migrating the schema", e))
    }
}
