//! What differs between the databases, beside the hot statements in `apply/`.

use sea_orm::{DbErr, RuntimeErr};

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

    /// How many lanes of commits are worth having: SQLite has one writer.
    #[must_use]
    pub fn lanes(self) -> usize {
        match self {
            Self::Sqlite => 1,
            Self::Postgres | Self::MySql => 4,
        }
    }
}

/// Whether the database only asks for another try: a deadlock, a serialization failure, a cluster's
/// certification, a busy file. Nothing was written.
pub(super) fn is_conflict(error: &DbErr) -> bool {
    let Some(code) = code(error) else { return false };
    // PostgreSQL by SQLSTATE; MariaDB's are numbers (1020 changed since it was read, 1205 lock wait, 1213
    // deadlock); SQLite's 5 is BUSY.
    matches!(code.as_str(), "40001" | "40P01" | "55P03" | "1020" | "1205" | "1213" | "5" | "261" | "517")
}

/// The database's own code for an error.
pub(super) fn code(error: &DbErr) -> Option<String> {
    let (DbErr::Conn(RuntimeErr::SqlxError(error))
    | DbErr::Exec(RuntimeErr::SqlxError(error))
    | DbErr::Query(RuntimeErr::SqlxError(error))) = error
    else {
        return None;
    };
    match &**error {
        sea_orm::sqlx::Error::Database(e) => {
            match e.try_downcast_ref::<sea_orm::sqlx::mysql::MySqlDatabaseError>() {
                Some(mysql) => Some(mysql.number().to_string()),
                None => e.code().map(|code| code.into_owned()),
            }
        }
        _ => None,
    }
}
