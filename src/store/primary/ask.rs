//! Asking the database something: in turn, in time, and with an ear for what an error says of the server.

use std::ops::Deref;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sea_orm::entity::prelude::async_trait::async_trait;
use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult,
    QueryResult, RuntimeErr, Statement, TransactionOptions, TransactionTrait as _,
};

use super::reading_turns::ReadingTurn;
use super::{Current, PoolNumber, Primary};
use crate::env::request;
use crate::store::dialect;

/// A transaction, and the turn that it has. Dropped, it is rolled back.
pub struct Tx {
    tx: DatabaseTransaction,
    /// Where its connection is from.
    pub(in crate::store) pool: PoolNumber,
    _turn: ReadingTurn,
}

impl Tx {
    /// Commits.
    pub(in crate::store) async fn commit(self) -> Result<(), DbErr> {
        self.tx.commit().await
    }

    /// Rolls back.
    pub(in crate::store) async fn rollback(self) -> Result<(), DbErr> {
        self.tx.rollback().await
    }
}

impl Deref for Tx {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &DatabaseTransaction {
        &self.tx
    }
}

impl Primary {
    /// Begins a transaction.
    pub(in crate::store) async fn begin_with_options(
        &self,
        options: TransactionOptions,
    ) -> Result<Tx, DbErr> {
        let current = self.current();
        let turn = self.turn(&current).await?;
        self.0.shelf.yield_one();
        let tx = current.db.begin_with_options(options);
        let tx = self.in_time(current.pool, self.connecting(), tx).await?;
        Ok(Tx { tx, pool: current.pool, _turn: turn })
    }

    /// Does something on a connection of a pool, in time.
    pub(in crate::store) async fn in_time<T>(
        &self,
        pool: PoolNumber,
        most: Duration,
        work: impl Future<Output = Result<T, DbErr>>,
    ) -> Result<T, DbErr> {
        if self.0.servers.is_empty() && request::left().is_none() {
            // SQLite has limits of its own, and who is dropped half way there holds up all others.
            return work.await;
        }
        let wait = request::wait(most);
        match tokio::time::timeout(wait, work).await {
            // Who has a turn has a connection: the pool has waited for the server, and not for other requests.
            Ok(Err(error)) if !self.0.servers.is_empty() && dialect::is_crowded(&error) => {
                self.0.doubt.notify_one();
                Err(silence())
            }
            Ok(answer) => {
                if let Err(error) = &answer {
                    self.heard(error);
                }
                answer
            }
            Err(_) if wait < most => {
                // Its caller could not wait; whether the server is well is looked at elsewhere.
                self.0.doubt.notify_one();
                Err(silence())
            }
            Err(_) => {
                self.is_silent(pool);
                Err(silence())
            }
        }
    }

    /// Asks something of the server as it is now, in turn and in time.
    pub(in crate::store) async fn ask<T, F>(
        &self,
        question: impl FnOnce(DatabaseConnection) -> F,
    ) -> Result<T, DbErr>
    where
        F: Future<Output = Result<T, DbErr>>,
    {
        let current = self.current();
        let _turn = self.turn(&current).await?;
        self.0.shelf.yield_one();
        self.in_time(current.pool, self.connecting() + self.patience(), question(current.db)).await
    }

    /// Waits for a turn. In vain: there is too much to do.
    pub(super) async fn turn(&self, current: &Current) -> Result<ReadingTurn, DbErr> {
        let turn = current.turns.take(request::caller());
        match tokio::time::timeout(request::wait(self.0.patience.turn), turn).await {
            Ok(turn) => Ok(turn),
            // Those before wait for the server, too.
            Err(_) if self.0.is_lost.load(Ordering::Acquire) => Err(silence()),
            Err(_) => Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)),
        }
    }

    /// How long a new connection may take. The pool tries so long, too, and then says why not.
    pub(in crate::store) fn connecting(&self) -> Duration {
        self.0.patience.turn + super::GRACE
    }

    /// What an error says of the server.
    pub(in crate::store) fn heard(&self, error: &DbErr) {
        if dialect::is_lost(error) || dialect::is_unwritable(error) {
            self.0.doubt.notify_one();
        }
        self.may_not_write(error);
    }
}

/// The error of no answer.
pub(in crate::store) fn silence() -> DbErr {
    DbErr::Conn(RuntimeErr::Internal("no answer in time".to_owned()))
}

#[async_trait]
impl ConnectionTrait for Primary {
    fn get_database_backend(&self) -> DbBackend {
        self.backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.ask(|db| async move { db.execute_raw(statement).await }).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.ask(|db| async move { db.execute_unprepared(sql).await }).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        Ok(self.read(statement).await?.into_iter().next())
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.read(statement).await
    }
}
