//! PostgreSQL: the product against pgbench, which asks for one prepared statement for each code, and against an
//! empty call of the same server.

use std::path::Path;

use super::book::{Book, Figure};
use super::stage::{Stage, count_statements};
use crate::database::{Engine, count};
use crate::load::What;
use crate::noise::Ours;
use crate::raw::pgbench::Bench;
use crate::report::{Report, Target};
use crate::{Failed, Options};

const IN_FLIGHT: [usize; 4] = [1, 8, 32, 256];
const CLIENTS: [usize; 2] = [1, 32];

/// Measures everything there is to measure.
pub fn run(dir: &Path, options: &Options) -> Result<Report, Failed> {
    let mut stage = Stage::set_up(Engine::Postgres, "postgres", dir, options)?;
    let mut book = Book::new(dir, options);
    // Every device is in the server's memory then.
    count_statements(&mut stage, &mut book, &[1, 32])?;
    Bench::prepare(&stage.database, options.devices)?;
    for run in 1..=options.runs {
        eprintln!("run {run} of {}", options.runs);
        for clients in CLIENTS {
            let ours = Ours { server: None, ..stage.ours() };
            let bench = Bench::verify(&stage.database, dir, options.devices)?;
            book.measure(&format!("pgbench, {clients} clients"), ours, || {
                Ok(Figure::from(&bench.run(clients, options.seconds, run)?))
            })?;
        }
        stage.measure(&mut book, (What::Verify, "verify"), &IN_FLIGHT)?;
    }
    let title = format!("Verify, {}", stage.database.version()?);
    stage.stop()?;

    let notes = [
        "pgbench: prepared, over TCP as the product, on copies of the product's tables; device, evidence and event \
         in one statement.",
        &format!("Statements are counted by {}.", count::how(Engine::Postgres)),
    ];
    let mut report = book.report(title, &notes);
    for (in_flight, target) in
        [(1, None), (8, None), (32, Some(Target::AtLeast(1.0))), (256, Some(Target::AtLeast(2.0)))]
    {
        let verify = format!("verify, {in_flight} in flight");
        report.ratio(&verify, "pgbench, 32 clients", target);
        report.ratio(&verify, &format!("empty call, {in_flight} in flight"), None);
    }
    report.ratio("verify, 1 in flight", "pgbench, 1 clients", None);
    report.latency_ratio("verify, 1 in flight", "pgbench, 1 clients", Some(Target::AtMost(1.5)));
    // One, but for what the server does on its own now and then.
    report.figure("statements per verify, 1 in flight", Some(Target::AtMost(1.01)));
    report.figure("statements per verify, 32 in flight", Some(Target::AtMost(0.25)));
    Ok(report)
}
