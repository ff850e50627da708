//! Instructions of one accepted Verify, by part of the program, and those of a Verify with a request id and of an
//! Evaluate. Callgrind counts them, so a noisy machine does not change them. The kernel and other processes are left out.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use super::book::Book;
use super::stage::{Stage, seed};
use crate::database::{Database, Engine, run as carry_out};
use crate::load::{Order, What};
use crate::process::Server;
use crate::report::Report;
use crate::{Failed, Options};

/// Devices, each of which is verified once before what counts and once in it.
const DEVICES: usize = 256;
/// The calls that are counted, each with the number in flight.
const CALLS: [(What, usize); 6] = [
    (What::Verify, 1),
    (What::Verify, 32),
    (What::VerifyOnce, 1),
    (What::VerifyOnce, 32),
    (What::Evaluate, 1),
    (What::Evaluate, 32),
];
/// Functions of the program that are listed with all that they call.
const LISTED: usize = 40;

/// Whose an instruction is, by the first of these that its function's name has in it.
const ROOMS: [(&str, &[&str]); 14] = [
    ("SQLite", &["sqlite3"]),
    ("allocator", &["malloc", "free", "calloc", "realloc", "_int_"]),
    ("copying memory", &["memcpy", "memmove", "memset", "memcmp", "bcmp", "strlen"]),
    ("sqlx and sea-orm", &["sqlx", "sea_orm", "sea_query"]),
    ("HTTP/2", &["h2::", "hyper", "http::", "httparse"]),
    ("tonic and tower", &["tonic", "tower", "axum", "matchit"]),
    ("protobuf", &["prost"]),
    ("tracing", &["tracing", "opentelemetry", "sharded_slab"]),
    ("tokio", &["tokio", "mio", "parking_lot"]),
    (
        "cryptography",
        &["sha1", "sha2", "hmac", "chacha", "poly1305", "digest", "aead", "universal_hash", "cpufeatures"],
    ),
    ("JSON", &["serde", "itoa", "ryu", "zmij"]),
    ("Countersign", &["countersign"]),
    ("Rust's library", &["core::", "alloc::", "std::", "hashbrown", "rand", "bytes::", "futures"]),
    ("the rest", &[""]),
];

/// Counts on SQLite and PostgreSQL, one in flight and several.
pub fn run(dir: &Path, options: &Options) -> Result<Vec<Report>, Failed> {
    let mut reports = Vec::new();
    for engine in [Engine::Sqlite, Engine::Postgres] {
        reports.push(on(engine, dir, options)?);
    }
    Ok(reports)
}

fn on(engine: Engine, dir: &Path, options: &Options) -> Result<Report, Failed> {
    let database = Database::start(engine, &dir.join(format!("profile-{engine:?}")))?;
    seed(dir, &database, &["--devices".to_owned(), DEVICES.to_string(), "--evidence".to_owned()])?;
    let mut book = Book::new(dir, options);
    let out = dir.join("callgrind.out");
    let tool = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "-q"];
    let tool: Vec<String> = tool.iter().map(|word| (*word).to_owned()).collect();
    let to = format!("--callgrind-out-file={}", out.display());
    let server = Server::start_under(&[tool, vec![to]].concat(), dir, &database.url())?;
    let mut stage = Stage::with(database, server, dir, options);
    let (mut notes, mut before) = (Vec::new(), 0);
    for (what, in_flight) in CALLS {
        let order = |stage: &Stage<'_>| Order {
            devices: DEVICES,
            rounds: Some(1),
            // Codes run out and end a Verify run early; an Evaluate repeats until its time is over.
            seconds: if what == What::Evaluate { 4.0 } else { 600.0 },
            warm_up: 0.0,
            ..stage.order(what, in_flight)
        };
        let warm = order(&stage);
        stage.run(&warm)?;
        let process = stage.server.id();
        control(&["-i", "on"], process)?;
        let counted = order(&stage);
        let calls = stage.run(&counted)?.calls as f64;
        control(&["-i", "off"], process)?;
        control(&["-d"], process)?;
        before += 1;
        let dump = out.with_extension(format!("out.{before}"));
        let each = costs(&dump, false)?;
        let all: u64 = each.iter().map(|(cost, _)| cost).sum();
        let name = what.name();
        book.note(&format!("instructions per {name}, {in_flight} in flight"), all as f64 / calls, "");
        if what != What::Verify {
            continue;
        }
        for (room, cost) in by_room(&each) {
            let share = 100.0 * cost as f64 / all.max(1) as f64;
            book.note(&format!("{room}, {in_flight} in flight"), share, " %");
        }
        notes.push(listing(in_flight, all, &costs(&dump, true)?));
    }
    let title = format!("Where the instructions of a Verify go, {}", stage.database.version()?);
    stage.stop()?;
    let notes: Vec<&str> = notes.iter().map(String::as_str).collect();
    Ok(book.report(title, &notes))
}

fn control(what: &[&str], process: u32) -> Result<(), Failed> {
    let mut command = Command::new("callgrind_control");
    command.args(what).arg(process.to_string());
    carry_out(command).map(drop)
}

/// What each function costs, by itself or with all that it calls, dearest first.
fn costs(dump: &Path, is_inclusive: bool) -> Result<Vec<(u64, String)>, Failed> {
    let mut command = Command::new("callgrind_annotate");
    command.args(["--threshold=100", "--auto=no", "--show-percs=no"]);
    command.arg(if is_inclusive { "--inclusive=yes" } else { "--inclusive=no" }).arg(dump);
    let said = carry_out(command)?;
    let line = |line: &str| -> Option<(u64, String)> {
        let (cost, function) = line.trim_start().split_once("  ")?;
        Some((cost.replace(',', "").parse().ok()?, function.trim().to_owned()))
    };
    Ok(said.lines().filter_map(line).filter(|(_, name)| name != "PROGRAM TOTALS").collect())
}

fn by_room(each: &[(u64, String)]) -> BTreeMap<&'static str, u64> {
    let mut rooms = BTreeMap::new();
    for (cost, function) in each {
        // Without the file before it, and the program after it.
        let name = function.split_once(':').map_or(function.as_str(), |(_, name)| name);
        let is_in = |(_, words): &&(&str, &[&str])| words.iter().any(|word| name.contains(word));
        if let Some((room, _)) = ROOMS.iter().find(is_in) {
            *rooms.entry(*room).or_default() += cost;
        }
    }
    rooms
}

/// The dearest functions with all that they call.
fn listing(in_flight: usize, all: u64, inclusive: &[(u64, String)]) -> String {
    let mut out = format!("With all that they call, {in_flight} in flight, in percent:\n\n");
    for (cost, function) in inclusive.iter().take(LISTED) {
        let name: String =
            function.split_once(':').map_or(function.as_str(), |(_, name)| name).chars().take(140).collect();
        let _ = writeln!(out, "    {:>5.1}  {name}", 100.0 * *cost as f64 / all.max(1) as f64);
    }
    out
}
