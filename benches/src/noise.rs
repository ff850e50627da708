//! How noisy the machine is: a fixed job for the processor and a fixed job for the disk, timed before each
//! measurement, and how much of the machine others used meanwhile.

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

/// A moment in the use of the machine's processors.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    busy: u64,
    all: u64,
    /// This program's, and that of its children that have ended.
    load: u64,
    /// That of the servers.
    servers: u64,
}

/// Ticks of a processor in a second: Linux shows no other number.
const TICKS: f64 = 100.0;

impl Usage {
    /// What the servers used since then, in microseconds.
    pub fn servers_since(self, before: Self) -> f64 {
        self.servers.saturating_sub(before.servers) as f64 * 1e6 / TICKS
    }

    /// What the load used since then, in microseconds.
    pub fn load_since(self, before: Self) -> f64 {
        self.load.saturating_sub(before.load) as f64 * 1e6 / TICKS
    }

    /// The share of the machine that others used since then.
    pub fn others_since(self, before: Self) -> f64 {
        let busy = (self.busy - before.busy) as f64;
        let ours = (self.load + self.servers).saturating_sub(before.load + before.servers) as f64;
        ((busy - ours) / (self.all - before.all).max(1) as f64).max(0.0)
    }
}

/// How the processors are used until now: by all, by us, and by these servers.
pub fn usage(servers: &[u32]) -> Result<Usage, Failed> {
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
    let servers = servers.iter().map(|id| spent(&id.to_string()).unwrap_or(0)).sum();
    Ok(Usage { busy: all - idle, all, load: spent("self")?, servers })
}

/// Ticks that a process has spent, and its children that have ended.
fn spent(process: &str) -> Result<u64, Failed> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let after_name = stat.rsplit_once(')').ok_or("a line of /proc that is not as it was")?.1;
    let fields: Vec<&str> = after_name.split_ascii_whitespace().collect();
    Ok(fields.iter().skip(11).take(4).filter_map(|n| n.parse::<u64>().ok()).sum())
}
