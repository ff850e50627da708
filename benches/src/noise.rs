//! How noisy the machine is: a fixed job for the processor and a fixed job for the disk, timed before each
//! measurement, and how much of the machine others used meanwhile.

use std::collections::HashMap;
use std::fs::File;
use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::Failed;

/// How long the fixed jobs took.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Sample {
    /// The processor's, in milliseconds.
    pub cpu_ms: f64,
    /// One `fdatasync` after 4 KiB, in milliseconds: the median of some.
    pub sync_ms: f64,
}

/// Times the fixed jobs.
pub fn sample(dir: &Path) -> Result<Sample, Failed> {
    let begin = Instant::now();
    let mut block = [0; 32];
    for _ in 0..100_000 {
        block = black_box(Sha256::digest(block)).into();
    }
    black_box(block);
    let cpu_ms = begin.elapsed().as_secs_f64() * 1e3;
    let path = dir.join("sync");
    let mut file = File::create(&path)?;
    let mut took = Vec::new();
    for _ in 0..40 {
        let begin = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        took.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    std::fs::remove_file(path)?;
    Ok(Sample { cpu_ms, sync_ms: crate::report::median(&took) })
}

/// What runs beside this program, by process. Their children count as them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ours {
    /// The server that is measured.
    pub server: Option<u32>,
    /// Its database.
    pub database: Option<u32>,
}

/// A moment in the use of the machine's processors, in ticks.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    busy: u64,
    all: u64,
    /// This program's, and that of its children that have ended.
    load: u64,
    server: u64,
    database: u64,
}

/// Ticks of a processor in a second: Linux shows no other number.
const TICKS: f64 = 100.0;

impl Usage {
    /// What the server used since then, in microseconds.
    pub fn server_since(self, before: Self) -> f64 {
        self.server.saturating_sub(before.server) as f64 * 1e6 / TICKS
    }

    /// What its database used since then, in microseconds.
    pub fn database_since(self, before: Self) -> f64 {
        self.database.saturating_sub(before.database) as f64 * 1e6 / TICKS
    }

    /// What the load used since then, in microseconds.
    pub fn load_since(self, before: Self) -> f64 {
        self.load.saturating_sub(before.load) as f64 * 1e6 / TICKS
    }

    /// The share of the machine that others used since then.
    pub fn others_since(self, before: Self) -> f64 {
        let busy = self.busy.saturating_sub(before.busy) as f64;
        let ours = |usage: Self| usage.load + usage.server + usage.database;
        let ours = ours(self).saturating_sub(ours(before)) as f64;
        ((busy - ours) / self.all.saturating_sub(before.all).max(1) as f64).max(0.0)
    }
}

/// How the processors are used until now.
pub fn usage(ours: Ours) -> Result<Usage, Failed> {
    let stat = std::fs::read_to_string("/proc/stat")?;
    let ticks: Vec<u64> = stat
        .lines()
        .next()
        .unwrap_or_default()
        .split_ascii_whitespace()
        .skip(1)
        .take(8)
        .filter_map(|n| n.parse().ok())
        .collect();
    let all: u64 = ticks.iter().sum();
    let idle: u64 = ticks.iter().skip(3).take(2).sum();
    let processes = processes()?;
    let tree = |root: Option<u32>| root.map_or(0, |root| spent_by_tree(&processes, root));
    let load = processes.get(&std::process::id()).map_or(0, |process| process.spent);
    Ok(Usage { busy: all - idle, all, load, server: tree(ours.server), database: tree(ours.database) })
}

struct Process {
    parent: u32,
    /// Ticks that it has spent, and its children that have ended.
    spent: u64,
}

fn processes() -> Result<HashMap<u32, Process>, Failed> {
    let mut all = HashMap::new();
    for entry in std::fs::read_dir("/proc")? {
        let Some(id) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // One that has ended meanwhile is none.
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{id}/stat")) else { continue };
        let after_name = stat.rsplit_once(')').ok_or("a line of /proc that is not as it was")?.1;
        let fields: Vec<&str> = after_name.split_ascii_whitespace().collect();
        let parent = fields.get(1).and_then(|id| id.parse().ok()).unwrap_or(0);
        let spent = fields.iter().skip(11).take(4).filter_map(|n| n.parse::<u64>().ok()).sum();
        all.insert(id, Process { parent, spent });
    }
    Ok(all)
}

fn spent_by_tree(all: &HashMap<u32, Process>, root: u32) -> u64 {
    let children = all.iter().filter(|(_, process)| process.parent == root);
    let spent = all.get(&root).map_or(0, |process| process.spent);
    spent + children.map(|(id, _)| spent_by_tree(all, *id)).sum::<u64>()
}
