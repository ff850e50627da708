//! Connections that are kept between one reading and the next. A pool asks whatever is given back whether all is
//! well: a round trip for each reading, and on SQLite two more changes of thread. What lies here is not asked, and
//! goes back to the pool as soon as a reading fails.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sea_orm::sqlx::pool::PoolConnection;
use sea_orm::sqlx::{self, AssertSqlSafe, MySql, Postgres, Sqlite};
use sea_orm::{
    ConnAcquireErr, DatabaseConnection, DbBackend, DbErr, QueryResult, RuntimeErr, Statement, Values,
};
use sea_query_sqlx::SqlxValues;
use tokio::time::Instant;

use super::{PoolNumber, Primary};

/// How long one may lie here. A server, or something on the way there, may end what is idle for long.
const FRESH: Duration = Duration::from_secs(30);

/// Connections that nobody uses now: the last one that was used comes first.
pub(super) struct Shelf {
    kept: Mutex<Vec<Kept>>,
    /// One of the pool's connections is left to it.
    room: usize,
}

struct Kept {
    pool: PoolNumber,
    used_at: Instant,
    connection: Connection,
}

enum Connection {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
    MySql(PoolConnection<MySql>),
}

impl Shelf {
    /// For a pool of so many connections.
    pub(super) fn of(connections: usize) -> Self {
        Self { kept: Mutex::default(), room: connections.saturating_sub(1) }
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Kept>> {
        // Nothing that is done under the lock can panic half way.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, pool: PoolNumber) -> Option<Connection> {
        let last = self.kept().pop()?;
        if last.pool == pool && last.used_at.elapsed() < FRESH {
            return Some(last.connection);
        }
        // Those below it are older still.
        self.clear();
        None
    }

    fn keep(&self, pool: PoolNumber, connection: Connection) {
        let mut kept = self.kept();
        if kept.len() < self.room {
            kept.push(Kept { pool, used_at: Instant::now(), connection });
        }
    }

    /// Gives one back to the pool, for whoever asks that.
    pub(super) fn yield_one(&self) {
        let one = self.kept().pop();
        drop(one);
    }

    /// Gives all back.
    pub(super) fn clear(&self) {
        let all = std::mem::take(&mut *self.kept());
        drop(all);
    }
}

impl Primary {
    /// Reads rows.
    pub(super) async fn read(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let current = self.current();
        let _turn = self.turn(&current).await?;
        // In a box of its own: it is large, and many may wait for their turn.
        let work = Box::pin(async {
            let mut connection = match self.0.shelf.take(current.pool) {
                Some(connection) => connection,
                None => Connection::acquire(self.backend(), &current.db).await?,
            };
            let rows = connection.rows(statement).await?;
            self.0.shelf.keep(current.pool, connection);
            Ok(rows)
        });
        let rows = self.in_time(current.pool, self.connecting() + self.patience(), work).await;
        if rows.is_err() {
            // What ended this connection may have ended the others: the pool asks them.
            self.0.shelf.clear();
        }
        rows
    }
}

impl Connection {
    async fn acquire(backend: DbBackend, db: &DatabaseConnection) -> Result<Self, DbErr> {
        let acquired = match backend {
            DbBackend::Postgres => db.get_postgres_connection_pool().acquire().await.map(Self::Postgres),
            DbBackend::MySql => db.get_mysql_connection_pool().acquire().await.map(Self::MySql),
            _ => db.get_sqlite_connection_pool().acquire().await.map(Self::Sqlite),
        };
        acquired.map_err(|error| match error {
            sqlx::Error::PoolTimedOut => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
            sqlx::Error::PoolClosed => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
            error => DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error))),
        })
    }

    async fn rows(&mut self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let values = SqlxValues(statement.values.unwrap_or(Values(Vec::new())));
        let sql = AssertSqlSafe(statement.sql);
        let rows = match self {
            Self::Sqlite(one) => sqlx::query_with(sql, values).fetch_all(&mut **one).await.map(results),
            Self::Postgres(one) => sqlx::query_with(sql, values).fetch_all(&mut **one).await.map(results),
            Self::MySql(one) => sqlx::query_with(sql, values).fetch_all(&mut **one).await.map(results),
        };
        rows.map_err(|error| DbErr::Query(RuntimeErr::SqlxError(Arc::new(error))))
    }
}

fn results<R: Into<QueryResult>>(rows: Vec<R>) -> Vec<QueryResult> {
    rows.into_iter().map(Into::into).collect()
}
