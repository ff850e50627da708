//! One `countersign serve` on SQLite and a TCP port, with three callers: `app`, who is the victim, and two whose
//! tokens the attackers have.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use countersign::auth::Role;
use countersign::crypto::token::{self, TokenHash};
use countersign::env::SystemEntropy;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use super::connection::Target;
use super::plans;
use crate::client::Client;
use crate::history::History;
use crate::{Failed, signal};

/// How long a call has: longer than a server stands still.
const DEADLINE: Duration = Duration::from_secs(20);
/// How long it may take until it says where it listens.
const START: Duration = Duration::from_secs(60);
/// How long it may take to end at most.
const END: Duration = Duration::from_secs(30);
/// How long a probe waits for its answer.
const PROBE: &str = "5s";
/// Nobody is slowed, so that each code is judged.
const SETTINGS: &str = "[policy.throttle]\nfactor = \"0s\"\n";

/// A server. It is killed when this is dropped.
pub(super) struct Server {
    binary: PathBuf,
    dir: tempfile::TempDir,
    address: SocketAddr,
    child: Child,
    /// Kept open: a server that writes to a closed pipe ends.
    _out: BufReader<ChildStdout>,
    app: String,
    reader: Arc<str>,
    auditor: Arc<str>,
}

impl Server {
    /// Starts one that may have so many files open.
    pub(super) async fn start(binary: &Path, files: u32) -> Result<Self, Failed> {
        let dir = tempfile::tempdir()?;
        let tokens: [String; 3] =
            std::array::from_fn(|_| token::generate(&SystemEntropy).expose().to_owned());
        let [app, reader, auditor] = &tokens;
        let all: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
        let callers = [
            caller("app", "default", &all, app),
            caller("reader", "default", &["verify"], reader),
            caller("auditor", "other", &["audit"], auditor),
        ];
        let database = format!("sqlite:{}", dir.path().join("trial.db").display());
        let settings =
            format!("database_url = {database:?}\n{SETTINGS}{}{}", callers.concat(), plans::settings());
        let config = dir.path().join("countersign.toml");
        std::fs::write(&config, settings)?;
        let log = File::options().create(true).append(true).open(dir.path().join("log"))?;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &format!("ulimit -n {files} && exec \"$0\" \"$@\"")]).arg(binary);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(dir.path().join("data"));
        command.arg("--config").arg(config);
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        let mut child = command.spawn()?;
        let mut out = BufReader::new(child.stdout.take().ok_or("no output")?);
        let mut said = String::new();
        let heard = timeout(START, out.read_line(&mut said)).await;
        if !matches!(heard, Ok(Ok(1..))) {
            return Err(format!("the server does not start:\n{}", read(&dir.path().join("log"))).into());
        }
        let address = said.trim_end().rsplit(' ').next().unwrap_or_default();
        let address = address.parse().map_err(|_| format!("no address: {said}"))?;
        let [app, reader, auditor] = tokens;
        let (reader, auditor) = (reader.into(), auditor.into());
        Ok(Self { binary: binary.to_owned(), dir, address, child, _out: out, app, reader, auditor })
    }

    /// What attackers know of it. Nothing was done yet.
    pub(super) fn target(&self) -> Target {
        let (reader, auditor) = (self.reader.clone(), self.auditor.clone());
        Target { address: self.address, reader, auditor, tally: Arc::default() }
    }

    /// A client with every role, over a connection of its own.
    pub(super) fn client(&self, history: &Arc<History>) -> Result<Client, Failed> {
        Client::at(0, self.address, &self.app, DEADLINE, history)
    }

    pub(super) fn process(&self) -> Result<u32, Failed> {
        signal::process(&self.child)
    }

    /// Whether `countersign probe` finds that it serves.
    pub(super) async fn probe(&self) -> bool {
        let mut probe = Command::new(&self.binary);
        probe.args(["probe", "--timeout", PROBE, "--server", &self.address.to_string()]);
        probe.arg("--data-dir").arg(self.dir.path().join("data"));
        probe.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        probe.status().await.is_ok_and(|status| ExitStatus::success(&status))
    }

    /// Tells it to end (SIGTERM), and waits until it has.
    pub(super) async fn end(&mut self) -> Result<(), Failed> {
        signal::send("TERM", &[self.process()?]).await?;
        match timeout(END, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(ended) => Err(format!("the server ended with {ended:?}:\n{}", self.log()).into()),
            Err(_) => Err(format!("the server does not end when it is told to:\n{}", self.log()).into()),
        }
    }

    /// What it logged.
    pub(super) fn log(&self) -> String {
        read(&self.dir.path().join("log"))
    }
}

fn read(log: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(log).unwrap_or_default()).into_owned()
}

fn caller(name: &str, tenant: &str, roles: &[&str], token: &str) -> String {
    let hash = TokenHash::of(token);
    format!(
        "[[callers]]\nname = {name:?}\ntenant = {tenant:?}\nroles = {roles:?}\ntokens_sha256 = [\"{hash}\"]\n"
    )
}
