//! Database servers of a measurement's own: on loopback, with the durability that they have by default.

pub mod count;
mod mariadb;
mod postgres;

use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Failed;

pub use postgres::program as postgres_program;

/// A database that the product runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// In a file.
    Sqlite,
    /// A server.
    Postgres,
    /// A server.
    Mariadb,
}

/// Who servers run as where this runs as root, which they refuse.
const NOBODY: u32 = 65_534;
/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A database, to be loaded.
pub struct Database {
    /// Which.
    pub engine: Engine,
    dir: PathBuf,
    port: u16,
    child: Option<Child>,
}

impl Database {
    /// Makes one in a directory that is not there yet, and starts it.
    pub fn start(engine: Engine, dir: &Path) -> Result<Self, Failed> {
        Self::start_with(engine, dir, &[])
    }

    /// The same, with settings as they stand on its command line.
    pub fn start_with(engine: Engine, dir: &Path, settings: &[&str]) -> Result<Self, Failed> {
        std::fs::create_dir_all(dir)?;
        if is_root()? {
            chown(dir, Some(NOBODY), Some(NOBODY))?;
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut database = Self { engine, dir: dir.to_owned(), port, child: None };
        match engine {
            Engine::Sqlite => return Ok(database),
            Engine::Postgres => postgres::init(dir)?,
            Engine::Mariadb => mariadb::init(dir)?,
        }
        database.go_on(settings)?;
        Ok(database)
    }

    /// Starts it where it was stopped, and waits until it answers.
    pub fn go_on(&mut self, settings: &[&str]) -> Result<(), Failed> {
        let mut command = match self.engine {
            Engine::Sqlite => return Ok(()),
            Engine::Postgres => postgres::serve(&self.dir, self.port, settings),
            Engine::Mariadb => mariadb::serve(&self.dir, self.port, settings),
        };
        let log = std::fs::File::create(self.dir.join("log"))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        as_nobody(&mut command)?;
        let mut child = command.spawn().map_err(|e| format!("{command:?}: {e}"))?;
        let begin = Instant::now();
        while self.ask("SELECT 1").is_err() {
            if child.try_wait()?.is_some() || begin.elapsed() > PATIENCE {
                let _ = child.kill();
                let _ = child.wait();
                let said = std::fs::read_to_string(self.dir.join("log")).unwrap_or_default();
                return Err(format!("{:?} did not start:\n{said}", self.engine).into());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        self.child = Some(child);
        Ok(())
    }

    /// Where the product finds it.
    pub fn url(&self) -> String {
        self.url_of(if self.engine == Engine::Postgres { "postgres" } else { "test" })
    }

    /// Where a database of that name is found. SQLite has only one.
    pub fn url_of(&self, name: &str) -> String {
        match self.engine {
            Engine::Sqlite => format!("sqlite:{}", self.file().display()),
            Engine::Postgres => format!("postgres://test@127.0.0.1:{}/{name}", self.port),
            Engine::Mariadb => format!("mysql://root@127.0.0.1:{}/{name}", self.port),
        }
    }

    /// What it has logged.
    pub fn log(&self) -> Result<String, Failed> {
        Ok(std::fs::read_to_string(self.dir.join("log"))?)
    }

    /// SQLite's file.
    pub fn file(&self) -> PathBuf {
        self.dir.join("server.db")
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process, whose children are its own too.
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Has it carry statements out, past the product, and gives what they print.
    pub fn ask(&self, sql: &str) -> Result<String, Failed> {
        let command = match self.engine {
            Engine::Sqlite => return Err("SQLite has no server to ask".into()),
            Engine::Postgres => postgres::client(self.port, sql),
            Engine::Mariadb => mariadb::client(self.port, sql),
        };
        run(command)
    }

    /// Its version, as it is reported.
    pub fn version(&self) -> Result<String, Failed> {
        Ok(match self.engine {
            Engine::Sqlite => format!("SQLite {}", rusqlite::version()),
            Engine::Postgres => format!("PostgreSQL {}", self.ask("SHOW server_version")?.trim()),
            Engine::Mariadb => format!("MariaDB {}", self.ask("SELECT version()")?.trim()),
        })
    }

    /// Stops it in an orderly way and waits until it is gone.
    pub fn stop(&mut self) -> Result<(), Failed> {
        if let Some(mut child) = self.child.take() {
            // PostgreSQL: fast, not smart. MariaDB: in order.
            let signal = if self.engine == Engine::Postgres { "-INT" } else { "-TERM" };
            Command::new("kill").args([signal, &child.id().to_string()]).status()?;
            child.wait()?;
        }
        Ok(())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // What is left of it is removed anyway.
        let _ = self.stop();
    }
}

/// Whether this runs as root.
fn is_root() -> Result<bool, Failed> {
    Ok(std::fs::metadata("/proc/self")?.uid() == 0)
}

/// Has a command run as nobody, where this runs as root.
fn as_nobody(command: &mut Command) -> Result<(), Failed> {
    if is_root()? {
        command.uid(NOBODY).gid(NOBODY).current_dir("/");
    }
    Ok(())
}

/// Runs a command to its end and gives what it prints.
pub fn run(mut command: Command) -> Result<String, Failed> {
    let done = command.stdin(Stdio::null()).output().map_err(|e| format!("{command:?}: {e}"))?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        return Err(format!("{command:?} {}: {said}", done.status).into());
    }
    Ok(String::from_utf8(done.stdout)?)
}
