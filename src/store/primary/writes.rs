//! Whether writes succeed. A database that was writable at the start may later refuse every commit: its disk is full,
//! or a right was revoked. A commit that fails for such a reason makes the server not ready. A probe row is then written
//! at each check until one succeeds, since a server that is not ready may get no commits.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sea_orm::{ConnectionTrait as _, DbBackend, DbErr, Statement, TransactionOptions, Values};
use tokio::time::Instant;

use super::Primary;
use crate::error::Fault;
use crate::store::{dialect, rights};

/// How long the last success counts on SQLite. A server says more by itself.
const GOOD_FOR: Duration = Duration::from_secs(10);
/// The bytes that are written to try it: more than is left free in a page.
const PROBE: usize = 64 * 1024;
/// The row under which they are written.
const NAME: &str = "write_probe";

/// The outcome of the last write.
pub(super) struct Writes(Mutex<Known>);

#[derive(Clone, Copy)]
enum Known {
    Succeeded(Instant),
    Failed,
}

impl Writes {
    /// As a database is that was just opened: a start tries to write.
    pub(super) fn begin() -> Self {
        Self(Mutex::new(Known::Succeeded(Instant::now())))
    }

    fn learn(&self, known: Known) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }

    fn known(&self) -> Known {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Primary {
    /// A commit is written.
    pub(in crate::store) fn has_written(&self) {
        self.0.writes.learn(Known::Succeeded(Instant::now()));
    }

    /// Something failed. If the next one would fail for the same reason, that has to be found out.
    pub(in crate::store) fn may_not_write(&self, error: &DbErr) {
        if dialect::is_full(error) || dialect::is_lasting(error) {
            self.0.writes.learn(Known::Failed);
        }
    }

    /// Checks that a commit would be written, as far as that can be known.
    ///
    /// # Errors
    /// It would not, and why.
    pub(in crate::store) async fn check_writes(&self) -> Result<(), Fault> {
        let doing = "writing to the database";
        let is_sqlite = self.backend() == DbBackend::Sqlite;
        match self.0.writes.known() {
            Known::Failed => {
                let missing = rights::missing(self, rights::TO_SERVE).await;
                if let Some(missing) = missing.map_err(|e| dialect::fault(doing, e))? {
                    return Err(Fault::internal(doing, missing));
                }
                rights::look_at_tables(self).await.map_err(|e| dialect::fault(doing, e))?;
                let written =
                    if is_sqlite { self.write_to_file().await } else { self.write_to_server().await };
                written.map_err(|e| dialect::fault(doing, e))?;
            }
            Known::Succeeded(at) if is_sqlite && at.elapsed() >= GOOD_FOR => {
                // It has the value already; the page is written all the same.
                if let Err(error) = self.execute_unprepared("PRAGMA user_version = 0").await {
                    self.may_not_write(&error);
                    return Err(dialect::fault(doing, error));
                }
            }
            Known::Succeeded(_) => return Ok(()),
        }
        self.has_written();
        Ok(())
    }

    /// Only what is committed is written to the file.
    async fn write_to_file(&self) -> Result<(), DbErr> {
        self.execute_unprepared(&format!(
            "INSERT OR REPLACE INTO meta (name, value) VALUES ('{NAME}', zeroblob({PROBE}))"
        ))
        .await?;
        self.execute_unprepared(&format!("DELETE FROM meta WHERE name = '{NAME}'")).await?;
        Ok(())
    }

    /// A server makes room for a row when it is inserted.
    async fn write_to_server(&self) -> Result<(), DbErr> {
        let place = if self.backend() == DbBackend::Postgres { "$1" } else { "?" };
        let sql = format!("INSERT INTO meta (name, value) VALUES ('{NAME}', {place})");
        let statement = Statement::from_sql_and_values(self.backend(), sql, Values(vec![noise().into()]));
        let tx = self.begin_with_options(TransactionOptions::default()).await?;
        let (pool, patience) = (tx.pool, self.patience());
        self.in_time(pool, patience, tx.execute_raw(statement)).await?;
        self.in_time(pool, patience, tx.rollback()).await
    }
}

/// Bytes that no server makes shorter.
fn noise() -> Vec<u8> {
    let mut state = 1_u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(PROBE).collect()
}
