//! MariaDB: the product against one transaction for each code, and against an empty call of the same server.

use std::path::Path;

use super::book::{Book, Figure};
use super::stage::{Stage, count_statements};
use crate::database::{Engine, count};
use crate::load::What;
use crate::noise::Ours;
use crate::process;
use crate::raw::{Limit, mysql};
use crate::report::{Report, Target};
use crate::{Failed, Options};

const IN_FLIGHT: [usize; 4] = [1, 8, 32, 256];
const CONNECTIONS: [usize; 2] = [1, 32];

/// Measures everything there is to measure.
pub fn run(dir: &Path, options: &Options) -> Result<Report, Failed> {
    let mut stage = Stage::set_up(Engine::Mariadb, "mariadb", dir, options)?;
    let mut book = Book::new(dir, options);
    count_statements(&mut stage, &mut book, &[1, 32])?;
    stage.database.ask(mysql::PREPARE)?;
    let raw = stage.database.url_of("raw");
    for run in 1..=options.runs {
        eprintln!("run {run} of {}", options.runs);
        for connections in CONNECTIONS {
            let ours = Ours { server: None, ..stage.ours() };
            book.measure(&format!("raw, {connections} connections"), ours, || {
                let limit: Limit = process::run(&[
                    "raw-mysql",
                    "--database",
                    &raw,
                    "--connections",
                    &connections.to_string(),
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

    let notes = [
        "Raw: a transaction of prepared statements for each code, over TCP as the product, on copies of its tables.",
        &format!("Statements are counted by {}; a group is five of them.", count::how(Engine::Mariadb)),
    ];
    let mut report = book.report(title, &notes);
    for (in_flight, target) in [(1, None), (8, None), (32, Some(Target::AtLeast(1.0))), (256, None)] {
        let verify = format!("verify, {in_flight} in flight");
        report.ratio(&verify, "raw, 32 connections", target);
        report.ratio(&verify, &format!("empty call, {in_flight} in flight"), None);
    }
    report.ratio("verify, 1 in flight", "raw, 1 connections", None);
    report.latency_ratio("verify, 1 in flight", "raw, 1 connections", Some(Target::AtMost(1.5)));
    report.figure("statements per verify, 1 in flight", None);
    report.figure("statements per verify, 32 in flight", Some(Target::AtMost(0.25)));
    Ok(report)
}
