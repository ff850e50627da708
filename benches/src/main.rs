//! Measures Countersign against what the machine and the database can do at all, in one run, and prints
//! ratios: absolute figures of a machine that others use mean little.
//!
//! ```text
//! cargo run --profile bench -p countersign-bench -- sqlite postgres --seconds 4 --json figures.json
//! ```

mod database;
mod fleet;
mod load;
mod machine;
mod noise;
mod peer_load;
mod place;
mod process;
mod raw;
mod report;
mod seed;
mod server;
mod suite;

use std::error::Error;
use std::io::Write as _;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::place::Place;
use crate::suite::Suite;

/// Why a measurement did not come to its end.
pub type Failed = Box<dyn Error + Send + Sync>;

/// Measures Countersign against the database's own limits and an empty call of the same server.
#[derive(Debug, Parser)]
#[command(subcommand_negates_reqs = true, args_conflicts_with_subcommands = true)]
struct Command {
    #[command(subcommand)]
    part: Option<Part>,
    #[command(flatten)]
    options: Options,
}

/// How to measure.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// What: several, one after the other.
    #[arg(value_enum, default_value = "sqlite")]
    suites: Vec<Suite>,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
    /// How often everything is measured; the medians count.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Devices that are verified, one after the other.
    #[arg(long, default_value_t = 4096)]
    devices: usize,
    /// Connections that calls share; more, where more than 128 are in flight.
    #[arg(long, default_value_t = 1)]
    connections: usize,
    /// Devices of the large database, where growth is measured.
    #[arg(long, default_value_t = 10_000_000)]
    many: usize,
    /// The shipped program, where its size is measured.
    #[arg(long, default_value = "target/release/countersign")]
    binary: PathBuf,
    /// Also writes everything there, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// The parts that run in processes of their own.
#[derive(Debug, Subcommand)]
enum Part {
    /// Fills a database with devices.
    #[command(hide = true)]
    Seed(seed::Order),
    /// Serves.
    #[command(hide = true)]
    Server {
        #[arg(long)]
        dir: PathBuf,
        #[arg(long)]
        database: String,
    },
    /// Loads a server.
    #[command(hide = true)]
    Load(load::Order),
    /// Writes the product's rows without it.
    #[command(hide = true)]
    RawSqlite(raw::sqlite::Order),
    /// The same on MariaDB.
    #[command(hide = true)]
    RawMysql(raw::mysql::Order),
    /// Loads the peer.
    #[command(hide = true)]
    PeerLoad(peer_load::Order),
}

fn main() -> Result<(), Failed> {
    let command = Command::parse();
    let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match command.part {
        None => measure(&command.options),
        Some(Part::Seed(order)) => print(&threads?.block_on(seed::run(&order))?),
        Some(Part::Server { dir, database }) => threads?.block_on(server::run(&dir, &database)),
        Some(Part::Load(order)) => {
            let one = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            print(&one.block_on(load::run(order))?)
        }
        Some(Part::RawSqlite(order)) => print(&raw::sqlite::run(&order)?),
        Some(Part::RawMysql(order)) => print(&threads?.block_on(raw::mysql::run(&order))?),
        Some(Part::PeerLoad(order)) => {
            let one = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            print(&one.block_on(peer_load::run(order))?)
        }
    }
}

fn measure(options: &Options) -> Result<(), Failed> {
    let place = Place::new()?;
    let mut reports = Vec::new();
    for suite in &options.suites {
        for report in suite.run(place.path(), options)? {
            std::io::stdout().write_all(report.table().as_bytes())?;
            reports.push(report);
            // What was measured is kept, whatever becomes of the rest.
            if let Some(file) = &options.json {
                std::fs::write(file, serde_json::to_vec_pretty(&reports)?)?;
            }
        }
    }
    Ok(())
}

fn print<T: serde::Serialize>(value: &T) -> Result<(), Failed> {
    Ok(writeln!(std::io::stdout(), "{}", serde_json::to_string(value)?)?)
}
