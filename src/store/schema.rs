//! The schema: is it there, is it ours, bring it up to date.

use std::time::Duration;

use countersign_migrations::{Migrator, MigratorTrait, SchemaManager};
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, SqliteTransactionMode, Statement,
    TransactionOptions, TransactionTrait,
};
use tokio::time::{Instant, sleep};

use super::rights::{self, MissingRights, Names};
use super::{Database, dialect};
use crate::error::Fault;

/// Where the migrations that were applied are noted.
const APPLIED: &str = "seaql_migrations";
/// PostgreSQL's number for the lock under which a schema is migrated: "schema" in ASCII.
const LOCK: i64 = 0x73_63_68_65_6d_61;
/// MySQL's name for it. Its locks are the server's, so the name holds that of the database.
const MYSQL_LOCK: &str = "CONCAT('countersign.', MD5(DATABASE()))";
/// How long another replica's migration is waited for.
const PATIENCE: Duration = Duration::from_secs(300);
/// The pause before a migration that met another replica's is begun again.
const PAUSE: Duration = Duration::from_millis(50);

/// How a database's schema stands to this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaState {
    /// Up to date.
    Current,
    /// These migrations are still to come.
    Behind(Vec<String>),
    /// Up to date, with these migrations of a newer release, on which this one runs too.
    Next(Vec<String>),
    /// It has these migrations of a newer release, on which this one cannot run.
    Ahead(Vec<String>),
}

/// Why the schema is not brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The user lacks a right.
    #[error(
        "the database's user {user} may not change the schema, which is not up to date; have the owner of the database run \
         `GRANT {grant}`, or run `countersign migrate` as a user who may"
    )]
    Denied {
        /// The user.
        user: String,
        /// What it lacks.
        grant: String,
    },
    /// Tables are another user's.
    #[error(
        "the database's user {user} may not change the schema, which is not up to date ({reason}); run `countersign \
         migrate` as the owner of the tables"
    )]
    NotOwner {
        /// The user.
        user: String,
        /// What the database says.
        reason: String,
    },
    /// The database does not answer.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Database {
    /// The rights that the database's user lacks to look at the schema.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn missing_rights_to_look(&self) -> Result<Option<MissingRights>, Fault> {
        match self.missing_rights(rights::TO_LOOK).await? {
            // Named together with all that serving needs, as far as the tables are there.
            Some(_) => self.missing_rights(rights::TO_SERVE).await,
            None => Ok(None),
        }
    }

    /// The rights that the database's user lacks to serve.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn missing_rights_to_serve(&self) -> Result<Option<MissingRights>, Fault> {
        self.missing_rights(rights::TO_SERVE).await
    }

    async fn missing_rights(&self, needs: &[rights::Needs]) -> Result<Option<MissingRights>, Fault> {
        let missing = rights::missing(&self.writer, needs).await;
        missing.map_err(|e| dialect::fault("asking the database for the rights of its user", e))
    }

    /// How the schema stands. Writes nothing.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn schema(&self) -> Result<SchemaState, Fault> {
        let known: Vec<String> = Migrator::migrations().iter().map(|m| m.name().to_owned()).collect();
        let applied = self.applied().await.map_err(|e| dialect::fault("reading the schema's version", e))?;
        Ok(state(&known, &applied))
    }

    async fn applied(&self) -> Result<Vec<String>, DbErr> {
        if !self.has_table(APPLIED).await? {
            return Ok(Vec::new());
        }
        let sql = format!("SELECT version FROM {APPLIED} ORDER BY version");
        let statement = Statement::from_string(self.writer.get_database_backend(), sql);
        let rows = self.writer.query_all_raw(statement).await?;
        rows.iter().map(|row| row.try_get_by_index(0)).collect()
    }

    /// Whether there is a table of that name.
    pub(super) async fn has_table(&self, name: &str) -> Result<bool, DbErr> {
        if self.writer.backend() == DbBackend::Postgres {
            // The information schema does not show tables on which the user has no right.
            let sql = format!("SELECT to_regclass('{name}') IS NOT NULL");
            let row = self.writer.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
            return row.map_or(Ok(false), |row| row.try_get_by_index(0));
        }
        SchemaManager::new(&self.writer.now()).has_table(name).await
    }

    /// Brings the schema up to date. Of several replicas that start at the same time one does so, and the
    /// others wait for it.
    ///
    /// On a Galera cluster nothing makes them wait: a named lock is known to its own node only, and a change of the
    /// schema is part of no transaction. Replicas on different nodes then migrate at once. The cluster carries out every
    /// change in one order on all nodes, so the replica that comes second with a change is refused, or its transaction
    /// ends as a deadlock. It begins again with what is still missing: each step of a migration is left out where it has
    /// been done. A replica that dies half way leaves nothing behind that the others would have to wait for.
    ///
    /// # Errors
    /// The database does not answer, or refuses a change.
    pub async fn migrate(&self) -> Result<(), MigrateError> {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.migrate_once().await {
                Err(error) if dialect::is_migrated_by_another(&error) && Instant::now() < until => {
                    tracing::debug!(%error, "another replica migrates the schema; going on with what is left");
                    sleep(PAUSE).await;
                }
                Err(error) if dialect::is_denied(&error) => return Err(self.denied(error).await),
                migrated => return migrated.map_err(|e| dialect::fault("migrating the schema", e).into()),
            }
        }
    }

    /// Why the schema may not be changed.
    async fn denied(&self, error: DbErr) -> MigrateError {
        let Ok(Names { user, schema }) = Names::of(&self.writer).await else {
            return dialect::fault("migrating the schema", error).into();
        };
        if self.writer.backend() != DbBackend::Postgres {
            let grant = format!("CREATE, ALTER, INDEX, SELECT, INSERT ON {schema}.* TO {user}");
            return MigrateError::Denied { user, grant };
        }
        let sql = "SELECT has_schema_privilege(current_schema(), 'CREATE')";
        let asked = self.writer.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await;
        let may_create = asked.ok().flatten().and_then(|row| row.try_get_by_index(0).ok());
        if may_create == Some(false) {
            return MigrateError::Denied { grant: format!("CREATE ON SCHEMA {schema} TO {user}"), user };
        }
        MigrateError::NotOwner { user, reason: dialect::message(&error) }
    }

    async fn migrate_once(&self) -> Result<(), DbErr> {
        let mode = (self.writer.get_database_backend() == DbBackend::Sqlite)
            .then_some(SqliteTransactionMode::Immediate);
        let options = TransactionOptions { sqlite_transaction_mode: mode, ..Default::default() };
        let tx = self.writer.unhurried().await?.begin_with_options(options).await?;
        // SQLite's write lock is enough, and a change of its schema is part of the transaction; so it is on
        // PostgreSQL.
        match tx.get_database_backend() {
            DbBackend::MySql => {
                lock_mysql(&tx).await?;
                let migrated = Migrator::up(&tx, None).await;
                // The lock is the connection's, which lives on in the pool: it is let go on failure too.
                let released = tx.execute_unprepared(&format!("DO RELEASE_LOCK({MYSQL_LOCK})")).await;
                migrated?;
                released?;
            }
            DbBackend::Postgres => {
                tx.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({LOCK})")).await?;
                Migrator::up(&tx, None).await?;
            }
            _ => Migrator::up(&tx, None).await?,
        }
        tx.commit().await
    }
}

