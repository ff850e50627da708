//! `countersign serve`, in several processes that share a database and a key ring.

use std::fs::File;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use countersign::crypto::data_dir;
use countersign::env::SystemEntropy;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinSet;

use crate::client::Client;
use crate::history::History;
use crate::{Failed, signal};

/// How long a process may take until it says where it listens.
const PATIENCE: Duration = Duration::from_secs(60);

/// Processes on one database. They are killed when this is dropped.
pub struct Fleet {
    /// The processes.
    pub processes: Vec<Sidecar>,
    home: tempfile::TempDir,
    binary: PathBuf,
}

/// One process. It has a data directory of its own, with the key ring and the token that all of them have.
pub struct Sidecar {
    number: usize,
    dir: PathBuf,
    binary: PathBuf,
    token: String,
    running: Option<Running>,
}

struct Running {
    child: Child,
    /// Kept open: who prints into nothing ends.
    _out: BufReader<ChildStdout>,
}

impl Fleet {
    /// No process yet, but what all will share.
    ///
    /// # Errors
    /// The key ring cannot be made.
    pub fn empty(binary: &Path) -> Result<Self, Failed> {
        let fleet = Self { processes: Vec::new(), home: tempfile::tempdir()?, binary: binary.to_owned() };
        data_dir::init(&fleet.home.path().join("shared"), &SystemEntropy)?;
        Ok(fleet)
    }

    /// Starts one more on a database. `settings` is the rest of its configuration, as it stands in a file.
    ///
    /// # Errors
    /// It does not start.
    pub async fn add(&mut self, url: &str, settings: &str) -> Result<&mut Sidecar, Failed> {
        let mut sidecar = self.prepare(self.processes.len())?;
        sidecar.restart_with(url, settings).await?;
        self.processes.push(sidecar);
        self.processes.last_mut().ok_or_else(|| "there is no process".into())
    }

    /// Starts one more on each of these databases, all at the same moment.
    ///
    /// # Errors
    /// One of them does not start: what each logged says why.
    pub async fn add_at_once(&mut self, urls: &[String]) -> Result<(), Failed> {
        let mut starts = JoinSet::new();
        for url in urls {
            let mut sidecar = self.prepare(self.processes.len() + starts.len())?;
            let url = url.clone();
            starts.spawn(async move {
                let started = sidecar.restart_with(&url, "").await;
                (sidecar, started.map_err(|e| e.to_string()))
            });
        }
        let mut failed = Vec::new();
        for (sidecar, started) in starts.join_all().await {
            failed.extend(started.err());
            self.processes.push(sidecar);
        }
        self.processes.sort_by_key(|process| process.number);
        if failed.is_empty() { Ok(()) } else { Err(failed.join("\n").into()) }
    }

    /// A process that does not run yet.
    fn prepare(&self, number: usize) -> Result<Sidecar, Failed> {
        let dir = self.home.path().join(number.to_string());
        std::fs::DirBuilder::new().mode(0o700).create(&dir)?;
        let shared = self.home.path().join("shared");
        std::fs::copy(data_dir::keyring_path(&shared), data_dir::keyring_path(&dir))?;
        std::fs::copy(data_dir::token_path(&shared), data_dir::token_path(&dir))?;
        let token = data_dir::read_token(&shared)?.ok_or("there is no token")?.expose().to_owned();
        Ok(Sidecar { number, dir, binary: self.binary.clone(), token, running: None })
    }

    /// A client of each process.
    ///
    /// # Errors
    /// The token is none.
    pub fn clients(&self, history: &Arc<History>) -> Result<Vec<Client>, Failed> {
        self.processes.iter().map(|process| process.client(history)).collect()
    }

    /// The key ring that all share.
    #[must_use]
    pub fn keyring(&self) -> PathBuf {
        data_dir::keyring_path(&self.home.path().join("shared"))
    }

    /// Ends every process as Kubernetes does. Each must end well, and within its grace.
    ///
    /// # Errors
    /// One does not.
    pub async fn end(mut self) -> Result<(), Failed> {
        for process in &mut self.processes {
            process.end().await?;
        }
        Ok(())
    }
}

