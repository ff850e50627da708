//! A database server of a test's own: with settings that no other test has, to be frozen, killed and started
//! again.

use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use sea_orm::{ConnectOptions, ConnectionTrait as _, QueryResult, Statement};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use super::databases::Engine;
use super::eventually;

/// Who servers run as where the tests run as root, which they refuse.
const NOBODY: u32 = 65_534;

/// A server.
pub(crate) struct Server {
    pub(crate) engine: Engine,
    pub(crate) port: u16,
    dir: tempfile::TempDir,
    settings: Vec<String>,
    child: Option<Child>,
}

impl Server {
    /// Starts one with these settings, as they stand on its command line.
    pub(crate) async fn start(engine: Engine, settings: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        copy(&template(engine).await, &dir.path().join("data")).await;
        Self::start_in(engine, dir, settings).await
    }

    /// Starts a standby of another (PostgreSQL), which reaches it at that port.
    pub(crate) async fn standby_of(primary: &Self, port: u16) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = port.to_string();
        let base = postgres("pg_basebackup");
        let data = dir.path().join("data").display().to_string();
        run(&base, &["-D", &data, "-h", "127.0.0.1", "-p", &port, "-U", "test", "-R", "-c", "fast"]).await;
        Self::start_in(primary.engine, dir, &[]).await
    }

    async fn start_in(engine: Engine, dir: tempfile::TempDir, settings: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        if is_root(dir.path()) {
            run("chown", &["-R", &NOBODY.to_string(), &dir.path().display().to_string()]).await;
        }
        let mut server = Self { engine, port, dir, settings, child: None };
        server.go_on().await;
        server
    }

    /// Starts it again, where it was stopped, and waits until it answers.
    pub(crate) async fn go_on(&mut self) {
        let dir = self.dir.path();
        let (data, socket) = (dir.join("data").display().to_string(), dir.join("s").display().to_string());
        let mut command = match self.engine {
            Engine::Sqlite => unreachable!("SQLite has no server"),
            Engine::Postgres => {
                let mut command = Command::new(postgres("postgres"));
                command.args(["-D", &data, "-c", "listen_addresses=127.0.0.1"]);
                command.args(["-c", &format!("port={}", self.port)]);
                command.args(["-c", &format!("unix_socket_directories={}", dir.display())]);
                command.args(self.settings.iter().flat_map(|setting| ["-c", setting]));
                command
            }
            Engine::MySql => {
                let mut command = Command::new("mariadbd");
                command.args(["--no-defaults", "--bind-address=127.0.0.1", "--innodb-log-file-size=8M"]);
                command.args([format!("--datadir={data}"), format!("--socket={socket}")]);
                command.arg(format!("--port={}", self.port));
                command.args(self.settings.iter().map(|setting| format!("--{setting}")));
                command
            }
        };
        let log = std::fs::File::create(dir.join("log")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).kill_on_drop(true);
        if is_nobody(dir) {
            command.uid(NOBODY).gid(NOBODY);
        }
        self.child = Some(command.spawn().unwrap());
        eventually("the server answers", async || self.try_rows("SELECT 1").await.is_ok()).await;
    }

    /// Settings that it has when it is started again.
    pub(crate) fn add(&mut self, settings: &[&str]) {
        self.settings.extend(settings.iter().map(|setting| (*setting).to_owned()));
    }

    /// Kills it, as a crash does.
    pub(crate) async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Each of PostgreSQL's connections is a process, which goes on for a moment when its parent is
            // gone.
            signal("KILL", &children(&child).await).await;
            child.kill().await.unwrap();
        }
    }

    /// Stops it where it is: nothing answers any more, and no connection ends.
    pub(crate) async fn freeze(&self) {
        let child = self.child.as_ref().unwrap();
        signal("STOP", &[child.id().unwrap()]).await;
        signal("STOP", &children(child).await).await;
    }

    /// Lets it go on.
    pub(crate) async fn thaw(&self) {
        let child = self.child.as_ref().unwrap();
        signal("CONT", &children(child).await).await;
        signal("CONT", &[child.id().unwrap()]).await;
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        self.url_at(&format!("127.0.0.1:{}", self.port))
    }

    /// Its URL, with another address, or several.
    pub(crate) fn url_at(&self, hosts: &str) -> String {
        match self.engine {
            Engine::Sqlite => unreachable!("SQLite has no server"),
            Engine::Postgres => format!("postgres://test@{hosts}/postgres"),
            Engine::MySql => format!("mysql://root@{hosts}/test"),
        }
    }

    /// A file beside its data, which it can read.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Has a file belong to it.
    pub(crate) fn hand_over(&self, path: &Path) {
        if is_nobody(self.dir.path()) {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }

    /// Does something past the program.
    pub(crate) async fn execute(&self, sql: &str) {
        self.try_rows(sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    }

    /// Changes a setting, and waits until new connections have it.
    pub(crate) async fn set(&self, sql: &str) {
        self.execute(sql).await;
        if self.engine == Engine::Postgres {
            let loaded = async || self.text("SELECT pg_conf_load_time()::text").await;
            let before = loaded().await;
            self.rows("SELECT pg_reload_conf()").await;
            eventually("the settings are loaded", async || loaded().await != before).await;
        }
    }

    /// Reads a text past the program.
    pub(crate) async fn text(&self, sql: &str) -> String {
        self.rows(sql).await[0].try_get_by_index(0).unwrap()
    }

    /// Reads something past the program.
    pub(crate) async fn rows(&self, sql: &str) -> Vec<QueryResult> {
        self.try_rows(sql).await.unwrap()
    }

    async fn try_rows(&self, sql: &str) -> Result<Vec<QueryResult>, sea_orm::DbErr> {
        let mut options = ConnectOptions::new(self.url());
        options.max_connections(1).connect_timeout(Duration::from_secs(1)).sqlx_logging(false);
        let db = sea_orm::Database::connect(options).await?;
        let rows = if sql.starts_with("SELECT") {
            db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await
        } else {
            db.execute_unprepared(sql).await.map(|_| Vec::new())
        };
        db.close().await?;
        rows
    }

    /// Ends it.
    pub(crate) async fn stop(mut self) {
        let Some(mut child) = self.child.take() else { return };
        signal("CONT", &children(&child).await).await;
        for name in ["CONT", "QUIT"] {
            signal(name, &[child.id().unwrap()]).await;
        }
        if self.engine == Engine::MySql {
            child.start_kill().unwrap();
        }
        child.wait().await.unwrap();
    }
}

/// The data of a server that was never used, made once and copied for each.
async fn template(engine: Engine) -> PathBuf {
    static ONCE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _alone = ONCE.lock().await;
    let name = match engine {
        Engine::Sqlite => unreachable!("SQLite has no server"),
        Engine::Postgres => output(&postgres("postgres"), &["--version"]).await,
        Engine::MySql => output("mariadbd", &["--version"]).await,
    };
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let at = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name.trim_matches('-'));
    if at.exists() {
        return at;
    }
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data").display().to_string();
    if is_root(dir.path()) {
        chown(dir.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    if engine == Engine::Postgres {
        let mut initdb = Command::new(postgres("initdb"));
        initdb.args(["-D", &data, "-U", "test", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]);
        if is_nobody(dir.path()) {
            initdb.uid(NOBODY).gid(NOBODY).current_dir("/");
        }
        succeed(initdb).await;
    } else {
        let mut install = Command::new("mariadb-install-db");
        install.args(["--no-defaults", "--auth-root-authentication-method=normal"]);
        install.args(["--innodb-log-file-size=8M", &format!("--datadir={data}")]);
        if is_nobody(dir.path()) {
            install.uid(NOBODY).gid(NOBODY).current_dir("/");
        }
        // It makes a database of the name test, too.
        succeed(install).await;
    }
    // Whoever else makes it at the same time makes the same.
    let beside = at.with_extension(format!("{}", std::process::id()));
    copy(Path::new(&data), &beside).await;
    if std::fs::rename(&beside, &at).is_err() {
        std::fs::remove_dir_all(&beside).unwrap();
    }
    at
}

/// One of PostgreSQL's programs, which Debian does not put in the PATH: of the newest that is installed.
fn postgres(program: &str) -> String {
    let version = |path: &PathBuf| {
        path.parent().and_then(Path::file_name).and_then(|name| name.to_str()?.parse::<u32>().ok())
    };
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest =
        installed.map(|entry| entry.path().join("bin")).filter(|bin| bin.exists()).max_by_key(version);
    newest.map_or_else(|| program.to_owned(), |bin| bin.join(program).display().to_string())
}

async fn copy(from: &Path, to: &Path) {
    run("cp", &["-r", &from.display().to_string(), &to.display().to_string()]).await;
    if from.starts_with(env!("CARGO_TARGET_TMPDIR")) {
        run("chmod", &["-R", "go-rwx", &to.display().to_string()]).await;
    }
}

async fn children(child: &Child) -> Vec<u32> {
    let found = Command::new("pgrep").args(["-P", &child.id().unwrap().to_string()]).output().await.unwrap();
    String::from_utf8(found.stdout).unwrap().lines().map(|line| line.parse().unwrap()).collect()
}

async fn signal(name: &str, pids: &[u32]) {
    if !pids.is_empty() {
        let pids = pids.iter().map(u32::to_string);
        // One that has ended meanwhile needs no signal.
        Command::new("kill").arg(format!("-{name}")).args(pids).output().await.unwrap();
    }
}

async fn run(program: &str, arguments: &[&str]) {
    let mut command = Command::new(program);
    command.args(arguments);
    succeed(command).await;
}

async fn output(program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    command.args(arguments);
    String::from_utf8(succeed(command).await).unwrap()
}

async fn succeed(mut command: Command) -> Vec<u8> {
    let done = command.output().await.unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    done.stdout
}

fn is_root(path: &Path) -> bool {
    std::fs::metadata(path).unwrap().uid() == 0
}

fn is_nobody(path: &Path) -> bool {
    std::fs::metadata(path).unwrap().uid() == NOBODY
}
