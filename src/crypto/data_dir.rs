//! The data directory: where the key ring, the first caller's token and, on SQLite, the database are.

#[cfg(test)]
mod tests;

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use super::keyring::Keyring;
use super::private_file::{self, Made, ReadError};
use super::token;
use crate::domain::secret::SecretText;
use crate::env::Entropy;

/// Where the key ring lies in a data directory.
#[must_use]
pub fn keyring_path(dir: &Path) -> PathBuf {
    dir.join("keyring")
}

/// Where the token of the first caller lies in a data directory.
#[must_use]
pub fn token_path(dir: &Path) -> PathBuf {
    dir.join("caller-token")
}

/// What was made, and what was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Initialised {
    /// The directory itself.
    pub dir: Made,
    /// The key ring.
    pub keyring: Made,
    /// The token of a caller with all roles.
    pub token: Made,
}

/// Why a data directory cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// Others can put files in it, or take them out.
    #[error("{} has mode {mode:04o}: others can change what is in it; run `chmod go-w` on it, or name a directory inside it, which is then made with mode 0700", path.display())]
    Open {
        /// The directory.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Something else has that name.
    #[error("{} is not a directory; name another one", path.display())]
    NotADirectory {
        /// The path.
        path: PathBuf,
    },
    /// A database is there, and the key ring that it was begun with is not.
    #[error(
        "there is a database at {}, and its key ring {} is missing: restore the key ring from a backup, since without it \
         nothing in the database opens; or move the database away to begin anew", database.display(), keyring.display()
    )]
    RingLost {
        /// The database.
        database: PathBuf,
        /// Where its key ring was.
        keyring: PathBuf,
    },
    /// The operating system refuses.
    #[error("{} cannot be made: {source}", path.display())]
    Io {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Makes what is missing of a data directory: the directory with mode 0700, a key ring, and a token for a
/// first caller with all roles, both with mode 0600. What is there stays as it is, so that this can be done
/// again; an empty token file is made anew.
///
/// # Errors
/// The directory is open to others, or the operating system refuses.
pub fn init(dir: &Path, entropy: &dyn Entropy) -> Result<Initialised, InitError> {
    Ok(Initialised {
        dir: make_dir(dir)?,
        keyring: create(keyring_path(dir), &Keyring::generate(entropy).to_text())?,
        token: create_token(dir, entropy)?,
    })
}

/// Makes what a server needs at its first start: the directory, a key ring, and if it is wanted a token for a first
/// caller with all roles. Where there is a key ring it is not the first start, and nothing is made: a token that was
/// removed does not come back.
///
/// # Errors
/// The directory is open to others, or the operating system refuses.
pub fn first_start(dir: &Path, entropy: &dyn Entropy, wants_token: bool) -> Result<Made, InitError> {
    make_dir(dir)?;
    let keyring = keyring_path(dir);
    if fs::symlink_metadata(&keyring).is_ok() {
        return Ok(Made::Existed);
    }
    // The token first: a start that ends between the two is a first start again.
    if wants_token {
        create_token(dir, entropy)?;
    }
    create(keyring, &Keyring::generate(entropy).to_text())
}

/// Makes a token. An empty file is replaced: it is no token, and is left where a start ended before it wrote one.
fn create_token(dir: &Path, entropy: &dyn Entropy) -> Result<Made, InitError> {
    let path = token_path(dir);
    if private_file::read(&path).is_ok_and(|text| text.expose().trim().is_empty()) {
        fs::remove_file(&path).map_err(|source| InitError::Io { path: path.clone(), source })?;
    }
    create(path, &token::generate(entropy))
}

fn create(path: PathBuf, text: &SecretText) -> Result<Made, InitError> {
    private_file::create(&path, text).map_err(|source| InitError::Io { path, source })
}

/// Checks that no key ring would be made anew beside a database that was begun with another one. An empty file is no
/// database: it is left by a first start that broke off.
///
/// # Errors
/// The database is there, and the key ring is not.
pub fn check_ring(dir: &Path, database: &Path) -> Result<(), InitError> {
    let keyring = keyring_path(dir);
    let is_there = fs::metadata(database).is_ok_and(|found| found.len() > 0);
    if is_there && fs::metadata(&keyring).is_err_and(|e| e.kind() == io::ErrorKind::NotFound) {
        return Err(InitError::RingLost { database: database.to_owned(), keyring });
    }
    Ok(())
}

/// Where the database lies in a data directory, unless the configuration names another one.
#[must_use]
pub fn database_path(dir: &Path) -> PathBuf {
    dir.join("countersign.db")
}

/// Reads the token of the first caller. `None`: there is no file, or it holds only white space. An empty token must never
/// be a credential: `authorization: Bearer ` would be its caller.
///
/// # Errors
/// The file is open to others, or cannot be read.
pub fn read_token(dir: &Path) -> Result<Option<SecretText>, ReadError> {
    let text = match private_file::read(&token_path(dir)) {
        Err(ReadError::Missing { .. }) => return Ok(None),
        read => read?,
    };
    let token = text.expose().trim();
    Ok((!token.is_empty()).then(|| SecretText::new(token.to_owned())))
}

fn make_dir(dir: &Path) -> Result<Made, InitError> {
    let io = |source| InitError::Io { path: dir.to_owned(), source };
    match fs::metadata(dir) {
        Ok(found) if !found.is_dir() => Err(InitError::NotADirectory { path: dir.to_owned() }),
        Ok(found) if found.mode() & 0o022 != 0 => {
            Err(InitError::Open { path: dir.to_owned(), mode: found.mode() & 0o7777 })
        }
        Ok(_) => Ok(Made::Existed),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io)?;
            Ok(Made::Created)
        }
        Err(e) => Err(io(e)),
    }
}
