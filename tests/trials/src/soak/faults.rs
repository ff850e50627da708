//! Faults, one after the other.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::Failed;
use crate::authenticator::chance;
use crate::trial::Trial;

/// How long something is frozen.
const FROZEN: Duration = Duration::from_secs(2);

/// What was done so far.
#[derive(Default)]
pub(super) struct Faults(BTreeMap<&'static str, usize>);

impl Faults {
    /// Makes one, and mends it. Gives its name. The first process is frozen but never ended: its memory is
    /// looked at.
    pub(super) async fn make(&mut self, trial: &mut Trial) -> Result<&'static str, Failed> {
        let kinds = if trial.database.server().is_some() { 6 } else { 3 };
        let number = self.0.values().sum::<usize>();
        let others = trial.fleet.processes.len().saturating_sub(1);
        let which = if others == 0 { 0 } else { 1 + chance(others) };
        let what = match number % kinds {
            0 | 1 if others == 0 => "nothing, with one process only",
            0 => {
                let process = &mut trial.fleet.processes[which];
                process.kill().await?;
                process.go_on().await?;
                "a process killed"
            }
            1 => {
                let process = &mut trial.fleet.processes[which];
                process.end().await?;
                process.go_on().await?;
                "a process ended and started"
            }
            2 => {
                let process = &trial.fleet.processes[chance(trial.fleet.processes.len())];
                process.signal("STOP").await?;
                tokio::time::sleep(FROZEN).await;
                process.signal("CONT").await?;
                "a process frozen"
            }
            3 => {
                let server = trial.database.server().ok_or("no server")?;
                server.kill().await?;
                server.go_on().await?;
                "the database killed"
            }
            4 => {
                let server = trial.database.server().ok_or("no server")?;
                server.freeze().await?;
                tokio::time::sleep(FROZEN).await;
                server.thaw().await?;
                "the database frozen"
            }
            _ => {
                let server = trial.database.server().ok_or("no server")?;
                server.end().await?;
                server.go_on().await?;
                "the database restarted"
            }
        };
        *self.0.entry(what).or_default() += 1;
        Ok(what)
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.0.iter().map(|(what, count)| format!("{count} times {what}")).collect();
        write!(f, "faults: {}", all.join(", "))
    }
}
