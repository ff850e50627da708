//! Files that hold a secret: read only when nobody else can, and never overwritten.
//!
//! A file is private when its mode is 0600 or narrower. One more form is taken: readable by its group too
//! (0440, 0640) when root owns it. That is how Kubernetes mounts a secret into a pod with an `fsGroup`, and
//! then only root chooses who is in that group.

#[cfg(test)]
mod tests;

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::domain::secret::SecretText;

/// No secret is longer, in bytes: a file that is was named by mistake.
const LONGEST: u64 = 64 * 1024;

/// Why a private file is not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is not there.
    #[error("{} does not exist; make it with `countersign init`, or name the right file", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// Others can read or change it.
    #[error("{} has mode {mode:04o} and is open to others; run `chmod 600` on it (or mount the secret with `defaultMode: 0400`)", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// A directory, a pipe, a device.
    #[error("{} is not a regular file; name the file itself", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// Too long to be a secret, or not text.
    #[error("{} does not hold a secret: it must be at most 64 KiB of UTF-8 text", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// The operating system refuses.
    #[error("{} cannot be read: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Reads a file that is nobody else's to read.
///
/// # Errors
/// It is missing, open to others, or no text.
pub fn read(path: &Path) -> Result<SecretText, ReadError> {
    let io = |source| ReadError::Io { path: path.to_owned(), source };
    // Opening a pipe would wait for who writes to it, so the kind is asked first; permissions are asked of
    // the open file, which nobody can exchange.
    match std::fs::metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            return Err(ReadError::Missing { path: path.to_owned() });
        }
        Err(e) => return Err(io(e)),
        Ok(found) if !found.is_file() => return Err(ReadError::NotAFile { path: path.to_owned() }),
        Ok(_) => {}
    }
    let file = File::open(path).map_err(io)?;
    let found = file.metadata().map_err(io)?;
    let mode = found.mode() & 0o7777;
    if !is_private(mode, found.uid()) {
        return Err(ReadError::Open { path: path.to_owned(), mode });
    }
    let not_text = || ReadError::NotText { path: path.to_owned() };
    if found.len() > LONGEST {
        return Err(not_text());
    }
    // Sized at once: a buffer that grows leaves copies of the secret behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(LONGEST).unwrap_or(0) + 1));
    file.take(LONGEST).read_to_end(&mut bytes).map_err(io)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| not_text())?;
    Ok(SecretText::new(text.to_owned()))
}

/// The mode of a file that others than its owner can read or change. `None`: they cannot, or there is no such file.
///
/// # Errors
/// The operating system refuses.
pub fn mode_for_others(path: &Path) -> io::Result<Option<u32>> {
    let found = match std::fs::metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        found => found?,
    };
    let mode = found.mode() & 0o7777;
    Ok((found.is_file() && !is_private(mode, found.uid())).then_some(mode))
}

fn is_private(mode: u32, owner: u32) -> bool {
    mode & !0o600 == 0 || (owner == 0 && mode & !0o640 == 0)
}

/// Whether a file was made or found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// It was made just now.
    Created,
    /// It was there and was left as it is.
    Existed,
}

/// Makes a file of mode 0600 with that text, durably, unless there is something of that name: then that
/// stays as it is. A file that could not be written whole is removed again.
///
/// # Errors
/// The operating system refuses.
pub fn create(path: &Path, text: &SecretText) -> io::Result<Made> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let file = match opened {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Ok(Made::Existed),
        opened => opened?,
    };
    if let Err(e) = write_durably(file, path, text) {
        // The first error is the one to tell.
        drop(std::fs::remove_file(path));
        return Err(e);
    }
    Ok(Made::Created)
}

fn write_durably(mut file: File, path: &Path, text: &SecretText) -> io::Result<()> {
    file.write_all(text.expose().as_bytes())?;
    file.sync_all()?;
    // The name lies in the directory, and is as lost as the bytes without this.
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}
