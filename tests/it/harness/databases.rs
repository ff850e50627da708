//! The same tests on every database: SQLite always, PostgreSQL and MariaDB on the servers that
//! `COUNTERSIGN_TEST_POSTGRES_URL` and `COUNTERSIGN_TEST_MYSQL_URL` name. Each test makes a database of its
//! own there, and drops it at the end.
//!
//! Where a server is not named its tests fail, so that nothing passes unseen. Who has none says so:
//! `COUNTERSIGN_TEST_DATABASES=sqlite` leaves the others out, and each test that is left out says that.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::Path;
use std::sync::Arc;

use countersign::app::{self, OpenError};
use countersign::crypto::keyring::Keyring;
use countersign::env::{Entropy, SystemEntropy};
use countersign::store::{Options, Store};
pub(crate) use countersign_trials::database::Engine;
use countersign_trials::database::Rented;
use futures_util::FutureExt as _;
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, QueryResult, Statement};

/// A database of a test's own, empty at the start.
#[derive(Clone)]
pub(crate) struct TestDatabase {
    pub(crate) engine: Engine,
    pub(crate) url: String,
    pub(crate) keyring: Arc<Keyring>,
    /// The directory of the file, on SQLite.
    pub(crate) dir: Arc<tempfile::TempDir>,
    /// Where it is on a server of others.
    pub(crate) rented: Option<Rented>,
}

/// Mounts tests for every database. Each is an `async fn(TestDatabase)`; one that is not named here is
/// dead code, which the compiler reports.
macro_rules! on_every_database {
    ($($test:ident),+ $(,)?) => {
        $crate::harness::databases::on_every_database!(@ sqlite Sqlite $($test)+);
        $crate::harness::databases::on_every_database!(@ postgres Postgres $($test)+);
        $crate::harness::databases::on_every_database!(@ mysql MySql $($test)+);
    };
    (@ $name:ident $engine:ident $($test:ident)+) => {
        mod $name {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $test() {
                    use $crate::harness::databases::{Engine, on};
                    on(Engine::$engine, super::$test).await;
                }
            )+
        }
    };
}
pub(crate) use on_every_database;

/// Mounts tests for the databases that are reached over a network.
macro_rules! on_every_server {
    ($($test:ident),+ $(,)?) => {
        $crate::harness::databases::on_every_database!(@ postgres Postgres $($test)+);
        $crate::harness::databases::on_every_database!(@ mysql MySql $($test)+);
    };
}
pub(crate) use on_every_server;

/// Mounts tests for each sort of database server. Each is an `async fn(Engine)`, which starts servers of its
/// own.
macro_rules! on_private_servers {
    ($($test:ident),+ $(,)?) => {
        $crate::harness::databases::on_private_servers!(@ postgres Postgres $($test)+);
        $crate::harness::databases::on_private_servers!(@ mysql MySql $($test)+);
    };
    (@ $name:ident $engine:ident $($test:ident)+) => {
        mod $name {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                #[ignore = "breaks servers of its own, with time limits: tests/run --test it faults:: -- --ignored"]
                async fn $test() {
                    use $crate::harness::databases::Engine;
                    if !Engine::$engine.is_left_out().unwrap() {
                        super::$test(Engine::$engine).await;
                    }
                }
            )+
        }
    };
}
pub(crate) use on_private_servers;

