//! Evaluate, always from a fresh read: on SQLite against an empty call of the same server, on PostgreSQL against
//! pgbench, which asks for the same read.

use std::path::Path;

use super::book::{Book, Figure};
use super::stage::Stage;
use crate::database::{Database, Engine, count};
use crate::load::What;
use crate::noise::Ours;
use crate::raw::pgbench::Bench;
use crate::report::{Report, Target};
use crate::{Failed, Options};

const IN_FLIGHT: [usize; 2] = [1, 32];

/// Measures on both.
pub fn run(dir: &Path, options: &Options) -> Result<Vec<Report>, Failed> {
    Ok(vec![on(Engine::Sqlite, dir, options)?, on(Engine::Postgres, dir, options)?])
}

fn on(engine: Engine, dir: &Path, options: &Options) -> Result<Report, Failed> {
    let name = if engine == Engine::Sqlite { "evaluate-sqlite" } else { "evaluate-postgres" };
    let mut stage = Stage::set_up_with(engine, name, dir, options, &["--evidence"])?;
    let mut book = Book::new(dir, options);
    let mut read = None;
    if engine == Engine::Postgres {
        let short = crate::load::Order { seconds: 0.5, ..stage.order(What::Evaluate, 32) };
        let (measured, statements) = count::during(&mut stage, |stage| stage.run(&short))?;
        book.note("statements per evaluate, 32 in flight", statements.all / measured.calls as f64, "");
        read = Some(statement(&mut stage)?);
    }
    for run in 1..=options.runs {
        eprintln!("run {run} of {}", options.runs);
        if let Some(read) = &read {
            let bench = Bench::evaluate(&stage.database, dir, options.devices, read);
            for clients in IN_FLIGHT {
                let ours = Ours { server: None, ..stage.ours() };
                book.measure(&format!("pgbench, {clients} clients"), ours, || {
                    Ok(Figure::from(&bench.run(clients, options.seconds, run)?))
                })?;
            }
        }
        stage.measure(&mut book, (What::Evaluate, "evaluate"), &IN_FLIGHT)?;
    }
    let title = format!("Evaluate, {}", stage.database.version()?);
    stage.stop()?;

    let notes =
        ["Each subject has a device and two facts in the session: a password and a code. It is satisfied."];
    let mut report = book.report(title, &notes);
    for in_flight in IN_FLIGHT {
        let evaluate = format!("evaluate, {in_flight} in flight");
        let empty = (engine == Engine::Sqlite).then_some(Target::AtLeast(0.25));
        report.ratio(&evaluate, &format!("empty call, {in_flight} in flight"), empty);
        let clients = format!("pgbench, {in_flight} clients");
        report.ratio(&evaluate, &clients, (in_flight == 32).then_some(Target::AtLeast(0.8)));
        report.latency_ratio(&evaluate, &clients, None);
    }
    report.figure("statements per evaluate, 32 in flight", Some(Target::AtMost(1.01)));
    Ok(report)
}

/// The statement by which an Evaluate reads, as the server logs it.
fn statement(stage: &mut Stage<'_>) -> Result<String, Failed> {
    let short = crate::load::Order { seconds: 0.1, warm_up: 0.0, ..stage.order(What::Evaluate, 1) };
    let log = |database: &Database, least: &str| -> Result<(), Failed> {
        database.ask(&format!("ALTER SYSTEM SET log_min_duration_statement = {least}"))?;
        database.ask("SELECT pg_reload_conf()")?;
        std::thread::sleep(std::time::Duration::from_millis(200));
        Ok(())
    };
    log(&stage.database, "0")?;
    stage.run(&short)?;
    log(&stage.database, "-1")?;
    let said = stage.database.log()?;
    let found = said.lines().find_map(|line| line.find("SELECT 0::bigint").map(|at| line[at..].to_owned()));
    found.ok_or_else(|| "the server logged no reading of a subject".into())
}
