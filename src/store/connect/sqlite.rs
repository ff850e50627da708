//! SQLite: one connection that writes, and some that read.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use sea_orm::sqlx::Connection as _;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbErr};

use super::super::dialect::{self, Dialect};
use super::super::primary::Primary;
use super::lock::{ProcessLock, beside};
use super::{ConnectError, Database, Options, STATEMENTS};
use crate::crypto::private_file;
use crate::error::Fault;

/// The smallest page, and so the smallest file, in bytes.
const SHORTEST: u64 = 512;

/// Opens the file, and makes it if it is not there.
pub(super) async fn open(options: &Options) -> Result<Database, ConnectError> {
    let path = real(&file_of(options.url.expose()).ok_or(ConnectError::NoFile)?);
    check_private(&path)?;
    let lock = ProcessLock::take(&path, options.acquire_timeout).await?;
    let alone = lock.opening.lock().await;
    create_private(&path)?;
    check(&path)?;
    let open = async |connections| {
        let pool = pool(options, &path, connections);
        sea_orm::Database::connect(pool).await.map_err(|e| explain(&path, e))
    };
    let writer = open(1).await?;
    if let Err(error) = try_to_write(&writer).await {
        // What is refused is let go of.
        let _ = writer.close_by_ref().await;
        return Err(explain(&path, error));
    }
    let reader = open(options.max_connections).await?;
    drop(alone);
    let fixed = |db, connections| Primary::fixed(db, connections, options);
    Ok(Database {
        dialect: Dialect::Sqlite,
        writer: fixed(writer, 1),
        reader: fixed(reader, options.max_connections),
        lanes: Dialect::Sqlite.lanes(options.max_connections),
        lock: Some(lock),
    })
}

/// A commit is on disk when it returns (`synchronous = FULL`): a code that was told to be used up must not
/// come back after a power failure.
fn pool(options: &Options, path: &Path, connections: u32) -> ConnectOptions {
    let (file, busy) = (path.to_owned(), options.acquire_timeout);
    let mut connect = super::common(options, "sqlite:file");
    connect
        .max_connections(connections)
        .map_sqlx_sqlite_opts(move |o| {
            o.filename(&file)
                .create_if_missing(false)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(busy)
                .statement_cache_capacity(STATEMENTS)
        })
        .map_sqlx_sqlite_pool_opts(drop_unclean);
    connect
}

/// Drops a connection that comes back inside a transaction.
///
/// Where a commit fails, on a full disk or a broken one, SQLite may end the transaction itself. sqlx does not
/// know that: it asks for a rollback, is refused, and goes on counting. What it takes for a nested
/// transaction from then on is one that nobody ever commits, and verdicts would be told that are not on
/// disk.
fn drop_unclean(pool: SqlitePoolOptions) -> SqlitePoolOptions {
    pool.after_release(|connection, _| {
        Box::pin(async move {
            // What was asked of the connection before has been done when this is.
            connection.ping().await?;
            Ok(!connection.is_in_transaction())
        })
    })
}

/// Takes the write lock once, and begins to write: what would stop every later commit stops here, with a
/// reason. The lock alone does not tell, it is had on a file that cannot be written too.
async fn try_to_write(db: &DatabaseConnection) -> Result<(), DbErr> {
    for statement in ["BEGIN IMMEDIATE", "PRAGMA user_version = 0", "ROLLBACK"] {
        db.execute_unprepared(statement).await?;
    }
    Ok(())
}

/// The file that a URL names, letter by letter up to a `?`. `None`: it names none.
pub(super) fn file_of(url: &str) -> Option<PathBuf> {
    let rest = url.strip_prefix("sqlite:").unwrap_or(url);
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let (file, query) = rest.split_once('?').unwrap_or((rest, ""));
    let is_in_memory = file.starts_with(":memory:") || query.contains("mode=memory");
    (!file.is_empty() && !is_in_memory).then(|| PathBuf::from(file))
}

/// The file itself, where the path is a link to it: what belongs to it lies beside the file, not beside the link.
fn real(path: &Path) -> PathBuf {
    let is_link = std::fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
    let real = is_link.then(|| std::fs::canonicalize(path).ok()).flatten();
    real.unwrap_or_else(|| path.to_owned())
}

/// Refuses files that others can read or change, as SQLite would not.
fn check_private(path: &Path) -> Result<(), ConnectError> {
    for file in [path.to_owned(), beside(path, "-wal"), beside(path, "-shm")] {
        // What cannot be looked at is refused later, for a better reason.
        if let Ok(Some(mode)) = private_file::mode_for_others(&file) {
            return Err(ConnectError::Open { path: file, mode });
        }
    }
    Ok(())
}

/// Makes the file, readable by its owner only, unless it is there.
fn create_private(path: &Path) -> Result<(), ConnectError> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(e) if e.kind() == ErrorKind::StorageFull => Err(ConnectError::Full(path.to_owned())),
        Err(_) => Err(ConnectError::CannotOpen(path.to_owned())),
        Ok(_) => Ok(()),
    }
}

/// Refuses what SQLite would not refuse without leaving a mark.
fn check(path: &Path) -> Result<(), ConnectError> {
    let Ok(found) = std::fs::metadata(path) else { return Ok(()) };
    // It takes a file that is too short to be a database for an empty one, and writes over it.
    if (1..SHORTEST).contains(&found.len()) {
        return Err(ConnectError::NotADatabase(path.to_owned()));
    }
    // Beside a file that cannot be written it makes another one that cannot be written. The file is tried
    // only while nobody has it open: to close it here would let go of the locks that this process has on it.
    if beside(path, "-shm").exists() {
        return Ok(());
    }
    match OpenOptions::new().write(true).open(path) {
        Err(e) if matches!(e.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) => {
            Err(ConnectError::ReadOnly(path.to_owned()))
        }
        _ => Ok(()),
    }
}

fn explain(path: &Path, error: DbErr) -> ConnectError {
    let path = path.to_owned();
    // The primary result code is the low byte of the extended one.
    let code = dialect::code(&error).and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff);
    match code {
        Some(5 | 6) => ConnectError::Locked(path),
        Some(8) => ConnectError::ReadOnly(path),
        Some(13) => ConnectError::Full(path),
        Some(10) => ConnectError::CannotWrite(path, dialect::message(&error)),
        Some(14) => ConnectError::CannotOpen(path),
        Some(26) => ConnectError::NotADatabase(path),
        _ => ConnectError::Other(Fault::store("opening the database", error)),
    }
}
