//! Connections to the database.

mod lock;
mod sqlite;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::ConnectOptions;
use sea_orm::sqlx;

pub(super) use self::lock::ProcessLock;
use super::dialect::Dialect;
use super::primary::{Primary, Unfit};
use super::server::{Server, hosts};
use crate::domain::secret::SecretText;
use crate::error::Fault;

/// Prepared statements that a connection keeps: each statement of a group has a text for each number of rows.
const STATEMENTS: usize = 512;

/// How to reach the database.
#[derive(Debug, Clone)]
pub struct Options {
    /// `sqlite:PATH`, `postgres://…`, `mysql://…`.
    pub url: SecretText,
    /// Connections at most. SQLite: for reading, beside the one that writes.
    pub max_connections: u32,
    /// How long to wait for a free connection, or for SQLite's write lock.
    pub acquire_timeout: Duration,
    /// How long a statement may take. Zero: as long as the server allows. SQLite has no such limit.
    pub statement_timeout: Duration,
    /// How long a statement may wait for a lock. Zero: as long as the server allows.
    pub lock_timeout: Duration,
    /// A server that forgets commits when it crashes is taken all the same.
    pub allow_weak_durability: bool,
}

impl Options {
    /// The defaults, for that URL.
    #[must_use]
    pub fn of(url: SecretText) -> Self {
        Self {
            url,
            max_connections: 8,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(2),
            allow_weak_durability: false,
        }
    }

    /// The database's file. `None`: it is not SQLite, or the URL names no file.
    #[must_use]
    pub fn file(&self) -> Option<PathBuf> {
        let url = self.url.expose();
        (Dialect::of(url) == Some(Dialect::Sqlite)).then(|| sqlite::file_of(url)).flatten()
    }
}

/// A database that answers.
pub struct Database {
    /// Which.
    pub dialect: Dialect,
    pub(super) writer: Primary,
    pub(super) reader: Primary,
    pub(super) lanes: u32,
    /// SQLite: no other process has the file.
    pub(super) lock: Option<Arc<ProcessLock>>,
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
    /// None of the servers that the URL names takes writes; each with the reason.
    #[error("no server of the database can be used: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    NoServer(Vec<Unfit>),
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
    /// SQLite: another Countersign process serves it.
    #[error(
        "{} is in use by another countersign process, and a SQLite database serves only one; stop that process, or use \
         PostgreSQL or MariaDB", .0.display()
    )]
    InUse(PathBuf),
    /// SQLite: the file system has no locks.
    #[error("the file system of {} has no file locks, so SQLite is not safe on it; move the file to a local disk", .0.display())]
    NoLocks(PathBuf),
    /// SQLite: others can read or change the file.
    #[error("{} has mode {mode:04o} and is open to others; run `chmod 600` on it", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// SQLite: the file or its directory cannot be opened.
    #[error("{0} cannot be opened; its directory must exist and belong to this user")]
    CannotOpen(PathBuf),
    /// SQLite: there is no room.
    #[error("the disk of {0} is full; make room, then start again")]
    Full(PathBuf),
    /// SQLite: reading or writing failed.
    #[error(
        "{0} cannot be read or written ({1}); its disk is full or damaged: make room or replace it, then start again"
    )]
    CannotWrite(PathBuf, String),
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
        if dialect == Dialect::Sqlite {
            return sqlite::open(options).await;
        }
        let hosts = hosts(url).map_err(ConnectError::Url)?;
        let servers = hosts.into_iter().map(|host| Server::of(host, dialect, options));
        let servers = servers.collect::<Result<_, _>>().map_err(unreadable)?;
        let db = Primary::elect(servers, dialect, options).await?;
        let lanes = dialect.lanes(options.max_connections);
        Ok(Self { dialect, writer: db.clone(), reader: db, lanes, lock: None })
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

/// What the connections to every database have in common.
pub(super) fn common(options: &Options, url: &str) -> ConnectOptions {
    let mut connect = ConnectOptions::new(url);
    connect
        .max_connections(options.max_connections)
        .acquire_timeout(options.acquire_timeout)
        .connect_timeout(options.acquire_timeout)
        .test_before_acquire(false)
        .test_before_acquire_if_idle_for(Duration::from_secs(30))
        // Not for the few connections' sake: the task that would end them counts what is idle while others give back
        // and take, and may come to a count below zero, through which it goes without end and without a pause.
        .idle_timeout(None)
        .max_lifetime(None)
        .sqlx_logging(false)
        .record_stmt_in_spans(false);
    connect
}
