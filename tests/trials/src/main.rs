//! The command: `countersign-trials --help`.

// From a trial down to the driver of a database are more futures in each other than the compiler takes unasked.
#![recursion_limit = "256"]

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use countersign_trials::abuse::{self, Abuse, Bounds};
use countersign_trials::cluster::{self, Cluster};
use countersign_trials::database::{Database, Engine};
use countersign_trials::guess::{self, Guess};
use countersign_trials::kill::{self, Kill};
use countersign_trials::race::{self, Race};
use countersign_trials::report::{Report, progress};
use countersign_trials::soak::{self, Soak};
use countersign_trials::trial::Ground;
use countersign_trials::{Failed, place};
use tokio::signal::unix::{SignalKind, signal};

/// Tries the real countersign, in several processes, on a real database, and holds what was asked and answered
/// against the promises. Ends with 0 where they were kept, with 1 where one was not, with 2 where the trial
/// itself failed. Servers are private ones, on loopback, and end with this command.
#[derive(Debug, Parser)]
#[command(name = "countersign-trials", version)]
struct Command {
    /// The countersign to try [default: the one beside this program]
    #[arg(long, global = true, value_name = "PATH")]
    binary: Option<PathBuf>,
    #[command(subcommand)]
    trial: Trial,
}

#[derive(Debug, Subcommand)]
enum Trial {
    /// Many offer one code at the same moment: one is accepted
    Race {
        #[command(flatten)]
        on: On,
        #[command(flatten)]
        race: Race,
    },
    /// Processes and the database are killed while codes are verified: nothing works twice, nothing is lost
    Kill {
        #[command(flatten)]
        on: On,
        #[command(flatten)]
        kill: Kill,
    },
    /// Many guess at one device as fast as they can: judged as often as the back-off allows
    Guess {
        #[command(flatten)]
        on: On,
        #[command(flatten)]
        guess: Guess,
    },
    /// A long mix of everything, with faults: nothing is lost, nothing grows, what has run out is swept
    Soak {
        #[command(flatten)]
        on: On,
        #[command(flatten)]
        soak: Soak,
    },
    /// Attack one server, with and without credentials: other callers must be answered, and memory is bounded
    Abuse {
        #[command(flatten)]
        abuse: Abuse,
        /// Check no times, and memory only relative to an idle server: for a debug build or a busy machine
        #[arg(long)]
        short: bool,
    },
    /// Servers of a cluster are killed and cut off, or a pooler stands between
    Clusters {
        #[command(subcommand)]
        cluster: Cluster,
    },
}

#[derive(Debug, clap::Args)]
struct On {
    /// The database
    #[arg(long, value_enum)]
    database: Engine,
    /// How many processes serve [default: 3; 1 on SQLite, which has no more]
    #[arg(long)]
    processes: Option<usize>,
}

fn main() -> ExitCode {
    let command = Command::parse();
    let run = || -> Result<Report, Failed> {
        let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        threads.block_on(until_told(command))
    };
    match run() {
        Ok(report) => {
            // Whoever started it may not want to read it; how it ends says enough.
            let _ = write!(std::io::stdout(), "{report}");
            if report.is_good() { ExitCode::SUCCESS } else { ExitCode::from(1) }
        }
        Err(error) => {
            progress(&format!("the trial failed: {error}"));
            ExitCode::from(2)
        }
    }
}

/// Runs a trial, until the command is told to end: then every process that it started ends, too.
async fn until_told(command: Command) -> Result<Report, Failed> {
    let mut term = signal(SignalKind::terminate())?;
    tokio::select! {
        report = Box::pin(run(command)) => report,
        _ = term.recv() => Err("told to end".into()),
        _ = tokio::signal::ctrl_c() => Err("told to end".into()),
    }
}

async fn run(command: Command) -> Result<Report, Failed> {
    let binary = place::countersign(command.binary.as_deref())?;
    match command.trial {
        Trial::Race { on, race } => race::run(on.ground(binary).await?, &race).await,
        Trial::Kill { on, kill } => kill::run(on.ground(binary).await?, &kill).await,
        Trial::Guess { on, guess } => guess::run(on.ground(binary).await?, &guess).await,
        Trial::Soak { on, soak } => soak::run(on.ground(binary).await?, &soak).await,
        Trial::Abuse { abuse, short } => {
            let bounds = if short { Bounds::SHORT } else { Bounds::LONG };
            abuse::run(&binary, &abuse, bounds).await
        }
        Trial::Clusters { cluster } => cluster::run(&binary, &cluster).await,
    }
}

impl On {
    async fn ground(&self, binary: PathBuf) -> Result<Ground, Failed> {
        let database = Database::private(self.database).await?;
        Ok(Ground { binary, database, processes: self.processes.unwrap_or(self.database.processes()) })
    }
}