impl Sidecar {
    /// Starts it again, where it was killed, and waits until it says where it listens.
    ///
    /// # Errors
    /// It does not start: what it logged says why.
    pub async fn go_on(&mut self) -> Result<(), Failed> {
        let log = File::options().create(true).append(true).open(self.log())?;
        let mut command = Command::new(&self.binary);
        command.args(["serve", "--listen", &format!("unix:{}", self.socket().display())]);
        command.arg("--data-dir").arg(&self.dir).arg("--config").arg(self.dir.join("countersign.toml"));
        // Nothing of this program's environment is to tell it anything.
        command
            .env_clear()
            .envs(clock())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(|e| format!("{}: {e}", self.binary.display()))?;
        let mut out = BufReader::new(child.stdout.take().ok_or("no output")?);
        let mut said = String::new();
        let heard = tokio::time::timeout(PATIENCE, out.read_line(&mut said)).await;
        if !matches!(heard, Ok(Ok(1..))) {
            return Err(format!("process {} does not start:\n{}", self.number, self.logged()).into());
        }
        self.running = Some(Running { child, _out: out });
        Ok(())
    }

    /// Starts it anew with another configuration.
    ///
    /// # Errors
    /// It does not end, or does not start.
    pub async fn restart_with(&mut self, url: &str, settings: &str) -> Result<(), Failed> {
        self.end().await?;
        let settings = format!("database_url = {url:?}\n{settings}");
        std::fs::write(self.dir.join("countersign.toml"), settings)?;
        self.go_on().await
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// It cannot be killed.
    pub async fn kill(&mut self) -> Result<(), Failed> {
        if let Some(mut running) = self.running.take() {
            running.child.kill().await?;
        }
        Ok(())
    }

    /// Tells it to end (SIGTERM), and waits until it has.
    ///
    /// # Errors
    /// It ended badly, or not within its grace and a little more.
    pub async fn end(&mut self) -> Result<(), Failed> {
        let Some(mut running) = self.running.take() else { return Ok(()) };
        signal::send("TERM", &[signal::process(&running.child)?]).await?;
        let ended = tokio::time::timeout(Duration::from_secs(30), running.child.wait()).await;
        match ended {
            Ok(Ok(status)) if ExitStatus::success(&status) => Ok(()),
            Ok(ended) => {
                Err(format!("process {} ended with {ended:?}:\n{}", self.number, self.logged()).into())
            }
            Err(_) => {
                let log = self.logged();
                Err(format!("process {} does not end when it is told to:\n{log}", self.number).into())
            }
        }
    }

    /// Stops it where it is (SIGSTOP), or lets it go on (SIGCONT).
    ///
    /// # Errors
    /// It does not run.
    pub async fn signal(&self, name: &str) -> Result<(), Failed> {
        signal::send(name, &[self.process()?]).await
    }

    /// Whether it says that it is ready.
    pub async fn is_ready(&self) -> bool {
        let mut probe = Command::new(&self.binary);
        probe.args(["probe", "--timeout", "1s", "--server", &format!("unix:{}", self.socket().display())]);
        probe
            .env_clear()
            .envs(clock())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        probe.status().await.is_ok_and(|status| ExitStatus::success(&status))
    }

    /// Its process.
    ///
    /// # Errors
    /// It does not run.
    pub fn process(&self) -> Result<u32, Failed> {
        signal::process(&self.running.as_ref().ok_or("the process does not run")?.child)
    }

    /// A client of it, which connects when it calls, and again when the connection is lost.
    ///
    /// # Errors
    /// The token is none.
    pub fn client(&self, history: &Arc<History>) -> Result<Client, Failed> {
        Client::new(self.number, self.socket(), &self.token, history)
    }

    fn socket(&self) -> PathBuf {
        self.dir.join("s")
    }

    fn log(&self) -> PathBuf {
        self.dir.join("log")
    }

    /// The end of what it logged.
    #[must_use]
    pub fn logged(&self) -> String {
        let log = std::fs::read(self.log()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

/// The environment that gives this program another clock than the system's, where faketime does: the processes that it
/// starts are to have the same.
fn clock() -> impl Iterator<Item = (String, String)> {
    std::env::vars().filter(|(name, _)| name == "LD_PRELOAD" || name.contains("FAKE"))
}
