//! What differs between the databases, beside the hot statements in `apply/`.

mod lasting;

use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr, sqlx};

pub(super) use self::lasting::{is_denied, is_denied_by, is_full, is_lasting, is_no_table};
use crate::error::Fault;

/// A database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Embedded, one machine.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// MySQL or MariaDB.
    MySql,
}

impl Dialect {
    /// The one that a URL names by its scheme.
    #[must_use]
    pub fn of(url: &str) -> Option<Self> {
        match url.split(':').next()? {
            "sqlite" => Some(Self::Sqlite),
            "postgres" | "postgresql" => Some(Self::Postgres),
            "mysql" | "mariadb" => Some(Self::MySql),
            _ => None,
        }
    }

    /// How many lanes of commits are worth having, of so many connections: SQLite has one writer; a lane to a
    /// server has a connection of its own.
    #[must_use]
    pub fn lanes(self, connections: u32) -> u32 {
        match self {
            Self::Sqlite => 1,
            Self::Postgres | Self::MySql => (connections / 2).clamp(1, 4),
        }
    }

    /// How many of the connections to a server are in the pool, beside those of the lanes.
    #[must_use]
    pub fn pooled(self, connections: u32) -> u32 {
        connections.saturating_sub(self.lanes(connections)).max(1)
    }
}

/// Whether the database only asks for another try: a deadlock, a serialization failure, a cluster's
/// certification, a busy file, a lock that took too long. Nothing was written, at COMMIT neither.
pub(super) fn is_conflict(error: &DbErr) -> bool {
    let Some(code) = code(error) else { return false };
    // PostgreSQL by SQLSTATE (55P03: lock_timeout); MariaDB's are numbers (1020 changed since it was read,
    // 1205 lock wait, 1213 deadlock or certification); SQLite's 5 is BUSY.
    matches!(code.as_str(), "40001" | "40P01" | "55P03" | "1020" | "1205" | "1213" | "5" | "261" | "517")
}

/// Whether a step of a migration failed because another replica takes the same step on another node of the cluster.
pub(super) fn is_migrated_by_another(error: &DbErr) -> bool {
    let is_mysql = mysql_error(error).is_some();
    // MariaDB: 1050 the table is there, 1060 the column, 1061 the index, 1062 the row of the migration; 1091 what is to
    // be removed is gone; 1317 a change that goes first ended this one.
    let is_done = || {
        code(error).is_some_and(|c| matches!(c.as_str(), "1050" | "1060" | "1061" | "1062" | "1091" | "1317"))
    };
    is_mysql && (is_conflict(error) || is_done())
}

/// Whether the server says that it takes no writes: it follows another now, was told to be read-only, or
/// has left its cluster.
pub(super) fn is_unwritable(error: &DbErr) -> bool {
    let Some(code) = code(error) else { return false };
    // MariaDB: 1047 a Galera node that is not ready, 1290 read_only, 1792 a read-only transaction, 1836
    // innodb_read_only.
    matches!(code.as_str(), "25006" | "1047" | "1290" | "1792" | "1836")
}

/// Whether there is no server at the other end any more, or none that takes connections.
pub(super) fn is_lost(error: &DbErr) -> bool {
    match sqlx_error(error) {
        None => matches!(
            error,
            DbErr::Conn(RuntimeErr::Internal(_)) | DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)
        ),
        Some(sqlx::Error::Database(_)) => code(error).is_some_and(|code| {
            // PostgreSQL: 08 connection exceptions, 57P0x shut down, crashed or starting, 53300 too many
            // connections; idle_in_transaction_session_timeout is 25P03. MariaDB: 1040 too many connections,
            // 1053 shutting down, 1927 killed.
            code.starts_with("08")
                || code.starts_with("57P0")
                || matches!(code.as_str(), "53300" | "25P03" | "1040" | "1053" | "1927")
        }),
        Some(sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_)) => true,
        Some(sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed) => true,
        Some(_) => false,
    }
}

/// Whether the pool is used up: the database may be well.
pub(super) fn is_crowded(error: &DbErr) -> bool {
    matches!(error, DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))
}

/// What a store's failure is to its caller, where certainly nothing was written. Nobody is told to try again where that
/// cannot help.
pub(super) fn fault(doing: &'static str, error: DbErr) -> Fault {
    if is_crowded(&error) {
        Fault::crowded(doing, error)
    } else if is_lasting(&error) {
        Fault::internal(doing, Lasting(error))
    } else {
        Fault::store(doing, error)
    }
}

/// An error that does not go away by itself.
#[derive(Debug, thiserror::Error)]
#[error("{0}; retrying does not help: correct the database or the rights of its user")]
struct Lasting(DbErr);

/// The database's own code for an error.
pub(super) fn code(error: &DbErr) -> Option<String> {
    if let Some(mysql) = mysql_error(error) {
        return Some(mysql.number().to_string());
    }
    let sqlx::Error::Database(error) = sqlx_error(error)? else { return None };
    error.code().map(|code| code.into_owned())
}

/// What the database says, without what the driver adds.
pub(super) fn message(error: &DbErr) -> String {
    match sqlx_error(error) {
        Some(sqlx::Error::Database(error)) => error.message().to_owned(),
        _ => error.to_string(),
    }
}

fn mysql_error(error: &DbErr) -> Option<&sqlx::mysql::MySqlDatabaseError> {
    let sqlx::Error::Database(error) = sqlx_error(error)? else { return None };
    error.try_downcast_ref()
}

pub(super) fn sqlx_error(error: &DbErr) -> Option<&sqlx::Error> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => Some(error),
        _ => None,
    }
}
