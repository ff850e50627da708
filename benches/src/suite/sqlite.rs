//! SQLite: the product against the same rows written raw, and against an empty call of the same server.

use std::path::Path;

use super::{Book, Figure, Load};
use crate::load::What;
use crate::process::{self, Server};
use crate::raw::Limit;
use crate::report::Report;
use crate::{Failed, Options, machine};

/// Whether a ratio is what it should be.
type IsMet = fn(f64) -> bool;

const IN_FLIGHT: [usize; 4] = [1, 8, 32, 128];
const GROUPS: [usize; 2] = [1, 32];

/// Measures everything there is to measure.
pub fn run(dir: &Path, options: &Options) -> Result<Report, Failed> {
    let text = |path: &Path| path.to_str().map(str::to_owned).ok_or("a path that is not text");
    let file = dir.join("server.db");
    let url = format!("sqlite:{}", text(&file)?);
    let devices = options.devices.to_string();
    let place = text(dir)?;
    process::run::<()>(&["seed", "--dir", &place, "--database", &url, "--devices", &devices])?;
    let copy = dir.join("raw.db");
    // All of it is in the file itself, and not beside it.
    rusqlite::Connection::open(&file)?.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    std::fs::copy(&file, &copy)?;
    let copy = text(&copy)?;

    let mut book = Book::default();
    for _ in 0..options.runs {
        book.measure("start to serving", dir, None, || {
            let server = Server::start(dir, &url)?;
            let value = server.started_in.as_secs_f64() * 1e3;
            server.stop()?;
            Ok(Figure { value, unit: " ms", latency: None, operations: None })
        })?;
    }
    let server = Server::start(dir, &url)?;
    std::thread::sleep(std::time::Duration::from_millis(500));
    let resident = server.resident()?;
    book.measure("memory, idle", dir, None, || {
        Ok(Figure { value: resident, unit: " MiB", latency: None, operations: None })
    })?;

    let mut load = Load::new(dir, options);
    for run in 1..=options.runs {
        eprintln!("run {run} of {}", options.runs);
        for group in GROUPS {
            book.measure(&format!("raw, groups of {group}"), dir, None, || {
                let limit: Limit = process::run(&[
                    "raw-sqlite",
                    "--file",
                    &copy,
                    "--group",
                    &group.to_string(),
                    "--seconds",
                    &options.seconds.to_string(),
                    "--devices",
                    &devices,
                ])?;
                let latency = Some([limit.p50, limit.p99]);
                Ok(Figure { value: limit.rate, unit: "/s", latency, operations: Some(limit.operations) })
            })?;
        }
        for (what, name) in [(What::Verify, "verify"), (What::Empty, "empty call")] {
            for in_flight in IN_FLIGHT {
                let name = format!("{name}, {in_flight} in flight");
                book.measure(&name, dir, Some(&server), || load.run(what, in_flight))?;
            }
        }
    }
    let resident = server.resident()?;
    book.measure("memory, after the load", dir, None, || {
        Ok(Figure { value: resident, unit: " MiB", latency: None, operations: None })
    })?;
    server.stop()?;

    let mut report = Report {
        database: format!("SQLite {}", rusqlite::version()),
        machine: machine::describe(),
        seconds: options.seconds,
        series: book.series,
        ratios: Vec::new(),
        noise: book.noise,
        doubts: Vec::new(),
    };
    for in_flight in IN_FLIGHT {
        let verify = format!("verify, {in_flight} in flight");
        let (target, is_met): (_, Option<IsMet>) =
            if in_flight == 32 { ("at least 0.5", Some(|ratio| ratio >= 0.5)) } else { ("", None) };
        report.ratio(&verify, "raw, groups of 32", target, is_met);
        report.ratio(&verify, "raw, groups of 1", "", None);
        report.ratio(&verify, &format!("empty call, {in_flight} in flight"), "", None);
    }
    report.doubt();
    Ok(report)
}
