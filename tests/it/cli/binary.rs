//! Runs the binary in a directory of its own.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A directory in which commands are run. The data directory in it is `data`.
pub(super) struct Place(TempDir);

/// What a command came to.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) status: i32,
    pub(super) out: String,
    pub(super) err: String,
}

impl Done {
    pub(super) fn lines(&self) -> Vec<&str> {
        self.out.lines().collect()
    }

    /// The one JSON object that was answered.
    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Place {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The binary, in this place, with nothing of the environment that would tell it anything.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("COUNTERSIGN_") {
                command.env_remove(name);
            }
        }
        command.current_dir(self.path()).env("COUNTERSIGN_DATA_DIR", "data");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Done {
        self.run_in(&[], arguments, "")
    }

    pub(super) fn run_with_input(&self, arguments: &[&str], input: &str) -> Done {
        self.run_in(&[], arguments, input)
    }

    /// Runs a command with these variables and that input.
    pub(super) fn run_in(&self, variables: &[(&str, &str)], arguments: &[&str], input: &str) -> Done {
        let mut child = self.command().envs(variables.iter().copied()).args(arguments).spawn().unwrap();
        // A command that reads nothing may be gone already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Done { status: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Serves on a socket in this place and on a port, until it is dropped.
    pub(super) fn serve(&self) -> Server {
        self.serve_with(&["--log-level", "warn"])
    }

    /// Serves with these arguments besides. What it logs is in [`Self::log`].
    pub(super) fn serve_with(&self, arguments: &[&str]) -> Server {
        let log = File::create(self.path().join("log")).unwrap();
        let mut child = self
            .command()
            .args(["serve", "--listen", "unix:cs.sock", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let version = env!("CARGO_PKG_VERSION");
        let begins = format!("countersign {version} listens on unix:cs.sock, ");
        let tcp = line.trim_end().strip_prefix(&begins);
        let tcp = tcp.unwrap_or_else(|| panic!("{line:?}: {}", self.log())).to_owned();
        Server { child, tcp }
    }

    /// What the server has logged so far.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.path().join("log")).unwrap()
    }
}

/// A server that runs.
pub(super) struct Server {
    child: Child,
    pub(super) tcp: String,
}

impl Server {
    /// The number of its process.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub(super) fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// Stops it as Kubernetes does. Gives its status.
    pub(super) fn stop(mut self) -> i32 {
        signal(&self.child, "-TERM");
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have stopped already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal.
pub(super) fn signal(child: &Child, signal: &str) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Reads what a child writes, up to and with that text.
pub(super) fn read_until(child: &mut Child, text: &str) -> String {
    let mut out = BufReader::new(child.stdout.as_mut().unwrap());
    let mut read = String::new();
    while !read.contains(text) {
        assert_ne!(out.read_line(&mut read).unwrap(), 0, "it ended before {text:?}: {read}");
    }
    read
}

/// What is left of what a child writes, and its status.
pub(super) fn rest(mut child: Child) -> (String, Option<i32>) {
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    (text, child.wait().unwrap().code())
}
