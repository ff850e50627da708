//! Which server takes writes: found at the start, and looked at again every few seconds, and at once when
//! something fails.

use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use sea_orm::sqlx;
use sea_orm::{ConnectionTrait as _, DbErr};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::reading_turns::ReadingTurns;
use super::{Current, Inner, PoolNumber, Primary};
use crate::domain::moment::Moment;
use crate::error::Fault;
use crate::store::connect::ConnectError;
use crate::store::dialect;
use crate::store::server::{Direct, Server, Unwritable};

/// How often the server is looked at.
const EVERY: Duration = Duration::from_secs(2);
/// How long a server may take to be looked at.
const LOOK: Duration = Duration::from_secs(2);
/// How soon servers that are starting are asked again.
const SOON: Duration = Duration::from_millis(100);
/// How long connections that are left behind may take to end what they are at.
const FAREWELL: Duration = Duration::from_secs(60);

/// A server that cannot be used, and why.
#[derive(Debug)]
pub struct Unfit {
    name: String,
    why: Why,
}

#[derive(Debug)]
enum Why {
    Unwritable(Unwritable),
    Failed(sqlx::Error),
    Silent,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, why } = self;
        match why {
            Why::Unwritable(unwritable) => write!(f, "{name} {unwritable}"),
            Why::Failed(error) if dialect::is_denied_by(error) => write!(
                f,
                "{name} refuses ({error}); have an administrator give the user its rights: deploy/README.md has the GRANTs"
            ),
            Why::Failed(error) => {
                write!(f, "{name} refuses ({error}); start it, or correct the database URL")
            }
            Why::Silent => write!(f, "{name} does not answer; start it, or correct the database URL"),
        }
    }
}

impl Unfit {
    /// Whether it may only be starting.
    fn may_come(&self) -> bool {
        match &self.why {
            Why::Failed(sqlx::Error::Io(_)) => true,
            // PostgreSQL: cannot_connect_now.
            Why::Failed(sqlx::Error::Database(error)) => error.code().is_some_and(|code| code == "57P03"),
            Why::Failed(_) | Why::Unwritable(_) | Why::Silent => false,
        }
    }
}

/// What looks at the server, on a connection of its own.
#[derive(Default)]
pub(super) struct Watcher {
    pub(super) server: usize,
    pub(super) probe: Option<Direct>,
    seen: Option<Moment>,
    is_lost: bool,
}

/// Finds the server that takes writes, waiting that long for one to come.
pub(super) async fn first(servers: &[Server], patience: Duration) -> Result<Watcher, ConnectError> {
    let until = Instant::now() + patience;
    loop {
        let unfit = match any(servers).await {
            Ok(watcher) => return Ok(watcher),
            Err(unfit) => unfit,
        };
        if Instant::now() >= until || !unfit.iter().any(Unfit::may_come) {
            return Err(ConnectError::NoServer(unfit));
        }
        tokio::time::sleep(SOON).await;
    }
}

/// The first of the servers that takes writes.
async fn any(servers: &[Server]) -> Result<Watcher, Vec<Unfit>> {
    let mut unfit = Vec::new();
    for (place, server) in servers.iter().enumerate() {
        match one(server).await {
            Ok((probe, seen)) => {
                return Ok(Watcher { server: place, probe: Some(probe), seen, is_lost: false });
            }
            Err(why) => unfit.push(Unfit { name: server.name.clone(), why }),
        }
    }
    Err(unfit)
}

async fn one(server: &Server) -> Result<(Direct, Option<Moment>), Why> {
    let looked = timeout(LOOK, async {
        let mut probe = server.direct().await?;
        let look = probe.look().await?;
        Ok((probe, look))
    });
    let (probe, look) = looked.await.map_err(|_| Why::Silent)?.map_err(Why::Failed)?;
    match look.unwritable {
        None => Ok((probe, look.now)),
        Some(unwritable) => {
            probe.close().await;
            Err(Why::Unwritable(unwritable))
        }
    }
}

impl Primary {
    /// Looks at the server now, and moves where another takes writes. Gives the time there, if it is not
    /// this machine's.
    ///
    /// # Errors
    /// No server takes writes.
    pub(in crate::store) async fn look(&self) -> Result<Option<Moment>, Fault> {
        let looked = self.look_for_one().await;
        self.0.is_lost.store(looked.is_err(), Ordering::Release);
        looked
    }

    async fn look_for_one(&self) -> Result<Option<Moment>, Fault> {
        let doing = "asking for a sign of life";
        if self.0.servers.is_empty() {
            self.now().execute_unprepared("SELECT 1").await.map_err(|e| dialect::fault(doing, e))?;
            return Ok(None);
        }
        let mut watcher = self.0.watcher.lock().await;
        if !self.0.is_silent.load(Ordering::Acquire) && watcher.still_writable().await {
            return Ok(watcher.seen);
        }
        match any(&self.0.servers).await {
            Ok(found) => {
                // What made the probe fail, or the pool silent, is true of the pool's other connections.
                self.move_to(found.server).await.map_err(|e| dialect::fault(doing, e))?;
                if watcher.is_lost || found.server != watcher.server {
                    let server = &self.0.servers[found.server].name;
                    tracing::info!(server, "this server of the database takes the writes now");
                }
                let seen = found.seen;
                *watcher = found;
                Ok(seen)
            }
            Err(unfit) => {
                watcher.probe = None;
                watcher.is_lost = true;
                Err(Fault::store(doing, ConnectError::NoServer(unfit)))
            }
        }
    }

    /// Leaves all connections behind for new ones to that server.
    async fn move_to(&self, place: usize) -> Result<(), DbErr> {
        let server = &self.0.servers[place];
        let turns = ReadingTurns::new(self.0.connections);
        let pool = PoolNumber(self.current().pool.0 + 1);
        let old = self.replace(Current { pool, server: place, db: server.pool().await?, turns });
        self.0.is_silent.store(false, Ordering::Release);
        self.0.shelf.clear();
        // What still connects there is sent on.
        server.redirect(&old.db);
        tokio::spawn(async move {
            // Hung connections end when the network gives them up.
            let _ = timeout(FAREWELL, old.db.close()).await;
        });
        Ok(())
    }

    /// Looks at the server every now and then, and whenever something fails, as long as anybody uses it.
    /// A panic there cancels `died`.
    pub(in crate::store) fn watch(&self, died: &CancellationToken) {
        if !self.0.servers.is_empty() {
            let (watching, guard) = (watch(Arc::downgrade(&self.0)), died.clone().drop_guard());
            tokio::spawn(async move {
                watching.await;
                guard.disarm();
            });
        }
    }
}

async fn watch(inner: Weak<Inner>) {
    let mut was_well = true;
    loop {
        let Some(inner) = inner.upgrade() else { return };
        let primary = Primary(inner);
        let looked = primary.look().await;
        if let Err(error) = &looked
            && was_well
        {
            tracing::warn!(%error, "no server of the database takes writes; looking for one");
        }
        was_well = looked.is_ok();
        if was_well {
            // Dropped before it ends, nobody would be left to be told.
            let _ = timeout(EVERY, primary.0.doubt.notified()).await;
        } else {
            tokio::time::sleep(SOON).await;
        }
    }
}

impl Watcher {
    /// Whether the server that it looks at still takes writes.
    async fn still_writable(&mut self) -> bool {
        let Some(probe) = &mut self.probe else { return false };
        match timeout(LOOK, probe.look()).await {
            Ok(Ok(look)) if look.unwritable.is_none() => {
                self.seen = look.now;
                true
            }
            _ => false,
        }
    }
}
