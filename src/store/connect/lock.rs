//! One process for each SQLite database. SQLite gives its write lock to whichever process asks at the right moment, so
//! of two processes one may wait without end; and the second one would take the place of the first in the data directory.
//!
//! The lock is `flock` on a file beside the database. The kernel releases it when the process ends, however it ends. It is
//! not on the database itself: to close that file would let go of the locks that SQLite has on it. A process that opens a
//! database twice has one lock.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use rustix::io::Errno;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::{Instant, sleep};

use super::ConnectError;

/// How often a lock that another process has is asked for again.
const PAUSE: Duration = Duration::from_millis(50);

/// The locks of this process.
static HELD: Mutex<Vec<(PathBuf, Weak<ProcessLock>)>> = Mutex::new(Vec::new());

/// The lock of this process on a database. It is released when this is dropped.
pub(in crate::store) struct ProcessLock {
    /// Held while the database is opened. The connection that puts a new file into WAL mode is alone with it: SQLite
    /// refuses that change at once, whatever `busy_timeout` is, while another connection has the file open.
    pub(super) opening: AsyncMutex<()>,
    path: PathBuf,
    _file: File,
}

impl ProcessLock {
    /// Takes the lock on a database. A process that is ending has that long to release it.
    pub(super) async fn take(database: &Path, patience: Duration) -> Result<Arc<Self>, ConnectError> {
        let until = Instant::now() + patience;
        loop {
            match try_take(&beside(database, "-lock")) {
                Ok(Some(lock)) => return Ok(lock),
                Ok(None) if Instant::now() >= until => return Err(ConnectError::InUse(database.to_owned())),
                Ok(None) => sleep(PAUSE).await,
                Err(error) => return Err(explain(database, &error)),
            }
        }
    }
}

impl Drop for ProcessLock {
    fn drop(&mut self) {
        // While it is locked, so that the file of nobody else is removed. If it stays, the next process takes it.
        let _ = fs::remove_file(&self.path);
    }
}

/// `None`: another process has it.
fn try_take(path: &Path) -> io::Result<Option<Arc<ProcessLock>>> {
    let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
    held.retain(|(_, lock)| lock.strong_count() > 0);
    if let Some(lock) = held.iter().find(|(of, _)| of == path).and_then(|(_, lock)| lock.upgrade()) {
        return Ok(Some(lock));
    }
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
        Ok(()) => {}
    }
    // Whoever had it before may have removed the file after it was opened here.
    let is_there = fs::metadata(path).and_then(|now| Ok(same(&now, &file.metadata()?)));
    if !is_there.unwrap_or(false) {
        return Ok(None);
    }
    let lock = Arc::new(ProcessLock { opening: AsyncMutex::new(()), path: path.to_owned(), _file: file });
    held.push((path.to_owned(), Arc::downgrade(&lock)));
    Ok(Some(lock))
}

fn same(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// The name of a file that belongs to a database.
pub(super) fn beside(database: &Path, ending: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn explain(database: &Path, error: &io::Error) -> ConnectError {
    let path = database.to_owned();
    match error.kind() {
        io::ErrorKind::StorageFull => ConnectError::Full(path),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem if database.exists() => {
            ConnectError::ReadOnly(path)
        }
        io::ErrorKind::Unsupported => ConnectError::NoLocks(path),
        // NFS without a lock daemon.
        _ if error.raw_os_error() == Some(Errno::NOLCK.raw_os_error()) => ConnectError::NoLocks(path),
        _ => ConnectError::CannotOpen(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_without_locks_is_named_as_such() {
        for errno in [Errno::NOLCK, Errno::OPNOTSUPP, Errno::NOSYS] {
            let error = io::Error::from_raw_os_error(errno.raw_os_error());
            let explained = explain(Path::new("test.db"), &error);
            assert!(matches!(explained, ConnectError::NoLocks(_)), "{errno}: {explained}");
        }
    }
}
