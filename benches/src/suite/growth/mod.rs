//! Few devices and many: whether Verify is as fast in a database of ten million as in one of ten thousand.
//!
//! Those that are verified are real ones, made by the product, and spread evenly over the others, in the order of
//! ids, of subjects and of rows alike: as far apart as devices of people who log in are. Each measurement is
//! taken twice: on devices that the server has not seen, so that each is read first, and on the same again.
//! In the large database the devices of each run are others, so that the database has not seen them either.

mod fill;

use std::path::Path;
use std::time::Instant;

use super::book::{Book, Figure};
use super::stage::{Stage, seed};
use crate::database::{Database, Engine};
use crate::load::{Order, What};
use crate::process::Server;
use crate::report::{Report, Target};
use crate::{Failed, Options};

/// Devices of the small database, and those that one run verifies.
const FEW: usize = 10_000;
/// Devices that one run verifies one by one.
const ALONE: usize = 2_000;

/// A database of a size.
struct Size<'a> {
    name: &'static str,
    stage: Option<Stage<'a>>,
    /// Devices that can be verified, and how far apart their numbers are.
    real: usize,
    stride: usize,
}

/// Measures on both.
pub fn run(dir: &Path, options: &Options) -> Result<Vec<Report>, Failed> {
    Ok(vec![on(Engine::Sqlite, dir, options)?, on(Engine::Postgres, dir, options)?])
}

fn on(engine: Engine, dir: &Path, options: &Options) -> Result<Report, Failed> {
    let many = options.many;
    // Others in each run, as long as there are so many.
    let real = (FEW * options.runs).min(many / 10).max(FEW);
    let mut sizes = [
        Size { name: "few", stage: None, real: FEW, stride: 1 },
        Size { name: "many", stage: None, real, stride: many / real },
    ];
    let mut title = String::new();
    for size in &mut sizes {
        let name = format!("growth-{engine:?}-{}", size.name);
        let mut database = Database::start(engine, &dir.join(name))?;
        let words = [("--devices", size.real), ("--stride", size.stride)];
        let words: Vec<_> = words.iter().flat_map(|(name, n)| [(*name).to_owned(), n.to_string()]).collect();
        let begin = Instant::now();
        seed(dir, &database, &words)?;
        // The product refuses a server that could lose what it wrote, so only what it does not see is written so.
        database.stop()?;
        database.go_on(&fill::QUICK)?;
        fill::fill(&database, size.real * size.stride, size.stride)?;
        eprintln!("{} devices in {:.0} s", size.real * size.stride, begin.elapsed().as_secs_f64());
        // From now on with what it has by default, but for memory.
        database.stop()?;
        database.go_on(&[&fill::memory()?])?;
        title = format!("Growth, {}", database.version()?);
        let mut stage = Stage::on(database, dir, options)?;
        // Only one server has the socket.
        stage.server.stop()?;
        size.stage = Some(stage);
    }
    let mut book = Book::new(dir, options);
    for run in 0..options.runs {
        eprintln!("run {} of {}", run + 1, options.runs);
        for size in &mut sizes {
            measure(&mut book, size, run, dir)?;
        }
    }
    for size in sizes {
        size.stage.map(Stage::stop).transpose()?;
    }
    report(book, title, many)
}

fn measure(book: &mut Book<'_>, size: &mut Size<'_>, run: usize, dir: &Path) -> Result<(), Failed> {
    let Some(stage) = &mut size.stage else { return Ok(()) };
    let first = run * FEW % size.real;
    let rounds = Some(1);
    for (devices, in_flight) in [(ALONE, 1), (FEW, 32)] {
        // One that has seen no device.
        stage.server = Server::start(dir, &stage.database.url())?;
        for name in ["not seen before", "seen before"] {
            let order = Order {
                devices,
                first,
                stride: size.stride,
                rounds,
                seconds: 60.0,
                warm_up: 0.0,
                ..stage.order(What::Verify, in_flight)
            };
            let name = format!("{}: {name}, {in_flight} in flight", size.name);
            book.measure(&name, stage.ours(), || Ok(Figure::from(&stage.run(&order)?)))?;
        }
        stage.server.stop()?;
    }
    Ok(())
}

fn report(book: Book<'_>, title: String, many: usize) -> Result<Report, Failed> {
    let note = format!(
        "Few: {FEW} devices. Many: {many}. A run verifies {FEW} of them with 32 in flight and {ALONE} one by one, \
         each once on a server that has just started, and once more. PostgreSQL has a quarter of the memory for \
         its buffers, in both."
    );
    let mut report = book.report(title, &[&note]);
    for case in ["not seen before", "seen before"] {
        let [few, many] = ["few", "many"].map(|size| format!("{size}: {case}"));
        report.ratio(
            &format!("{few}, 32 in flight"),
            &format!("{many}, 32 in flight"),
            Some(Target::AtMost(1.2)),
        );
        let alone = (format!("{many}, 1 in flight"), format!("{few}, 1 in flight"));
        report.latency_ratio(&alone.0, &alone.1, Some(Target::AtMost(1.2)));
    }
    Ok(report)
}
