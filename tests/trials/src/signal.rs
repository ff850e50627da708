//! Signals to processes that this program started.

use tokio::process::{Child, Command};

use crate::Failed;

/// Sends a signal to these processes. One that has ended meanwhile needs none.
///
/// # Errors
/// There is no `kill`.
pub async fn send(name: &str, processes: &[u32]) -> Result<(), Failed> {
    if !processes.is_empty() {
        let processes = processes.iter().map(u32::to_string);
        Command::new("kill").arg(format!("-{name}")).args(processes).output().await?;
    }
    Ok(())
}

/// The process of a child. A child that was waited for has none.
///
/// # Errors
/// It has ended.
pub fn process(child: &Child) -> Result<u32, Failed> {
    child.id().ok_or_else(|| "the process has ended".into())
}

/// The processes that a child started.
///
/// # Errors
/// There is no `pgrep`, or the child has ended.
pub async fn children(child: &Child) -> Result<Vec<u32>, Failed> {
    children_of(process(child)?).await
}

/// The processes that a process started.
///
/// # Errors
/// There is no `pgrep`.
pub async fn children_of(process: u32) -> Result<Vec<u32>, Failed> {
    let found = Command::new("pgrep").args(["-P", &process.to_string()]).output().await?;
    Ok(String::from_utf8_lossy(&found.stdout).lines().filter_map(|line| line.parse().ok()).collect())
}

/// Waits until these processes, which were killed, have let go of everything.
pub async fn gone(processes: &[u32]) {
    let lives = |process: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        // One that nobody has waited for yet is there in name only.
        stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(" Z"))
    };
    let mut every = tokio::time::interval(std::time::Duration::from_millis(2));
    while processes.iter().any(lives) {
        every.tick().await;
    }
}
