//! Whichever server takes writes now.
//!
//! All that is asked of the database goes through here: it waits for its turn no longer than its request
//! can, it is bounded in time even where the server does not answer at all, and what fails because the
//! server is gone, or takes no writes any more, has the servers looked at again. The one that takes writes
//! gets a pool of its own, and the old one's connections are left behind, the hung ones with them.

mod ask;
mod election;
mod own;
mod reading_turns;
mod shelf;
mod writes;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use sea_orm::{DatabaseConnection, DbBackend, DbErr};
use tokio::sync::{Mutex, Notify};

pub use self::ask::Tx;
pub use self::election::Unfit;
pub(super) use self::own::Own;

use self::election::Watcher;
use self::reading_turns::ReadingTurns;
use self::shelf::Shelf;
use self::writes::Writes;
use super::connect::{ConnectError, Options};
use super::dialect::{self, Dialect};
use super::server::Server;

/// A database, through whichever of its servers takes writes.
#[derive(Clone)]
pub(super) struct Primary(Arc<Inner>);

struct Inner {
    /// None: SQLite, which has no server.
    servers: Vec<Server>,
    backend: DbBackend,
    connections: usize,
    patience: Patience,
    current: RwLock<Current>,
    shelf: Shelf,
    /// Somebody has a reason to look at the servers again.
    doubt: Notify,
    /// Something got no answer at all: the connections that are open now may hang for ever.
    is_silent: AtomicBool,
    /// No server took writes when they were last looked at.
    is_lost: AtomicBool,
    watcher: Mutex<Watcher>,
    writes: Writes,
}

/// How long is waited.
#[derive(Clone, Copy)]
struct Patience {
    /// For a turn.
    turn: Duration,
    /// For an answer.
    answer: Duration,
}

/// Pools by number: each is left behind for the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PoolNumber(u64);

/// The server that takes writes.
#[derive(Clone)]
struct Current {
    pool: PoolNumber,
    server: usize,
    db: DatabaseConnection,
    /// As many turns as there are connections.
    turns: Arc<ReadingTurns>,
}

impl Primary {
    /// Finds the server that takes writes. Where none can be reached yet they may be starting: they are
    /// asked again for as long as one waits for a connection.
    ///
    /// # Errors
    /// Why each of them cannot be used.
    pub(super) async fn elect(
        servers: Vec<Server>,
        dialect: Dialect,
        options: &Options,
    ) -> Result<Self, ConnectError> {
        let backend = if dialect == Dialect::Postgres { DbBackend::Postgres } else { DbBackend::MySql };
        let watcher = election::first(&servers, options.acquire_timeout).await?;
        let server = watcher.server;
        let fault = |e| dialect::fault("connecting to the database", e);
        let db = servers[server].pool().await.map_err(fault)?;
        let pooled = dialect.pooled(options.max_connections);
        Ok(Self::new(servers, backend, options, pooled, db, watcher))
    }

    /// A database that has no server.
    pub(super) fn fixed(db: DatabaseConnection, connections: u32, options: &Options) -> Self {
        let backend = db.get_database_backend();
        Self::new(Vec::new(), backend, options, connections, db, Watcher::default())
    }

    fn new(
        servers: Vec<Server>,
        backend: DbBackend,
        options: &Options,
        connections: u32,
        db: DatabaseConnection,
        watcher: Watcher,
    ) -> Self {
        let connections = connections as usize;
        let statement = options.statement_timeout;
        // The server's own limit strikes first, and says which statement it was.
        let answer = if statement.is_zero() { UNSAID } else { statement + GRACE };
        Self(Arc::new(Inner {
            servers,
            backend,
            connections,
            patience: Patience { turn: options.acquire_timeout, answer },
            current: RwLock::new(Current {
                pool: PoolNumber(0),
                server: watcher.server,
                db,
                turns: ReadingTurns::new(connections),
            }),
            shelf: Shelf::of(connections),
            doubt: Notify::new(),
            is_silent: AtomicBool::new(false),
            is_lost: AtomicBool::new(false),
            watcher: Mutex::new(watcher),
            writes: Writes::begin(),
        }))
    }

    /// What the database is.
    pub(super) fn backend(&self) -> DbBackend {
        self.0.backend
    }

    /// A connection pool to the server as it is now: for what knows nothing but that.
    pub(super) fn now(&self) -> DatabaseConnection {
        self.current().db
    }

    /// A connection on which a statement may take any time, as a change of the schema does.
    pub(super) async fn unhurried(&self) -> Result<DatabaseConnection, DbErr> {
        let current = self.current();
        match self.0.servers.get(current.server) {
            Some(server) => server.unhurried().await,
            None => Ok(current.db),
        }
    }

    /// How long an answer is waited for.
    pub(super) fn patience(&self) -> Duration {
        self.0.patience.answer
    }

    /// Closes every connection.
    pub(super) async fn close(self) -> Result<(), DbErr> {
        if let Some(probe) = self.0.watcher.lock().await.probe.take() {
            probe.close().await;
        }
        // The pool waits for every connection of its own.
        self.0.shelf.clear();
        self.now().close().await
    }

    fn current(&self) -> Current {
        self.0.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, current: Current) -> Current {
        std::mem::replace(&mut *self.0.current.write().unwrap_or_else(PoisonError::into_inner), current)
    }

    /// Something got no answer from a pool: its connection, and perhaps every other of that pool, hangs.
    fn is_silent(&self, pool: PoolNumber) {
        if self.current().pool == pool {
            self.0.is_silent.store(true, Ordering::Release);
        }
        self.0.doubt.notify_one();
    }
}

impl fmt::Debug for Primary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Primary")
    }
}

/// What the server may take longer than its own limit before it counts as silent.
const GRACE: Duration = Duration::from_secs(1);
/// How long an answer is waited for where only the server knows what a statement may take.
const UNSAID: Duration = Duration::from_secs(10);
