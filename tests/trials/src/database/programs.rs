//! The programs that make and copy a server's files, and who they run as.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::Failed;

/// Who servers run as where this runs as root, which they refuse.
pub(crate) const NOBODY: u32 = 65_534;

/// One of PostgreSQL's programs, which Debian does not put in the PATH: of the newest that is installed.
pub(crate) fn postgres(program: &str) -> String {
    let version = |path: &PathBuf| {
        path.parent().and_then(Path::file_name).and_then(|name| name.to_str()?.parse::<u32>().ok())
    };
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest =
        installed.map(|entry| entry.path().join("bin")).filter(|bin| bin.exists()).max_by_key(version);
    newest.map_or_else(|| program.to_owned(), |bin| bin.join(program).display().to_string())
}

/// Copies a directory, for its owner only.
pub(crate) async fn copy(from: &Path, to: &Path) -> Result<(), Failed> {
    let to = to.display().to_string();
    run("cp", &["-r", &from.display().to_string(), &to]).await?;
    run("chmod", &["-R", "go-rwx", &to]).await
}

pub(crate) async fn run(program: &str, arguments: &[&str]) -> Result<(), Failed> {
    output(program, arguments).await.map(drop)
}

pub(crate) async fn output(program: &str, arguments: &[&str]) -> Result<String, Failed> {
    let mut command = Command::new(program);
    command.args(arguments);
    succeed(command).await
}

/// Runs a command to its end, and gives what it printed.
pub(crate) async fn succeed(mut command: Command) -> Result<String, Failed> {
    let done = command.kill_on_drop(true).output().await.map_err(|e| format!("{command:?}: {e}"))?;
    if !done.status.success() {
        return Err(format!("{command:?}: {}", String::from_utf8_lossy(&done.stderr)).into());
    }
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

pub(crate) fn is_root(path: &Path) -> Result<bool, Failed> {
    Ok(std::fs::metadata(path)?.uid() == 0)
}

pub(crate) fn is_nobody(path: &Path) -> Result<bool, Failed> {
    Ok(std::fs::metadata(path)?.uid() == NOBODY)
}
