//! Holds every writer up, so that what is committed meanwhile waits in line and is written in groups.

use countersign::error::Error;
use countersign::store::{Commit, Outcome, Store};
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use sea_orm::{ConnectionTrait as _, DatabaseConnection};

use crate::harness::databases::{Engine, TestDatabase};

/// A lock that stops every write.
pub(super) struct Gate {
    db: DatabaseConnection,
    engine: Engine,
}

impl Gate {
    pub(super) async fn shut(database: &TestDatabase) -> Self {
        let db = database.raw(1).await;
        let lock: &[&str] = match database.engine {
            Engine::Sqlite => &["BEGIN IMMEDIATE"],
            Engine::Postgres => &["BEGIN", "LOCK TABLE event IN EXCLUSIVE MODE"],
            Engine::MySql => &["LOCK TABLES event WRITE"],
        };
        for statement in lock {
            db.execute_unprepared(statement).await.unwrap();
        }
        Self { db, engine: database.engine }
    }

    pub(super) async fn open(self) {
        let unlock = if self.engine == Engine::MySql { "UNLOCK TABLES" } else { "ROLLBACK" };
        self.db.execute_unprepared(unlock).await.unwrap();
        self.db.close().await.unwrap();
    }
}

/// Has all these written, in groups as large as they get.
pub(super) async fn write_together(
    database: &TestDatabase,
    store: &Store,
    commits: Vec<Commit>,
) -> Vec<Result<Outcome, Error>> {
    let gate = Gate::shut(database).await;
    let mut under_way: Vec<_> = commits.into_iter().map(|commit| Box::pin(store.commit(commit))).collect();
    for commit in &mut under_way {
        // Once it was polled it waits in line.
        assert!(commit.now_or_never().is_none());
    }
    gate.open().await;
    join_all(under_way).await
}