/// How a schema stands to a program, by the names of the migrations that are known and of those that were applied.
fn state(known: &[String], applied: &[String]) -> SchemaState {
    let unknown: Vec<String> = applied.iter().filter(|name| !known.contains(name)).cloned().collect();
    let pending: Vec<String> = known.iter().filter(|name| !applied.contains(name)).cloned().collect();
    let last = known.last().map_or(0, |name| number(name));
    let runs_on = |name: &String| needs(name).is_none_or(|needed| needed <= last);
    match (unknown.is_empty(), pending.is_empty()) {
        (true, true) => SchemaState::Current,
        (true, false) => SchemaState::Behind(pending),
        (false, true) if unknown.iter().all(runs_on) => SchemaState::Next(unknown),
        (false, _) => SchemaState::Ahead(unknown),
    }
}

/// The number of a migration: 10 of `m0010_forgiven`. What is not numbered is taken for the last one of all.
fn number(name: &str) -> u32 {
    let digits = name.strip_prefix('m').and_then(|rest| rest.get(..4));
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(u32::MAX)
}

/// The number of the migration that a program must know to run on a schema with this one: 11 of
/// `m0012_drop_forgiven_from_m0011`. `None`: every program runs on it that ran on the schema before.
fn needs(name: &str) -> Option<u32> {
    name.rsplit_once("_from_").map(|(_, needed)| number(needed))
}

/// Waits until no other replica migrates this database.
async fn lock_mysql(tx: &DatabaseTransaction) -> Result<(), DbErr> {
    let sql = format!("SELECT COALESCE(GET_LOCK({MYSQL_LOCK}, {}), 0) = 1", PATIENCE.as_secs());
    let rows = tx.query_all_raw(Statement::from_string(DbBackend::MySql, sql)).await?;
    match rows.first().map(|row| row.try_get_by_index(0)).transpose()? {
        Some(1_i64) => Ok(()),
        _ => Err(DbErr::Custom("another replica has been migrating this database for too long".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(applied: &[&str]) -> SchemaState {
        let known = ["m0001_a", "m0002_b"].map(str::to_owned);
        state(&known, &applied.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_schema_that_was_only_added_to_is_run_on_and_one_that_lacks_something_is_not() {
        assert_eq!(with(&["m0001_a", "m0002_b"]), SchemaState::Current);
        assert_eq!(with(&["m0001_a"]), SchemaState::Behind(names(&["m0002_b"])));
        for next in ["m0003_c", "m0004_drop_x_from_m0002", "m0004_drop_x_from_m0001"] {
            assert_eq!(with(&["m0001_a", "m0002_b", next]), SchemaState::Next(names(&[next])));
        }
        for ahead in ["m0004_drop_y_from_m0003", "m0004_drop_y_from_later", "m9_from_"] {
            let applied = ["m0001_a", "m0002_b", "m0003_c", ahead];
            assert_eq!(with(&applied), SchemaState::Ahead(names(&["m0003_c", ahead])));
        }
        assert_eq!(with(&["m0001_a", "m0003_c"]), SchemaState::Ahead(names(&["m0003_c"])));
    }
}
