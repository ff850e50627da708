//! How a group of commits is written: one transaction, in which each commit stands or falls by itself.

mod clearing;
mod cold;
mod hot;
mod secrets;

use std::sync::Arc;

use sea_orm::sqlx::Sqlite;
use sea_orm::sqlx::pool::PoolConnection;
use sea_orm::{
    ConnectionTrait as _, DatabaseTransaction, DbBackend, DbErr, EntityTrait, IntoActiveModel, SqlErr,
    SqliteTransactionMode, TransactionOptions,
};

use super::chain::Chain;
use super::commit::{Commit, Outcome, Record};
use super::entity::{event, request};
use super::primary::{Own, Primary, Tx};
use super::{dialect, seal};
use crate::crypto::keyring::Keyring;
use crate::domain::ids::Tenant;
use crate::env::Entropy;

/// What writes for one lane.
pub(super) struct Writer {
    db: Primary,
    keyring: Arc<Keyring>,
    entropy: Arc<dyn Entropy>,
    chain: Chain,
    /// The connection on which hot groups go to a server.
    own: Option<Own>,
    /// The connection on which they go to SQLite, from one group to the next.
    file: Option<PoolConnection<Sqlite>>,
}

/// Why a group is not written.
pub(super) enum WriteError {
    /// There is no connection, or no lock to write: whatever is tried next fares alike.
    NotBegun(DbErr),
    /// A statement failed, or the commit was refused: nothing of the group is written.
    Failed(DbErr),
    /// The commit was asked for and not answered: nobody can say.
    Doubt(DbErr),
}

impl From<DbErr> for WriteError {
    fn from(error: DbErr) -> Self {
        Self::Failed(error)
    }
}

/// Why one commit of a group is not written, or the whole group is not.
enum Stop {
    /// This one, for this reason.
    This(Outcome),
    /// All of them.
    All(DbErr),
}

impl From<DbErr> for Stop {
    fn from(error: DbErr) -> Self {
        Self::All(error)
    }
}

impl Writer {
    /// Writes to that database, with a chain of its own.
    pub(super) fn new(db: Primary, keyring: Arc<Keyring>, entropy: Arc<dyn Entropy>) -> Self {
        let chain = Chain::start(keyring.clone(), &*entropy);
        Self { db, keyring, entropy, chain, own: None, file: None }
    }

    /// Leaves SQLite's only connection that writes to others. It is not given back after each group: the thread
    /// that has it would be asked twice whether all is well.
    pub(super) fn rest(&mut self) {
        self.file = None;
    }

    /// Lets go of its connection.
    pub(super) async fn close(self) {
        if let Some(own) = self.own {
            // Where the server is silent there is nobody to say goodbye to.
            let _ = tokio::time::timeout(self.db.patience(), own.direct.close()).await;
        }
    }

    /// Writes a group of commits, each of another subject. What is `Done` is on disk when this returns.
    pub(super) async fn write(&mut self, group: &[Commit]) -> Result<Vec<Outcome>, WriteError> {
        let written = self.try_to_write(group).await;
        match &written {
            Ok(outcomes) if outcomes.contains(&Outcome::Done) => self.db.has_written(),
            Ok(_) => {}
            Err(WriteError::NotBegun(error) | WriteError::Failed(error) | WriteError::Doubt(error)) => {
                self.db.may_not_write(error);
            }
        }
        written
    }

    async fn try_to_write(&mut self, group: &[Commit]) -> Result<Vec<Outcome>, WriteError> {
        if let Some(outcomes) = self.write_hot(group).await? {
            return Ok(outcomes);
        }
        self.rest();
        let tx = begin(&self.db).await.map_err(WriteError::NotBegun)?;
        let (pool, patience) = (tx.pool, self.db.patience());
        // Many statements, each of which may take its time.
        let (outcomes, written) = self.db.in_time(pool, 2 * patience, self.apply(&tx, group)).await?;
        if written.is_empty() {
            // Where it cannot be rolled back its connection is gone, and it with that.
            let _ = self.db.in_time(pool, patience, tx.rollback()).await;
        } else {
            if let Err(error) = self.db.in_time(pool, patience, tx.commit()).await {
                // The link may be there or not, so none can follow it: a new chain begins.
                self.chain.restart(&*self.entropy);
                return Err(if is_refused(&error) {
                    WriteError::Failed(error)
                } else {
                    WriteError::Doubt(error)
                });
            }
            self.chain.advance(written.iter().map(|row| row.mac.as_slice()));
        }
        Ok(outcomes)
    }

    /// Does all of a group but to commit it. Gives what became of each commit, and the events.
    async fn apply(&self, tx: &Tx, group: &[Commit]) -> Result<(Vec<Outcome>, Vec<event::Model>), DbErr> {
        let mut outcomes = Vec::with_capacity(group.len());
        for commit in group {
            outcomes.push(self.apply_cold(tx, commit).await?);
        }
        let written = self.events(tx, group, &outcomes).await?;
        Ok((outcomes, written))
    }

    /// Writes the events of what is done, as the next link of the chain.
    async fn events(
        &self,
        tx: &DatabaseTransaction,
        group: &[Commit],
        outcomes: &[Outcome],
    ) -> Result<Vec<event::Model>, DbErr> {
        let done = group.iter().zip(outcomes).filter(|(_, outcome)| **outcome == Outcome::Done);
        let events = done.flat_map(|(commit, _)| &commit.events);
        let rows: Vec<event::Model> =
            (0..).zip(events).map(|(place, event)| self.chain.row(place, event)).collect();
        if !rows.is_empty() {
            let rows = rows.iter().cloned().map(event::Model::into_active_model);
            event::Entity::insert_many(rows).exec_without_returning(tx).await?;
        }
        Ok(rows)
    }

    /// A request record as it is written.
    fn record(&self, tenant: &Tenant, record: &Record) -> request::Model {
        let digest = seal::digest(&self.keyring, &record.asked);
        request::Model {
            tenant: tenant.as_str().to_owned(),
            caller: record.caller.as_str().to_owned(),
            id: record.id.bytes().to_vec(),
            digest_key: digest.key,
            digest: digest.hash.to_vec(),
            answer: seal::answer(&self.keyring, tenant, record, &*self.entropy),
            expires_at: record.expires_at.micros(),
        }
    }
}

/// Starts the transaction of a group. SQLite takes its write lock at once: to read first and ask for it
/// later can fail half way.
async fn begin(db: &Primary) -> Result<Tx, DbErr> {
    let mode = (db.get_database_backend() == DbBackend::Sqlite).then_some(SqliteTransactionMode::Immediate);
    db.begin_with_options(TransactionOptions { sqlite_transaction_mode: mode, ..Default::default() }).await
}

/// Whether a commit that failed is certainly not on disk.
fn is_refused(error: &DbErr) -> bool {
    dialect::is_conflict(error) || is_duplicate(error)
}

/// Whether a unique key is what stopped a statement.
pub(super) fn is_duplicate(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}
