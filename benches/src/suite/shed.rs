//! Twice the load that a server can bear: it goes on at its best rate, refuses the rest at once, and whom it serves
//! it serves in time.

use std::path::Path;

use super::book::{Book, Figure};
use super::stage::{Stage, as_it_should_be, seed};
use crate::database::{Database, Engine};
use crate::load::{Measured, Order, What};
use crate::process::{self, pin};
use crate::report::{Report, Target};
use crate::{Failed, Options};

/// Where the best rate is looked for.
const IN_FLIGHT: [usize; 2] = [64, 256];
/// The deadline of each call under load, in milliseconds.
const DEADLINE: u64 = 1000;
/// Connections of those who call: enough that no call waits for a place on one.
const CONNECTIONS: usize = 16;

/// Measures on both.
pub fn run(dir: &Path, options: &Options) -> Result<Vec<Report>, Failed> {
    Ok(vec![on(Engine::Sqlite, dir, options)?, on(Engine::Postgres, dir, options)?])
}

/// The processors of the server and its database, and that of the load: so that those who call too much take
/// nothing from who serves them, as on machines of their own.
fn processors() -> (String, String) {
    let last = std::thread::available_parallelism().map_or(1, usize::from) - 1;
    (format!("0-{}", last.saturating_sub(1)), last.to_string())
}

fn on(engine: Engine, dir: &Path, options: &Options) -> Result<Report, Failed> {
    let database = Database::start(engine, &dir.join(format!("shed-{engine:?}")))?;
    // Each run has devices of its own: of those before, some have lost too many codes in a row.
    let all = options.devices * options.runs;
    seed(dir, &database, &["--devices".to_owned(), all.to_string()])?;
    let stage = Stage::on(database, dir, options)?;
    let (of_server, of_load) = processors();
    pin(stage.server.id(), &of_server)?;
    stage.database.id().map(|id| pin(id, &of_server)).transpose()?;
    let mut book = Book::new(dir, options);
    for run in 0..options.runs {
        eprintln!("run {} of {}", run + 1, options.runs);
        let mut counter = 0;
        let mut load = |order: Order| -> Result<Measured, Failed> {
            let order = Order { first: run * options.devices, counter, ..order };
            let running = process::begin(&order.arguments())?;
            pin(running.id(), &of_load)?;
            let measured: Measured = running.end()?;
            counter = measured.counter;
            Ok(measured)
        };
        load(Order { rounds: Some(1), seconds: 60.0, ..stage.order(What::Verify, 64) })?;
        let mut best: f64 = 0.0;
        for in_flight in IN_FLIGHT {
            let name = format!("verify, {in_flight} in flight");
            book.measure(&name, stage.ours(), || {
                let measured = load(stage.order(What::Verify, in_flight))?;
                as_it_should_be(&measured)?;
                best = best.max(measured.rate);
                Ok(Figure::from(&measured))
            })?;
        }
        book.note("best rate", best, "/s");
        let mut under_load = None;
        book.measure("accepted under twice that", stage.ours(), || {
            let measured = load(Order {
                rate: Some(2.0 * best),
                open: true,
                deadline: Some(DEADLINE),
                connections: CONNECTIONS,
                at_most: 2.2 * best,
                ..stage.order(What::Verify, CONNECTIONS)
            })?;
            let figure = Figure::from(&measured);
            under_load = Some(measured);
            Ok(figure)
        })?;
        if let Some(measured) = under_load {
            eprintln!("  else: {:?}", measured.other);
            let accepted = measured.rate * options.seconds;
            book.note("answered under twice that", measured.answered, "/s");
            let late = measured.late as f64 / accepted.max(1.0);
            book.note("accepted after the deadline, of all accepted", late, "");
        }
    }
    let title = format!("Twice the load, {}", stage.database.version()?);
    stage.stop()?;
    let note = format!(
        "An open loop at twice the best rate of the same run, each call with a deadline of {DEADLINE} ms; latencies \
         count from when a call was due. The load has a processor of its own, and the server and its database have the \
         others."
    );
    let mut report = book.report(title, &[&note]);
    report.ratio("accepted under twice that", "best rate", Some(Target::AtLeast(0.9)));
    report.figure("accepted after the deadline, of all accepted", Some(Target::AtMost(0.01)));
    Ok(report)
}
