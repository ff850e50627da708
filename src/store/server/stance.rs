//! Whether a server takes writes, as it says itself.

use std::fmt;

use sea_orm::sqlx::mysql::MySqlConnection;
use sea_orm::sqlx::postgres::PgConnection;
use sea_orm::sqlx::{self, Executor as _, Row as _};

use crate::domain::moment::Moment;

/// Why a server takes no writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unwritable {
    /// It follows another (PostgreSQL).
    Standby,
    /// It was told to be, by this setting.
    ReadOnly(&'static str),
    /// It is not part of its Galera cluster.
    OutOfCluster,
}

impl fmt::Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standby => f.write_str(
                "is a standby, which takes no writes; name the primary in the database URL, or all servers \
                 with commas between them",
            ),
            Self::ReadOnly(setting) => {
                write!(f, "takes no writes, since {setting} is on; turn it off, or name the server that does")
            }
            Self::OutOfCluster => f.write_str(
                "is not part of its Galera cluster (wsrep_ready is OFF); bring it back, or name all of the \
                 cluster's servers with commas between them",
            ),
        }
    }
}

impl std::error::Error for Unwritable {}

/// What a server says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Look {
    /// Why it takes no writes, if it does not.
    pub(in crate::store) unwritable: Option<Unwritable>,
    /// What time it is there. `None`: it does not say, being out of order.
    pub(in crate::store) now: Option<Moment>,
}

/// Asks PostgreSQL.
pub(super) async fn of_postgres(conn: &mut PgConnection) -> Result<Look, sqlx::Error> {
    // What a transaction begins as is what the default for this role and database says.
    let row = conn
        .fetch_one(
            "SELECT pg_is_in_recovery(), current_setting('transaction_read_only') = 'on', \
             (extract(epoch FROM clock_timestamp()) * 1000000)::bigint",
        )
        .await?;
    let unwritable = match (row.try_get(0)?, row.try_get(1)?) {
        (true, _) => Some(Unwritable::Standby),
        (false, true) => Some(Unwritable::ReadOnly("default_transaction_read_only")),
        (false, false) => None,
    };
    Ok(Look { unwritable, now: Some(Moment::from_micros(row.try_get(2)?)) })
}

/// Settings of MySQL and MariaDB; each has some of them.
pub(super) struct Settings(Vec<(String, String)>);

impl Settings {
    /// Reads them. A server that left its cluster answers this, and hardly anything else.
    pub(super) async fn of(conn: &mut MySqlConnection) -> Result<Self, sqlx::Error> {
        let rows = conn
            .fetch_all(
                "SHOW SESSION VARIABLES WHERE Variable_name IN ('read_only', 'super_read_only', \
                 'innodb_read_only', 'tx_read_only', 'transaction_read_only', 'wsrep_on', \
                 'max_statement_time', 'max_execution_time', 'idle_transaction_timeout')",
            )
            .await?;
        let pair = |row: &sqlx::mysql::MySqlRow| Ok((row.try_get(0)?, row.try_get(1)?));
        Ok(Self(rows.iter().map(pair).collect::<Result<_, sqlx::Error>>()?))
    }

    /// Whether there is one of that name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }

    /// Whether one is on.
    pub(super) fn is_on(&self, name: &str) -> bool {
        // MariaDB 12 gives read_only more values than two.
        self.0.iter().any(|(key, value)| key == name && !["OFF", "0", ""].contains(&value.as_str()))
    }
}

/// Why MySQL or MariaDB takes no writes.
pub(super) async fn of_mysql(
    conn: &mut MySqlConnection,
    settings: &Settings,
) -> Result<Option<Unwritable>, sqlx::Error> {
    const READ_ONLY: [&str; 5] =
        ["read_only", "super_read_only", "innodb_read_only", "tx_read_only", "transaction_read_only"];
    if settings.is_on("wsrep_on") {
        let ready = conn.fetch_optional("SHOW STATUS LIKE 'wsrep_ready'").await?;
        let ready = ready.map(|row| row.try_get::<String, _>(1)).transpose()?;
        if ready.is_some_and(|ready| ready != "ON") {
            return Ok(Some(Unwritable::OutOfCluster));
        }
    }
    Ok(READ_ONLY.into_iter().find(|name| settings.is_on(name)).map(Unwritable::ReadOnly))
}

/// What time it is on a MySQL or MariaDB server.
pub(super) async fn mysql_time(conn: &mut MySqlConnection) -> Result<Moment, sqlx::Error> {
    let row = conn.fetch_one("SELECT CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS SIGNED)").await?;
    Ok(Moment::from_micros(row.try_get(0)?))
}
