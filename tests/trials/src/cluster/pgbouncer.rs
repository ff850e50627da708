//! PgBouncer in transaction mode before a PostgreSQL server.

use std::time::Duration;

use super::daemon::{Daemon, free_ports, own_dir, until};
use crate::Failed;
use crate::database::programs::output;

/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// The first version that hands prepared statements on in transaction mode.
const PREPARES: (u32, u32) = (1, 21);

/// For how long a client has a connection to the server for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// For a transaction.
    Transaction,
    /// For as long as it is there.
    Session,
}

/// A pooler. It is killed when this is dropped.
pub struct PgBouncer {
    program: String,
    port: u16,
    daemon: Option<Daemon>,
    dir: tempfile::TempDir,
}

impl PgBouncer {
    /// Starts that program before the server on a port. Of its settings only those differ from its defaults that
    /// must, and how many connections there are: in transaction mode fewer to the server than to clients, so that
    /// they change hands.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start(program: &str, server: u16, mode: Mode) -> Result<Self, Failed> {
        let dir = tempfile::tempdir()?;
        let [port] = free_ports().await?;
        let run = own_dir(dir.path(), "run").await?;
        let (mode, pool) = match mode {
            Mode::Transaction => ("transaction", 8),
            Mode::Session => ("session", 60),
        };
        let prepared = if prepares(program).await? { "max_prepared_statements = 100" } else { "" };
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {}\n\
             pool_mode = {mode}\ndefault_pool_size = {pool}\nmax_client_conn = 500\n{prepared}\n",
            run.join("users").display(),
        );
        std::fs::write(run.join("users"), "\"test\" \"\"\n")?;
        std::fs::write(run.join("pgbouncer.ini"), settings)?;
        let mut pooler = Self { program: program.to_owned(), port, daemon: None, dir };
        pooler.restart().await?;
        Ok(pooler)
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://test@127.0.0.1:{}/postgres", self.port)
    }

    /// Kills it, as a crash does.
    ///
    /// # Errors
    /// It does not run.
    pub async fn kill(&mut self) -> Result<(), Failed> {
        self.daemon.take().ok_or("it was killed already")?.kill().await
    }

    /// Starts it again, where it was killed, and waits until it takes connections.
    ///
    /// # Errors
    /// It does not.
    pub async fn restart(&mut self) -> Result<(), Failed> {
        let run = self.dir.path().join("run");
        let daemon = self.daemon.insert(Daemon::start(&self.program, &["pgbouncer.ini"], &run)?);
        let at = format!("127.0.0.1:{}", self.port);
        let listening = async || Ok(tokio::net::TcpStream::connect(&at).await.map(|_| true)?);
        until("PgBouncer's start", PATIENCE, listening)
            .await
            .map_err(|e| format!("{e}; {}", daemon.last_words()).into())
    }

    /// Ends it.
    ///
    /// # Errors
    /// It does not end.
    pub async fn stop(mut self) -> Result<(), Failed> {
        match self.daemon.take() {
            Some(mut daemon) => daemon.kill().await,
            None => Ok(()),
        }
    }
}

/// Whether that version hands prepared statements on in transaction mode.
///
/// # Errors
/// There is no such program, or it does not say what version it is.
pub async fn prepares(program: &str) -> Result<bool, Failed> {
    let said = version(program).await?;
    let mut numbers = said.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok());
    let found = numbers.next().zip(numbers.next()).ok_or_else(|| format!("{said:?} has no version"))?;
    Ok(found >= PREPARES)
}

/// Its name and version.
///
/// # Errors
/// There is no such program.
pub async fn version(program: &str) -> Result<String, Failed> {
    Ok(output(program, &["--version"]).await?.lines().next().unwrap_or_default().to_owned())
}
