//! Connections to the database.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sea_orm::sqlx;
use sea_orm::sqlx::mysql::MySqlConnectOptions;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbErr};

use super::dialect::{self, Dialect};
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
            Dialect::Sqlite => return sqlite(options).await,
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

/// SQLite: one connection that writes, and some that read. A commit is on disk when it returns
/// (`synchronous = FULL`): a code that was told to be used up must not come back after a power failure.
async fn sqlite(options: &Options) -> Result<Database, ConnectError> {
    let path = file_of(options.url.expose()).ok_or(ConnectError::NoFile)?;
    create_private(&path)?;
    let busy = options.acquire_timeout;
    let pool = |connections: u32| {
        let mut connect = common(options, "sqlite:file");
        let file = path.clone();
        connect.max_connections(connections).map_sqlx_sqlite_opts(move |o| {
            o.filename(&file)
                .create_if_missing(false)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(busy)
                .statement_cache_capacity(STATEMENTS)
        });
        connect
    };
    let open = async |connections| {
        sea_orm::Database::connect(pool(connections)).await.map_err(|e| sqlite_error(&path, e))
    };
    let writer = open(1).await?;
    // Takes the write lock once: what would stop every later commit stops here, with a reason.
    for statement in ["BEGIN IMMEDIATE", "ROLLBACK"] {
        writer.execute_unprepared(statement).await.map_err(|e| sqlite_error(&path, e))?;
    }
    let reader = open(options.max_connections).await?;
    Ok(Database { dialect: Dialect::Sqlite, writer, reader })
}

/// The file that a SQLite URL names, letter by letter up to a `?`. `None`: it names none.
fn file_of(url: &str) -> Option<PathBuf> {
    let rest = url.strip_prefix("sqlite:").unwrap_or(url);
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let (file, query) = rest.split_once('?').unwrap_or((rest, ""));
    let is_in_memory = file.starts_with(":memory:") || query.contains("mode=memory");
    (!file.is_empty() && !is_in_memory).then(|| PathBuf::from(file))
}

/// Makes the file, readable by its owner only, unless it is there.
fn create_private(path: &Path) -> Result<(), ConnectError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(e) if e.kind() == std::io::ErrorKind::StorageFull => Err(ConnectError::Full(path.to_owned())),
        Err(_) => Err(ConnectError::CannotOpen(path.to_owned())),
        Ok(_) => Ok(()),
    }
}

fn sqlite_error(path: &Path, error: DbErr) -> ConnectError {
    let path = path.to_owned();
    // The primary result code is the low byte of the extended one.
    let code = dialect::code(&error).and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff);
    match code {
        Some(5 | 6) => ConnectError::Locked(path),
        Some(8) => ConnectError::ReadOnly(path),
        Some(13) => ConnectError::Full(path),
        Some(14) => ConnectError::CannotOpen(path),
        Some(26) => ConnectError::NotADatabase(path),
        _ => ConnectError::Other(Fault::store("opening the database", error)),
    }
}
