//! Attempts that are not looked at, many of them, on one device: what they cost the database, and what they cost
//! those who verify meanwhile.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::Connection;

use super::book::{Book, Figure};
use super::stage::{Stage, as_it_should_be, seed};
use crate::database::{Database, Engine, count};
use crate::load::{Measured, Order, What};
use crate::report::{Report, Target};
use crate::{Failed, Options, fleet, process};

/// Those who verify meanwhile: so many callers, who make so many calls a second in all.
const OTHERS: usize = 8;
const RATE: f64 = 1000.0;
/// A flood that one device will hardly see, and one that is as fast as it is answered.
const STEADY: f64 = 2000.0;
const FLOOD: usize = 32;

/// Measures on both.
pub fn run(dir: &Path, options: &Options) -> Result<Vec<Report>, Failed> {
    Ok(vec![on(Engine::Sqlite, dir, options)?, on(Engine::Postgres, dir, options)?])
}

/// What floods, and how fast; else as fast as it is answered.
type Flood = (What, Option<f64>);

fn on(engine: Engine, dir: &Path, options: &Options) -> Result<Report, Failed> {
    let database = Database::start(engine, &dir.join(format!("flood-{engine:?}")))?;
    let all = (options.devices + 1).to_string();
    seed(dir, &database, &["--devices".to_owned(), all])?;
    let victim = options.devices;
    throttle(&database, victim)?;
    let mut stage = Stage::on(database, dir, options)?;
    let mut book = Book::new(dir, options);
    stage.load(What::Verify, 32)?;

    for (what, name) in [(What::Throttled, "throttled"), (What::Malformed, "malformed")] {
        let order = Order { first: victim, devices: 1, seconds: 1.0, ..stage.order(what, FLOOD) };
        let watch = watch(&stage.database)?;
        let before = watch.as_ref().map(commits).transpose()?;
        let (measured, statements) = count::during(&mut stage, |stage| stage.run(&order))?;
        let each = measured.calls as f64;
        match (watch, before) {
            (Some(watch), Some(before)) => {
                let changed = commits(&watch)? != before;
                book.note(&format!("commits during {name} attempts"), f64::from(u8::from(changed)), "");
            }
            _ => {
                book.note(&format!("reads per {name} attempt"), statements.reads / each, "");
                book.note(&format!("writes per {name} attempt"), statements.writes() / each, "");
            }
        }
    }

    let floods: [(&str, Option<Flood>); 6] = [
        ("alone", None),
        ("throttled, 2000/s", Some((What::Throttled, Some(STEADY)))),
        ("malformed, 2000/s", Some((What::Malformed, Some(STEADY)))),
        ("empty calls, 32 in flight", Some((What::Empty, None))),
        ("throttled, 32 in flight", Some((What::Throttled, None))),
        ("malformed, 32 in flight", Some((What::Malformed, None))),
    ];
    for run in 1..=options.runs {
        eprintln!("run {run} of {}", options.runs);
        for (name, flood) in &floods {
            book.measure(&others(name), stage.ours(), || {
                let order = Order { rate: Some(RATE), ..stage.order(What::Verify, OTHERS) };
                let running = flood.map(|(what, rate)| {
                    let (seconds, warm_up) = (order.seconds + 0.4, 0.1);
                    let base = stage.order(what, FLOOD);
                    process::begin(
                        &Order { first: victim, devices: 1, seconds, warm_up, rate, ..base }.arguments(),
                    )
                });
                let running = running.transpose()?;
                let measured: Measured = stage.run(&order)?;
                if let Some(running) = running {
                    let flood: Measured = running.end()?;
                    as_it_should_be(&flood)?;
                    eprintln!("  a flood of {:.0}/s", flood.rate);
                }
                Ok(Figure::from(&measured))
            })?;
        }
    }
    let title = format!("A flood on one device, {}", stage.database.version()?);
    stage.stop()?;
    let note = format!(
        "Others: {OTHERS} callers verify {RATE} times a second, each another device. The flood comes over a \
         connection of its own, to one device. Statements are counted by {}.",
        count::how(engine)
    );
    let mut report = book.report(title, &[&note]);
    for what in ["throttled", "malformed"] {
        report.figure(&format!("commits during {what} attempts"), Some(Target::AtMost(0.0)));
        report.figure(&format!("reads per {what} attempt"), Some(Target::AtMost(1.01)));
        // The server's own chores write now and then.
        report.figure(&format!("writes per {what} attempt"), Some(Target::AtMost(0.001)));
        let at_most = Some(Target::AtMost(2.0));
        report.p99_ratio(&others(&format!("{what}, 2000/s")), &others("alone"), at_most);
        let full = others(&format!("{what}, 32 in flight"));
        report.p99_ratio(&full, &others("empty calls, 32 in flight"), at_most);
        report.p99_ratio(&full, &others("alone"), None);
    }
    Ok(report)
}

fn others(flood: &str) -> String {
    format!("others verify; flood: {flood}")
}

/// Has a device take no proof for an hour.
fn throttle(database: &Database, number: usize) -> Result<(), Failed> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros();
    let id = fleet::member(number).id;
    let sql = format!("UPDATE device SET failures = 30, failed_at = {now} WHERE id = '{}'", id.as_str());
    match database.engine {
        Engine::Sqlite => Ok(Connection::open(database.file())?.execute_batch(&sql)?),
        _ => database.ask(&sql).map(drop),
    }
}

/// What sees SQLite's commits: a connection that makes none.
fn watch(database: &Database) -> Result<Option<Connection>, Failed> {
    let is_file = database.engine == Engine::Sqlite;
    Ok(is_file.then(|| Connection::open(database.file())).transpose()?)
}

/// A number that is another one after each commit of somebody else.
fn commits(watch: &Connection) -> Result<i64, Failed> {
    Ok(watch.query_row("PRAGMA data_version", [], |row| row.get(0))?)
}
