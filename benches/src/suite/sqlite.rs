//! SQLite: the product against the same rows written raw, and against an empty call of the same server.

use std::path::Path;

use super::book::{Book, Figure};
use super::stage::{Stage, text};
use crate::database::Engine;
use crate::load::What;
use crate::noise::Ours;
use crate::process;
use crate::raw::Limit;
use crate::report::{Report, Target};
use crate::{Failed, Options};

const IN_FLIGHT: [usize; 4] = [1, 8, 32, 128];
const GROUPS: [usize; 2] = [1, 32];

/// Measures everything there is to measure.
pub fn run(dir: &Path, options: &Options) -> Result<Report, Failed> {
    let mut stage = Stage::set_up(Engine::Sqlite, "sqlite", dir, options)?;
    let copy = dir.join("raw.db");
    // All of it is in the file itself, and not beside it.
    rusqlite::Connection::open(stage.database.file())?.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    std::fs::copy(stage.database.file(), &copy)?;
    let copy = text(&copy)?;

    let mut book = Book::new(dir, options);
    for run in 1..=options.runs {
        eprintln!("run {run} of {}", options.runs);
        for group in GROUPS {
            book.measure(&format!("raw, groups of {group}"), Ours::default(), || {
                let limit: Limit = process::run(&[
                    "raw-sqlite",
                    "--file",
                    &copy,
                    "--group",
                    &group.to_string(),
                    "--seconds",
                    &options.seconds.to_string(),
                    "--devices",
                    &options.devices.to_string(),
                ])?;
                Ok(Figure::from(&limit))
            })?;
        }
        stage.measure(&mut book, (What::Verify, "verify"), &IN_FLIGHT)?;
    }
    let title = format!("Verify, {}", stage.database.version()?);
    stage.stop()?;

    let mut report =
        book.report(title, &["Raw: one thread, the rows of an accepted Verify, WAL, synchronous FULL."]);
    for in_flight in IN_FLIGHT {
        let verify = format!("verify, {in_flight} in flight");
        let target = (in_flight == 32).then_some(Target::AtLeast(0.5));
        report.ratio(&verify, "raw, groups of 32", target);
        report.ratio(&verify, "raw, groups of 1", None);
        report.ratio(&verify, &format!("empty call, {in_flight} in flight"), None);
    }
    report.latency_ratio("verify, 1 in flight", "raw, groups of 1", None);
    Ok(report)
}
