//! A server that may open few files, and more connections than that.

use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::server::Server;

use crate::report::Report;
use crate::{Failed, vitals};

/// Files that are few.
const FEW: u32 = 96;
/// Files that are too few to serve.
const TOO_FEW: u32 = 40;
/// Connections that send nothing.
const SILENT: usize = 200;
/// How soon a probe must be answered.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it is looked whether the server is busy, and how busy it may be.
const LOOK: Duration = Duration::from_secs(2);
const BUSY: f64 = 0.5;

pub(super) async fn run(binary: &Path) -> Result<Report, Failed> {
    let mut report = Report::of(format!("descriptors: {FEW} files, {SILENT} silent connections"));
    let mut server = Server::start(binary, FEW).await?;
    let target = server.target();
    let mut silent = Vec::new();
    for _ in 0..SILENT {
        silent.push(target.connect().await?);
    }
    let process = server.process()?;
    let before = vitals::processor(process)?;
    sleep(LOOK).await;
    let busy = vitals::processor(process)? - before;
    report.say(format!("{busy:.2} s of processor time in {LOOK:?}"));
    if busy > BUSY {
        report.violation(format!("descriptors: {busy:.2} s of processor time in {LOOK:?} for nothing"));
    }
    let begun = Instant::now();
    let mut is_reached = server.probe().await;
    while !is_reached && begun.elapsed() < PATIENCE {
        is_reached = server.probe().await;
    }
    report.say(format!("a probe was answered after {:.1?}", begun.elapsed()));
    if !is_reached {
        report.violation("descriptors: no probe is answered");
    }
    drop(silent);
    server.end().await?;
    let log = server.log();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("cannot accept")).collect();
    if lines.len() > 1 {
        report.violation(format!("descriptors: {} lines say that none are left", lines.len()));
    }
    match Server::start(binary, TOO_FEW).await {
        Ok(mut server) => {
            server.end().await?;
            report.violation(format!("descriptors: it starts with {TOO_FEW} files"));
        }
        Err(why) if why.to_string().contains("the limit of open files is") => {
            report.say(format!("with {TOO_FEW} files it does not start, and says why"));
        }
        Err(why) => report.violation(format!("descriptors: with {TOO_FEW} files it says: {why}")),
    }
    Ok(report)
}
