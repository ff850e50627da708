//! The real binary, as a user starts it.

use std::process::Stdio;

use countersign::domain::moment::Moment;
use countersign::env::{Clock as _, SystemClock};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use super::Client;

/// `countersign serve` on SQLite in a directory of its own.
pub(crate) struct Process {
    child: Child,
    address: String,
    log: JoinHandle<String>,
    pub(crate) dir: tempfile::TempDir,
}

impl Process {
    /// Starts it with these variables, and waits until it says where it listens.
    pub(crate) async fn start(environment: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(dir.path().join("data"))
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut err = child.stderr.take().unwrap();
        let log = tokio::spawn(async move {
            let mut text = String::new();
            err.read_to_string(&mut text).await.unwrap();
            text
        });
        let Some(line) = out.next_line().await.unwrap() else {
            panic!("it did not start: {}", log.await.unwrap());
        };
        let address = line.rsplit(' ').next().unwrap().to_owned();
        Self { child, address, log, dir }
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// A client with the first caller's token.
    pub(crate) async fn client(&self) -> Client {
        let token = std::fs::read_to_string(self.dir.path().join("data/caller-token")).unwrap();
        Client::tcp(&self.address, Some(token.trim())).await
    }

    /// A client with that token.
    pub(crate) async fn client_with(&self, token: &str) -> Client {
        Client::tcp(&self.address, Some(token)).await
    }

    /// What time it is to it.
    pub(crate) fn now(&self) -> Moment {
        SystemClock.now()
    }

    /// Ends it as Kubernetes does, and gives what it logged.
    pub(crate) async fn stop(mut self) -> String {
        let pid = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
        assert!(self.child.wait().await.unwrap().success(), "it must end with status 0");
        self.log.await.unwrap()
    }
}
