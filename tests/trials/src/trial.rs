//! What every trial needs: where the binary is, a database, and how many processes.

use std::path::PathBuf;
use std::sync::Arc;

use countersign::domain::policy::Policies;
use countersign::domain::throttle::ThrottlePolicy;

use crate::checker::{self, Aftermath, Rules};
use crate::client::{Client, Place};
use crate::database::Database;
use crate::history::History;
use crate::report::Report;
use crate::sidecar::Fleet;
use crate::{Failed, aftermath};

/// Where a trial is made, and with what.
pub struct Ground {
    /// The `countersign` that is tried.
    pub binary: PathBuf,
    /// The database, empty.
    pub database: Database,
    /// How many processes serve.
    pub processes: usize,
}

/// A trial under way.
pub struct Trial {
    /// Its database.
    pub database: Database,
    /// The processes.
    pub fleet: Fleet,
    /// What was asked and answered.
    pub history: Arc<History>,
    /// A client of each process.
    pub clients: Vec<Client>,
}

impl Trial {
    /// Starts the processes.
    ///
    /// # Errors
    /// They do not start.
    pub async fn begin(ground: Ground, settings: &str) -> Result<Self, Failed> {
        let Ground { binary, database, processes } = ground;
        let mut fleet = Fleet::empty(&binary)?;
        for number in 0..processes {
            let (url, own) = database.of_process(number);
            fleet.add(&url, &format!("{own}{settings}")).await?;
        }
        let history = History::begin();
        let clients = fleet.clients(&history)?;
        Ok(Self { database, fleet, history, clients })
    }

    /// Goes on with other settings, and an empty history.
    ///
    /// # Errors
    /// A process does not end, or does not start.
    pub async fn turn(&mut self, settings: &str) -> Result<(), Failed> {
        for (number, process) in self.fleet.processes.iter_mut().enumerate() {
            let (url, own) = self.database.of_process(number);
            process.restart_with(&url, &format!("{own}{settings}")).await?;
        }
        self.history = History::begin();
        self.clients = self.fleet.clients(&self.history)?;
        Ok(())
    }

    /// Holds what was recorded against the promises, and gives what is there. `places`: every device that was
    /// enrolled since the history began.
    ///
    /// # Errors
    /// Nobody says what is there.
    pub async fn judge(
        &self,
        places: &[Place],
        rules: &Rules,
        report: &mut Report,
    ) -> Result<Aftermath, Failed> {
        let calls = self.history.calls();
        report.count(&calls);
        let (url, keyring) = (self.database.url(), self.fleet.keyring());
        let after = aftermath::look(&self.clients, &self.history, places, &url, &keyring).await?;
        let (devices, events) = (after.devices.len(), after.events.len());
        report.say(format!("{devices} devices and {events} events of devices are there"));
        report.violations(&checker::check(&calls, &after, rules), &calls);
        Ok(after)
    }

    /// Ends the processes, each of which must end well, and removes the database.
    ///
    /// # Errors
    /// One does not end.
    pub async fn end(self) -> Result<(), Failed> {
        self.fleet.end().await?;
        self.database.remove().await
    }
}

/// The rules of a server with the default settings, and this throttle.
#[must_use]
pub fn rules(throttle: ThrottlePolicy) -> Rules {
    Rules { throttle, pending_for: Policies::default().default.pending_for }
}
