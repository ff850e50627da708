//! A database server of one's own: with settings that no other has, to be frozen, killed and started again.

use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use sea_orm::QueryResult;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use super::programs::{NOBODY, copy, is_nobody, is_root, postgres, run};
use super::{Engine, sql, template};
use crate::{Failed, signal};

/// How long a server may take to answer after it was started.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server. It is killed when this is dropped.
pub struct Server {
    /// What it is.
    pub engine: Engine,
    /// Where it listens.
    pub port: u16,
    child: Option<Child>,
    settings: Vec<String>,
    dir: tempfile::TempDir,
}

impl Server {
    /// Starts one with these settings, as they stand on its command line.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start(engine: Engine, settings: &[&str]) -> Result<Self, Failed> {
        let dir = tempfile::tempdir()?;
        copy(&template::of(engine).await?, &dir.path().join("data")).await?;
        Self::start_in(engine, dir, settings).await
    }

    /// Starts a standby of another (PostgreSQL), which reaches it at that port.
    ///
    /// # Errors
    /// It does not start.
    pub async fn standby_of(primary: &Self, port: u16) -> Result<Self, Failed> {
        let dir = tempfile::tempdir()?;
        let port = port.to_string();
        let base = postgres("pg_basebackup");
        let data = dir.path().join("data").display().to_string();
        run(&base, &["-D", &data, "-h", "127.0.0.1", "-p", &port, "-U", "test", "-R", "-c", "fast"]).await?;
        Self::start_in(primary.engine, dir, &[]).await
    }

    async fn start_in(engine: Engine, dir: tempfile::TempDir, settings: &[&str]) -> Result<Self, Failed> {
        let port = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port();
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        // Its own: a MariaDB that starts removes what others left in the one that all share.
        std::fs::create_dir(dir.path().join("tmp"))?;
        if is_root(dir.path())? {
            run("chown", &["-R", &NOBODY.to_string(), &dir.path().display().to_string()]).await?;
        }
        let mut server = Self { engine, port, dir, settings, child: None };
        server.go_on().await?;
        Ok(server)
    }

    /// Starts it again, where it was stopped, and waits until it answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn go_on(&mut self) -> Result<(), Failed> {
        let dir = self.dir.path();
        let at = |name: &str| dir.join(name).display().to_string();
        let mut command = match self.engine {
            Engine::Sqlite => return Err("SQLite has no server".into()),
            Engine::Postgres => {
                let mut command = Command::new(postgres("postgres"));
                command.args(["-D", &at("data"), "-c", "listen_addresses=127.0.0.1"]);
                command.args(["-c", &format!("port={}", self.port)]);
                command.args(["-c", &format!("unix_socket_directories={}", dir.display())]);
                command.args(self.settings.iter().flat_map(|setting| ["-c", setting]));
                command
            }
            Engine::MySql => {
                let mut command = Command::new("mariadbd");
                command.args(["--no-defaults", "--bind-address=127.0.0.1", "--innodb-log-file-size=8M"]);
                command.args([format!("--datadir={}", at("data")), format!("--socket={}", at("s"))]);
                command.args([format!("--tmpdir={}", at("tmp")), format!("--port={}", self.port)]);
                command.args(self.settings.iter().map(|setting| format!("--{setting}")));
                command
            }
        };
        let log = std::fs::File::options().create(true).append(true).open(dir.join("log"))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
        if is_nobody(dir)? {
            command.uid(NOBODY).gid(NOBODY);
        }
        self.child = Some(command.spawn()?);
        let until = Instant::now() + PATIENCE;
        let mut every = tokio::time::interval(Duration::from_millis(20));
        while let Err(error) = sql::rows(&self.url(), "SELECT 1").await {
            let ended = self.child.as_mut().map(Child::try_wait).transpose()?.flatten();
            if ended.is_some() || Instant::now() > until {
                let log = std::fs::read(self.path("log"))?;
                let log = String::from_utf8_lossy(&log);
                return Err(format!("the server does not answer: {error}\n{log}").into());
            }
            every.tick().await;
        }
        Ok(())
    }

    /// Settings that it has when it is started again.
    pub fn add(&mut self, settings: &[&str]) {
        self.settings.extend(settings.iter().map(|setting| (*setting).to_owned()));
    }

    /// Kills it, as a crash does.
    ///
    /// # Errors
    /// It cannot be killed.
    pub async fn kill(&mut self) -> Result<(), Failed> {
        if let Some(mut child) = self.child.take() {
            // Each of PostgreSQL's connections is a process, which goes on for a moment when its parent is
            // gone; and a parent that sees them die starts others.
            signal::send("STOP", &[signal::process(&child)?]).await?;
            let children = signal::children(&child).await?;
            signal::send("KILL", &children).await?;
            child.kill().await?;
            signal::gone(&children).await;
        }
        Ok(())
    }

    /// Ends it as whoever operates it does, and waits until it has.
    ///
    /// # Errors
    /// It does not run.
    pub async fn end(&mut self) -> Result<(), Failed> {
        let mut child = self.child.take().ok_or("the server does not run")?;
        // PostgreSQL waits for its clients otherwise.
        let name = if self.engine == Engine::Postgres { "INT" } else { "TERM" };
        signal::send(name, &[signal::process(&child)?]).await?;
        child.wait().await?;
        Ok(())
    }

    /// Stops it where it is: nothing answers any more, and no connection ends.
    ///
    /// # Errors
    /// It does not run.
    pub async fn freeze(&self) -> Result<(), Failed> {
        let child = self.child.as_ref().ok_or("the server does not run")?;
        signal::send("STOP", &[signal::process(child)?]).await?;
        signal::send("STOP", &signal::children(child).await?).await
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// It does not run.
    pub async fn thaw(&self) -> Result<(), Failed> {
        let child = self.child.as_ref().ok_or("the server does not run")?;
        signal::send("CONT", &signal::children(child).await?).await?;
        signal::send("CONT", &[signal::process(child)?]).await
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_at(&format!("127.0.0.1:{}", self.port))
    }

    /// Its URL, with another address, or several.
    #[must_use]
    pub fn url_at(&self, hosts: &str) -> String {
        match self.engine {
            Engine::MySql => format!("mysql://root@{hosts}/test"),
            Engine::Sqlite | Engine::Postgres => format!("postgres://test@{hosts}/postgres"),
        }
    }

    /// A file beside its data, which it can read.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Has a file belong to it.
    ///
    /// # Errors
    /// The operating system refuses.
    pub fn hand_over(&self, path: &Path) -> Result<(), Failed> {
        if is_nobody(self.dir.path())? {
            chown(path, Some(NOBODY), Some(NOBODY))?;
        }
        Ok(())
    }

    /// Does something past the program.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn execute(&self, sql: &str) -> Result<(), Failed> {
        sql::rows(&self.url(), sql).await.map(drop).map_err(|e| format!("{sql}: {e}").into())
    }

    /// Changes a setting, and waits until new connections have it.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn set(&self, sql: &str) -> Result<(), Failed> {
        let loaded = async || self.text("SELECT pg_conf_load_time()::text").await;
        if self.engine != Engine::Postgres {
            return self.execute(sql).await;
        }
        let before = loaded().await?;
        self.execute(sql).await?;
        self.rows("SELECT pg_reload_conf()").await?;
        let mut every = tokio::time::interval(Duration::from_millis(20));
        while loaded().await? == before {
            every.tick().await;
        }
        Ok(())
    }

    /// Reads a text past the program.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn text(&self, sql: &str) -> Result<String, Failed> {
        Ok(self.rows(sql).await?.first().ok_or("no row")?.try_get_by_index(0)?)
    }

    /// Reads something past the program.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn rows(&self, sql: &str) -> Result<Vec<QueryResult>, Failed> {
        Ok(sql::rows(&self.url(), sql).await?)
    }

    /// Ends it.
    ///
    /// # Errors
    /// It cannot be told.
    pub async fn stop(mut self) -> Result<(), Failed> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        signal::send("CONT", &signal::children(&child).await?).await?;
        for name in ["CONT", "QUIT"] {
            signal::send(name, &[signal::process(&child)?]).await?;
        }
        if self.engine == Engine::MySql {
            child.start_kill()?;
        }
        child.wait().await?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Those of PostgreSQL's connections would outlive a parent that is killed while they are frozen.
        if let Some(process) = self.child.as_ref().and_then(Child::id) {
            let mut kill = std::process::Command::new("pkill");
            let _ = kill.args(["-KILL", "-P", &process.to_string()]).status();
        }
    }
}
