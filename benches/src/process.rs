//! This program again, in other processes: the server, the load, and what writes raw.

use std::ffi::OsStr;
use std::fmt::Display;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use serde::de::DeserializeOwned;

use crate::{Failed, server};

fn this_program<S: AsRef<OsStr>>(arguments: &[S]) -> Result<Command, Failed> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    Ok(command)
}

/// A part of this program that runs.
pub struct Running {
    name: String,
    child: Child,
}

/// Starts a part of this program.
pub fn begin<S: AsRef<OsStr> + Display>(arguments: &[S]) -> Result<Running, Failed> {
    let name = arguments.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    Ok(Running { name, child: this_program(arguments)?.spawn()? })
}

impl Running {
    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end, and reads the JSON that it prints.
    pub fn end<T: DeserializeOwned>(mut self) -> Result<T, Failed> {
        let mut out = String::new();
        self.child.stdout.take().ok_or("no output")?.read_to_string(&mut out)?;
        let status = self.child.wait()?;
        if !status.success() {
            return Err(format!("{} {status}", self.name).into());
        }
        serde_json::from_str(&out).map_err(|e| format!("{}: {e}: {out:?}", self.name).into())
    }
}

/// Has a process, and those that it starts from now on, run on these processors only.
pub fn pin(process: u32, processors: &str) -> Result<(), Failed> {
    let mut command = Command::new("taskset");
    command.args(["-apc", processors, &process.to_string()]);
    crate::database::run(command).map(drop)
}

/// Runs a part of this program to its end, and reads the JSON that it prints.
pub fn run<T: DeserializeOwned, S: AsRef<OsStr> + Display>(arguments: &[S]) -> Result<T, Failed> {
    begin(arguments)?.end()
}

/// A server that serves.
pub struct Server {
    child: Child,
    input: Option<ChildStdin>,
}

impl Server {
    /// Starts one on that database.
    pub fn start(dir: &Path, url: &str) -> Result<Self, Failed> {
        Self::start_under(&[], dir, url)
    }

    /// The same, carried out by another program.
    pub fn start_under(tool: &[String], dir: &Path, url: &str) -> Result<Self, Failed> {
        let dir = dir.to_str().ok_or("a path that is not text")?;
        let arguments = ["server", "--dir", dir, "--database", url];
        let mut command = match tool {
            [] => this_program(&arguments)?,
            [name, more @ ..] => {
                let mut command = Command::new(name);
                command.args(more).arg(std::env::current_exe()?).args(arguments);
                command.stdin(Stdio::piped()).stdout(Stdio::piped());
                command
            }
        };
        // What it logs goes to a file, as a sidecar's does: a terminal would slow it down.
        let log = Path::new(dir).join("server.log");
        let mut child = command.stderr(std::fs::File::create(&log)?).spawn()?;
        let mut said = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut said)?;
        if !said.starts_with(server::SERVING) {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("the server did not start:\n{}", std::fs::read_to_string(log)?).into());
        }
        let input = child.stdin.take();
        Ok(Self { child, input })
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Stops it and waits until it is gone.
    pub fn stop(&mut self) -> Result<(), Failed> {
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
