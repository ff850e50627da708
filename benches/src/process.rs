//! This program again, in other processes: the server, the load, and what writes raw.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use crate::{Failed, server};

fn this_program(arguments: &[&str]) -> Result<Command, Failed> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    Ok(command)
}

/// Runs a part of this program to its end, and reads the JSON that it prints.
pub fn run<T: DeserializeOwned>(arguments: &[&str]) -> Result<T, Failed> {
    let mut child = this_program(arguments)?.spawn()?;
    let mut out = String::new();
    child.stdout.take().ok_or("no output")?.read_to_string(&mut out)?;
    let status = child.wait()?;
    if !status.success() {
        return Err(format!("{} {status}", arguments.join(" ")).into());
    }
    serde_json::from_str(&out).map_err(|e| format!("{}: {e}: {out:?}", arguments.join(" ")).into())
}

/// A server that serves.
pub struct Server {
    child: Child,
    input: Option<ChildStdin>,
    /// How long it took from the start of the process until it served.
    pub started_in: Duration,
}

impl Server {
    /// Starts one on that database.
    pub fn start(dir: &Path, url: &str) -> Result<Self, Failed> {
        let begin = Instant::now();
        let dir = dir.to_str().ok_or("a path that is not text")?;
        let mut child = this_program(&["server", "--dir", dir, "--database", url])?.spawn()?;
        let mut said = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut said)?;
        let started_in = begin.elapsed();
        if !said.starts_with(server::SERVING) {
            let _ = child.kill();
            let _ = child.wait();
            return Err("the server did not start; what it said is above".into());
        }
        let input = child.stdin.take();
        Ok(Self { child, input, started_in })
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Memory that it has resident, in MiB.
    pub fn resident(&self) -> Result<f64, Failed> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
        let kib: f64 = line.split_ascii_whitespace().nth(1).ok_or("no VmRSS")?.parse()?;
        Ok(kib / 1024.0)
    }

    /// Stops it and waits until it is gone.
    pub fn stop(mut self) -> Result<(), Failed> {
        self.input.take();
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(format!("the server ended with {status}").into()) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.input.take();
        // After an orderly stop it is gone already.
        let _ = self.child.wait();
    }
}
