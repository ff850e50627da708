//! Where state is kept: the only reader of sea-orm.
//!
//! Reads give values; every change is a [`Commit`], written by a lane in a group with others. Nothing here
//! decides: what a commit means was judged before, and is written only over the versions that it was
//! judged from.

mod apply;
mod cache;
mod chain;
mod commit;
mod connect;
mod dialect;
mod durability;
mod entity;
mod fingerprint;
mod job;
mod keys;
mod lane;
mod locks;
mod primary;
mod recall;
mod revocation;
mod rights;
mod schema;
mod seal;
mod seen;
mod server;
mod standing;
mod sweep;
mod texts;
mod turn;
mod unsuited;
mod unwritten;
mod waiting;
mod witness;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use self::chain::{Audit, Break, Broken};
pub use self::commit::{Change, Commit, Outcome, Record, Revoked, SessionRevocation};
pub use self::connect::{ConnectError, Database, Options};
pub use self::dialect::Dialect;
pub use self::durability::Weakness;
pub use self::fingerprint::{Factor, KnownSecret};
pub use self::keys::KeyCheck;
pub use self::primary::Unfit;
pub use self::recall::Recalled;
pub use self::rights::MissingRights;
pub use self::schema::{MigrateError, SchemaState};
pub use self::server::Unwritable;
pub use self::standing::{Standing, Wanted};
pub use self::turn::{Purpose, Turn};
pub use self::unsuited::Unsuited;
pub use self::witness::{Mark, Remembered};

use self::apply::Writer;
use self::connect::ProcessLock;
use self::entity::device;
use self::lane::{Lanes, Memory};
use self::primary::Primary;
use self::turn::Turns;
use crate::crypto::keyring::Keyring;
use crate::domain::device::Device;
use crate::domain::ids::{DeviceId, Subject, Tenant};
use crate::domain::moment::Moment;
use crate::domain::secret::Secret;
use crate::env::Entropy;
use crate::error::{Error, Fault};

/// State, kept.
pub struct Store {
    reader: Primary,
    sweeper: Primary,
    lanes: Mutex<Option<Arc<Lanes>>>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    died: CancellationToken,
    keyring: Arc<Keyring>,
    memory: Memory,
    turns: Turns,
    /// SQLite: no other process has the file until this one has closed it.
    lock: Mutex<Option<Arc<ProcessLock>>>,
}

impl Store {
    /// Starts to write to a database whose schema and key ring were checked.
    #[must_use]
    pub fn start(database: Database, keyring: Arc<Keyring>, entropy: &Arc<dyn Entropy>) -> Self {
        let writer = |_| Writer::new(database.writer.clone(), keyring.clone(), entropy.clone());
        let writers = (0..database.lanes).map(writer).collect();
        let memory = Memory::default();
        let died = CancellationToken::new();
        let (lanes, tasks) = Lanes::start(writers, &memory, &died);
        database.writer.watch(&died);
        Self {
            reader: database.reader,
            sweeper: database.writer,
            lanes: Mutex::new(Some(Arc::new(lanes))),
            tasks: Mutex::new(tasks),
            died,
            keyring,
            memory,
            turns: Turns::default(),
            lock: Mutex::new(database.lock),
        }
    }

    /// A device of a subject as it was last seen here; it may have moved on since. Good for a commit, which
    /// is written over that version or not at all, and for nothing else.
    #[must_use]
    pub fn last_seen(&self, tenant: &Tenant, subject: &Subject, id: &DeviceId) -> Option<Arc<Device>> {
        self.memory.cache.device(tenant, subject, id)
    }

    /// A device of a subject. One of another subject or tenant is like one that never was.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn device(
        &self,
        tenant: &Tenant,
        subject: &Subject,
        id: &DeviceId,
    ) -> Result<Option<Device>, Fault> {
        let rows = device::Entity::find()
            .filter(device::Column::Id.eq(id.as_str()))
            .all(&self.reader)
            .await
            .map_err(|e| dialect::fault("reading a device", e))?;
        let device = rows.into_iter().next().map(device::Model::device).transpose()?;
        if let Some(device) = &device {
            self.memory.cache.read(device);
        }
        Ok(device.filter(|device| device.tenant == *tenant && device.subject == *subject))
    }

    /// Opens a device's secret.
    ///
    /// # Errors
    /// It was changed or moved in the database, or its key is gone.
    pub fn open(&self, device: &Device) -> Result<Secret, Fault> {
        seal::open_device(&self.keyring, device).map_err(|e| Fault::internal("opening a device's secret", e))
    }

    /// The keys, for keyed hashes.
    #[must_use]
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Writes a commit without the turn of its subject: for the server's own commits, which may be made in the turn of a
    /// request. When this returns `Done`, it is on disk. If the caller goes away meanwhile, it is written all the same.
    ///
    /// # Errors
    /// The database does not answer, the deadline would pass before it is written, or the store is closed.
    pub async fn commit(&self, commit: Commit) -> Result<Outcome, Error> {
        let lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match lanes {
            Some(lanes) => lanes.write(commit).await,
            None => Err(crate::domain::refusal::Refusal::Draining.into()),
        }
    }

    /// Waits until a lane, or the task that looks for the server that takes writes, has panicked. Commits that such a
    /// lane had are in doubt, and those of its subjects are written no more.
    pub async fn died(&self) {
        self.died.cancelled().await;
    }

    /// Whether the database takes writes, and the last ones were written. Gives the time there, if it is not this
    /// machine's.
    ///
    /// # Errors
    /// It does not answer, no server of it takes writes, or writes fail.
    pub async fn look(&self) -> Result<Option<Moment>, Fault> {
        let now = self.reader.look().await?;
        self.sweeper.check_writes().await?;
        Ok(now)
    }

    /// Takes no more commits, and returns when what was taken is written and every connection is closed.
    pub async fn close(&self) {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner).take();
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            // A lane that panicked has lost its commits; there is nothing left to wait for.
            let _ = task.await;
        }
        // SQLite's writer last: it leaves one file, with nothing beside it. A connection that cannot be
        // closed is gone already.
        let _ = self.reader.clone().close().await;
        let _ = self.sweeper.clone().close().await;
        self.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}
