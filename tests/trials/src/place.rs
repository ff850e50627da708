//! Where things are.

use std::path::{Path, PathBuf};

use crate::Failed;

/// The directory in which this build's programs are.
///
/// # Errors
/// The operating system does not say what program this is.
pub fn programs() -> Result<PathBuf, Failed> {
    let this = std::env::current_exe()?;
    let dir = this.parent().ok_or("this program is in no directory")?;
    // Tests are one further down.
    let dir = if dir.ends_with("deps") { dir.parent().unwrap_or(dir) } else { dir };
    Ok(dir.to_owned())
}

/// The `countersign` that is tried: that one, or the one that was built beside this program.
///
/// # Errors
/// There is none.
pub fn countersign(named: Option<&Path>) -> Result<PathBuf, Failed> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => programs()?.join("countersign"),
    };
    if path.is_file() {
        return Ok(path);
    }
    Err(format!(
        "there is no countersign at {}: build it (`cargo build`, with the same profile), or name one with --binary",
        path.display()
    )
    .into())
}
