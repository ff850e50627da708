//! Twice the load that a server can bear: it goes on at its best rate, refuses the rest at once, and whom it serves
//! it serves in time.

use std::path::Path;

use super::book::{Book, Figure};
use super::stage::Stage;
use crate::database::Engine;
use crate::load::{Measured, Order, What};
use crate::process;
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

fn on(engine: Engine, dir: &Path, options: &Options) -> Result<Report, Failed> {
    let mut stage = Stage::set_up(engine, &format!("shed-{engine:?}"), dir, options)?;
    let mut book = Book::new(dir, options);
    stage.load(What::Verify, 64)?;
    for run in 1..=options.runs {
        eprintln!("run {run} of {}", options.runs);
        let mut best: f64 = 0.0;
        for in_flight in IN_FLIGHT {
            let name = format!("verify, {in_flight} in flight");
            book.measure(&name, stage.ours(), || {
                let measured = stage.load(What::Verify, in_flight)?;
                best = best.max(measured.rate);
                Ok(Figure::from(&measured))
            })?;
        }
        book.note("best rate", best, "/s");
        let mut under_load = None;
        book.measure("accepted under twice that", stage.ours(), || {
            let order = Order {
                rate: Some(2.0 * best),
                open: true,
                deadline: Some(DEADLINE),
                connections: CONNECTIONS,
                at_most: 2.2 * best,
                ..stage.order(What::Verify, CONNECTIONS)
            };
            let measured: Measured = process::run(&order.arguments())?;
            stage.counted(&order, &measured);
            let figure = Figure::from(&measured);
            under_load = Some(measured);
            Ok(figure)
        })?;
        if let Some(measured) = under_load {
            eprintln!("  else: {:?}", measured.other);
            let accepted = measured.rate * options.seconds;
            book.note("answered under twice that", measured.answered, "/s");
            book.note(
                "accepted after the deadline, of all accepted",
                measured.late as f64 / accepted.max(1.0),
                "",
            );
        }
    }
    let title = format!("Twice the load, {}", stage.database.version()?);
    stage.stop()?;
    let note = format!(
        "An open loop at twice the best rate of the same run, each call with a deadline of {DEADLINE} ms; latencies \
         count from when a call was due. The load generator shares the machine, and costs twice as much then."
    );
    let mut report = book.report(title, &[&note]);
    report.ratio("accepted under twice that", "best rate", Some(Target::AtLeast(0.9)));
    report.figure("accepted after the deadline, of all accepted", Some(Target::AtMost(0.01)));
    Ok(report)
}
