//! The shipped program itself: how large it is, how soon it serves, and the memory that it takes when idle.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::book::{Book, Figure};
use super::stage::{seed, text};
use crate::database::{Database, Engine};
use crate::noise::Ours;
use crate::report::{Report, Target};
use crate::{Failed, Options};

/// How long it is left alone before it counts as idle.
const IDLE: Duration = Duration::from_secs(2);
const MIB: f64 = 1024.0 * 1024.0;

/// Measures all three.
pub fn run(dir: &Path, options: &Options) -> Result<Report, Failed> {
    let binary = &options.binary;
    let mut book = Book::new(dir, options);
    let size = std::fs::metadata(binary).map_err(|e| format!("{}: {e}", binary.display()))?.len();
    book.note("size of the binary", size as f64 / MIB, " MiB");
    // It is migrated before it is started.
    let database = Database::start(Engine::Sqlite, &dir.join("size"))?;
    seed(dir, &database, &["--devices".to_owned(), "100".to_owned()])?;
    for _ in 0..options.runs {
        let mut served = None;
        book.measure("start to serving", Ours::default(), || {
            let begin = Instant::now();
            served = Some(serve(binary, dir, &database)?);
            Ok(Figure::of(begin.elapsed().as_secs_f64() * 1e3, " ms"))
        })?;
        let Some(mut child) = served else { continue };
        std::thread::sleep(IDLE);
        let resident = resident(child.id());
        Command::new("kill").args(["-TERM", &child.id().to_string()]).status()?;
        child.wait()?;
        book.note("memory, idle", resident?, " MiB");
    }
    let note = format!("The binary: {}. SQLite, migrated, 100 devices.", binary.display());
    let mut report = book.report(format!("The shipped program, {}", database.version()?), &[&note]);
    report.figure("size of the binary", Some(Target::AtMost(25.0)));
    report.figure("start to serving", Some(Target::AtMost(100.0)));
    report.figure("memory, idle", Some(Target::AtMost(20.0)));
    Ok(report)
}

/// Starts it and waits until it says where it listens.
fn serve(binary: &Path, dir: &Path, database: &Database) -> Result<Child, Failed> {
    let mut command = Command::new(binary);
    command.args(["serve", "--database-url", &database.url(), "--data-dir", &text(&dir.join("keys"))?]);
    command.args(["--listen", &format!("unix:{}", text(&dir.join("size.sock"))?)]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let mut said = String::new();
    BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut said)?;
    if said.contains("listens on") {
        return Ok(child);
    }
    let _ = child.kill();
    let _ = child.wait();
    Err(format!("{} did not start; what it said is above: {said}", binary.display()).into())
}

/// Memory that a process has resident, in MiB.
fn resident(process: u32) -> Result<f64, Failed> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
    let kib: f64 = line.split_ascii_whitespace().nth(1).ok_or("no VmRSS")?.parse()?;
    Ok(kib / 1024.0)
}
