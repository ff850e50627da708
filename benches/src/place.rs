//! Where a measurement has its files: on the disk that the build is on, never in memory only.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign::crypto::data_dir;
use countersign::crypto::keyring::Keyring;
use countersign::domain::secret::SecretText;
use countersign::env::SystemEntropy;

use crate::Failed;

/// A directory of its own beside the program, removed at the end.
pub struct Place(PathBuf);

impl Place {
    /// Makes one, with a key ring and a caller's token in it.
    pub fn new() -> Result<Self, Failed> {
        let target = std::env::current_exe()?.parent().and_then(Path::parent).map(Path::to_owned);
        let target = target.ok_or("the program lies in no directory")?;
        let dir = target.join("bench-data").join(std::process::id().to_string());
        fs::create_dir_all(&dir)?;
        init(&dir)?;
        Ok(Self(dir))
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What is left lies in the build's own directory and goes with it.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Makes a key ring and a caller's token in a place, unless they are there.
pub fn init(dir: &Path) -> Result<(), Failed> {
    data_dir::init(&dir.join("keys"), &SystemEntropy)?;
    Ok(())
}

/// The key ring in a place.
pub fn keyring(dir: &Path) -> Result<Arc<Keyring>, Failed> {
    Ok(Arc::new(Keyring::load(&data_dir::keyring_path(&dir.join("keys")))?))
}

/// The caller's token in a place.
pub fn token(dir: &Path) -> Result<SecretText, Failed> {
    Ok(data_dir::read_token(&dir.join("keys"))?.ok_or("there is no caller's token")?)
}

/// The socket that a server in a place listens on.
pub fn socket(dir: &Path) -> PathBuf {
    dir.join("cs.sock")
}
