//! Connections to the database.

mod sqlite;

use std::path::PathBuf;
use std::time::Duration;

use sea_orm::sqlx;
use sea_orm::sqlx::mysql::MySqlConnectOptions;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::{ConnectOptions, DatabaseConnection};

use super::dialect::Dialect;
use crate::domain::secret::SecretText;
use crate::error::Fault;

/// Prepared statements that a connection keeps: each statement of a group has a text for each number of rows.
const STATEMENTS: usize = 512;
/// MySQL counts them over all connections, and takes 16,382 unless told otherwise.
const STATEMENTS_MYSQL: usize = 128;

/// How to reach the database.
#[derive(Debug, Clone)]
pub struct Options {
    /// `sqlite:PATH`, `postgres://…`, `mysql://…`.
    pub url: SecretText,
    /// Connections at most. SQLite: for reading, beside the one that writes.
    pub max_connections: u32,
    /// How long to wait for a free connection, or for SQLite's write lock.
    pub acquire_timeout: Duration,
}

/// A database that answers.
pub struct Database {
    /// Which.
    pub dialect: Dialect,
    pub(super) writer: DatabaseConnection,
    pub(super) reader: DatabaseConnection,
}

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL is of no database that is known.
    #[error("the database URL must begin with sqlite:, postgres: or mysql:")]
    Scheme,
    /// The URL cannot be read. It may hold a password, so it is not repeated.
    #[error(
        "the database URL cannot be read ({0}); write it as postgres://USER:PASSWORD@HOST:PORT/DATABASE or mysql://…, with what is special in the password as %XX"
    )]
    Url(String),
    /// SQLite: no file, or one in memory.
    #[error(
        "the database URL must name a file, as in sqlite:countersign.db; what is in memory only is forgotten, and used codes with it"
    )]
    NoFile,
    /// SQLite: the file is no database.
    #[error("{0} is not a SQLite database; name another file, or move this one away")]
    NotADatabase(PathBuf),
    /// SQLite: the file cannot be written.
    #[error("{0} cannot be written; give this user the right to write the file and its directory")]
    ReadOnly(PathBuf),
    /// SQLite: another process holds it.
    #[error("{0} is locked by another process; stop that process, or give each its own database")]
    Locked(PathBuf),
    /// SQLite: the file or its directory cannot be opened.
    #[error("{0} cannot be opened; its directory must exist and belong to this user")]
    CannotOpen(PathBuf),
    /// SQLite: there is no room.
    #[error("the disk of {0} is full")]
    Full(PathBuf),
    /// Something else.
    #[error(transparent)]
    Other(#[from] Fault),
}

impl Database {
    /// Connects.
    ///
    /// # Errors
    /// Says what would be right.
    pub async fn connect(options: &Options) -> Result<Self, ConnectError> {
        let url = options.url.expose();
        let dialect = Dialect::of(url).ok_or(ConnectError::Scheme)?;
        let db = match dialect {
            Dialect::Sqlite => return sqlite::open(options).await,
            Dialect::Postgres => {
                url.parse::<PgConnectOptions>().map_err(unreadable)?;
                let mut connect = common(options, url);
                connect.map_sqlx_postgres_opts(|o| o.statement_cache_capacity(STATEMENTS));
                connect
            }
            Dialect::MySql => {
                // One protocol, two names for it.
                let url = url.replacen("mariadb:", "mysql:", 1);
                url.parse::<MySqlConnectOptions>().map_err(unreadable)?;
                let mut connect = common(options, &url);
                connect.map_sqlx_mysql_opts(|o| o.statement_cache_capacity(STATEMENTS_MYSQL));
                connect
            }
        };
        let db = connect(db).await?;
        Ok(Self { dialect, writer: db.clone(), reader: db })
    }

    /// Closes every connection.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn close(self) -> Result<(), Fault> {
        let fault = |e| Fault::store("closing the database", e);
        self.reader.close().await.map_err(fault)?;
        self.writer.close().await.map_err(fault)
    }
}

fn unreadable(error: sqlx::Error) -> ConnectError {
    ConnectError::Url(error.to_string())
}

fn common(options: &Options, url: &str) -> ConnectOptions {
    let mut connect = ConnectOptions::new(url);
    connect
        .max_connections(options.max_connections)
        .acquire_timeout(options.acquire_timeout)
        .connect_timeout(options.acquire_timeout)
        .test_before_acquire(false)
        .test_before_acquire_if_idle_for(Duration::from_secs(30))
        .sqlx_logging(false)
        .record_stmt_in_spans(false);
    connect
}

async fn connect(options: ConnectOptions) -> Result<DatabaseConnection, Fault> {
    sea_orm::Database::connect(options).await.map_err(|e| Fault::store("connecting to the database", e))
}