/// Runs a test on a database of its own.
pub(crate) async fn on<F: Future<Output = ()>>(engine: Engine, test: impl FnOnce(TestDatabase) -> F) {
    if engine.is_left_out().unwrap() {
        return;
    }
    let database = TestDatabase::create(engine).await;
    let outcome = AssertUnwindSafe(test(database.clone())).catch_unwind().await;
    database.remove().await;
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

impl TestDatabase {
    async fn create(engine: Engine) -> Self {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        let keyring = Arc::new(Keyring::generate(&SystemEntropy));
        if engine == Engine::Sqlite {
            let file = dir.path().join("test.db");
            return Self { dir, ..Self::in_file(&file) };
        }
        let rented = Rented::create(engine).await.unwrap();
        Self { engine, url: rented.url(), keyring, dir, rented: Some(rented) }
    }

    /// On SQLite, in that file.
    pub(crate) fn in_file(path: &Path) -> Self {
        Self {
            engine: Engine::Sqlite,
            url: format!("sqlite:{}", path.display()),
            keyring: Arc::new(Keyring::generate(&SystemEntropy)),
            dir: Arc::new(tempfile::tempdir().unwrap()),
            rented: None,
        }
    }

    async fn remove(&self) {
        if let Some(rented) = &self.rented {
            rented.remove().await.unwrap();
        }
    }

    /// The same database, opened with a key ring that is not its own.
    pub(crate) fn with_another_ring(&self) -> Self {
        Self { keyring: Arc::new(Keyring::generate(&SystemEntropy)), ..self.clone() }
    }

    /// The same database, opened with a key ring in which its own key is the older of two.
    pub(crate) fn with_a_newer_key(&self) -> Self {
        let old = self.keyring.to_text();
        let (_, keys) = old.expose().split_once("[keys]").unwrap();
        let newer = "newer = \"AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=\"";
        let text = format!("active = \"newer\"\n[keys]\n{newer}{keys}");
        Self { keyring: Arc::new(Keyring::parse(&text).unwrap()), ..self.clone() }
    }

    /// The port of its server.
    pub(crate) fn port(&self) -> u16 {
        let authority = self.url.split("://").nth(1).unwrap().split('/').next().unwrap();
        authority.rsplit(':').next().unwrap().parse().expect("a server's URL names its port")
    }

    /// How to reach it.
    pub(crate) fn options(&self) -> Options {
        super::options(&self.url)
    }

    /// Opens it as a server does when it starts.
    pub(crate) async fn open(&self) -> Store {
        self.try_open().await.unwrap()
    }

    /// Opens it, if it lets itself be opened.
    pub(crate) async fn try_open(&self) -> Result<Store, OpenError> {
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        app::open(&self.options(), self.keyring.clone(), &entropy).await
    }

    /// A connection past the store, of that many connections at most.
    pub(crate) async fn raw(&self, connections: u32) -> DatabaseConnection {
        let mut options = ConnectOptions::new(&self.url);
        options.max_connections(connections).sqlx_logging(false);
        // Without these two, sqlx maintains the pool, and its count of idle connections can wrap below zero: it then loops
        // for ever.
        options.idle_timeout(None).max_lifetime(None);
        sea_orm::Database::connect(options).await.unwrap()
    }

    /// Changes something past the store.
    pub(crate) async fn execute(&self, sql: &str) {
        execute(&self.raw(1).await, sql).await;
    }

    /// Reads something past the store.
    pub(crate) async fn rows(&self, sql: &str) -> Vec<QueryResult> {
        let db = self.raw(1).await;
        let statement = Statement::from_string(db.get_database_backend(), sql);
        let rows = db.query_all_raw(statement).await.unwrap();
        db.close().await.unwrap();
        rows
    }

    /// Texts as one, as SQL has it.
    pub(crate) fn joined(&self, texts: &[&str]) -> String {
        match self.engine {
            Engine::MySql => format!("CONCAT({})", texts.join(", ")),
            Engine::Sqlite | Engine::Postgres => texts.join(" || "),
        }
    }

    /// How many rows there are, by what stands after `FROM`.
    pub(crate) async fn count(&self, from: &str) -> i64 {
        self.rows(&format!("SELECT COUNT(*) FROM {from}")).await[0].try_get_by_index(0).unwrap()
    }

    /// How many events of that name there are.
    pub(crate) async fn events(&self, what: &str) -> i64 {
        self.count(&format!("event WHERE what = '{what}'")).await
    }
}

async fn execute(db: &DatabaseConnection, sql: &str) {
    db.execute_unprepared(sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    db.close_by_ref().await.unwrap();
}
