//! One server of the database, of perhaps several that the URL names: a pool to it, and a look at it past the
//! pool. SQLite has none.

mod hosts;
mod stance;

use std::sync::Arc;
use std::time::Duration;

use sea_orm::sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection};
use sea_orm::sqlx::{self, AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};
use sea_orm::{ConnectOptions, DatabaseConnection, DbErr, RuntimeErr};

use self::stance::{Look, Settings};
use super::connect::{self, Options};
use super::dialect::Dialect;

pub(super) use self::hosts::{Host, hosts};
pub use self::stance::Unwritable;

/// Prepared statements that a connection keeps: each statement of a group has a text for each number of rows.
const STATEMENTS: usize = 512;
/// MySQL counts them over all connections, and takes 16,382 unless told otherwise.
const STATEMENTS_MYSQL: usize = 128;
/// A lane's own connection has one for each size of a group and each table.
const STATEMENTS_LANE: usize = 512;

/// A server, and how to connect to it.
pub(super) struct Server {
    /// For people: host and port.
    pub(super) name: String,
    pool: ConnectOptions,
    unhurried: ConnectOptions,
    alone: Alone,
    limits: Limits,
}

/// How to connect once, past the pool.
enum Alone {
    Postgres(Box<PgConnectOptions>),
    MySql(Box<MySqlConnectOptions>),
}

/// A connection past the pool.
pub(super) enum Direct {
    Postgres(Box<PgConnection>),
    MySql(Box<MySqlConnection>),
}

impl Server {
    /// Reads how to connect to one of the servers.
    ///
    /// # Errors
    /// What the URL has that cannot be read. Nothing of it is repeated.
    pub(super) fn of(host: Host, dialect: Dialect, options: &Options) -> Result<Self, sqlx::Error> {
        let limits = Limits { statement: options.statement_timeout, lock: options.lock_timeout };
        let none = Limits { statement: Duration::ZERO, lock: Duration::ZERO };
        let url = host.url.expose();
        let has_capacity = url.contains("statement-cache-capacity=");
        let pool = |limits: Limits| {
            let mut pool = connect::common(options, url);
            pool.connect_lazy(true).max_connections(dialect.pooled(options.max_connections));
            if dialect == Dialect::Postgres {
                pool.map_sqlx_postgres_opts(move |o| limits.on_postgres(with_statements(o, has_capacity)));
                pool.map_sqlx_postgres_pool_opts(|pool| {
                    let check = async |conn: &mut PgConnection| writable(stance::of_postgres(conn).await?);
                    pool.after_connect(move |conn, _| Box::pin(check(conn)))
                });
            } else {
                pool.map_sqlx_mysql_opts(move |o| {
                    if has_capacity { o } else { o.statement_cache_capacity(STATEMENTS_MYSQL) }
                });
                pool.map_sqlx_mysql_pool_opts(move |pool| {
                    pool.after_connect(move |conn, _| Box::pin(prepare_mysql(conn, limits)))
                });
            }
            pool
        };
        let mut unhurried = pool(none);
        unhurried.max_connections(1);
        let alone = if dialect == Dialect::Postgres {
            let options: PgConnectOptions = url.parse()?;
            let options = limits.on_postgres(with_statements(options, has_capacity));
            Alone::Postgres(Box::new(options.disable_statement_logging()))
        } else {
            let options: MySqlConnectOptions = url.parse()?;
            let options =
                if has_capacity { options } else { options.statement_cache_capacity(STATEMENTS_LANE) };
            Alone::MySql(Box::new(options.disable_statement_logging()))
        };
        Ok(Self { name: host.name, pool: pool(limits), unhurried, alone, limits })
    }

    /// A pool of one connection to it, without limits of time.
    pub(super) async fn unhurried(&self) -> Result<DatabaseConnection, DbErr> {
        sea_orm::Database::connect(self.unhurried.clone()).await
    }

    /// A pool to it, which connects when it is asked to. Each of its connections is checked to be to a server
    /// that takes writes.
    pub(super) async fn pool(&self) -> Result<DatabaseConnection, DbErr> {
        sea_orm::Database::connect(self.pool.clone()).await
    }

    /// Has a pool that was made for another server connect to this one from now on.
    pub(super) fn redirect(&self, pool: &DatabaseConnection) {
        match &self.alone {
            Alone::Postgres(options) => {
                pool.get_postgres_connection_pool().set_connect_options((**options).clone());
            }
            Alone::MySql(options) => {
                pool.get_mysql_connection_pool().set_connect_options((**options).clone());
            }
        }
    }

    /// Connects past the pool.
    pub(super) async fn direct(&self) -> Result<Direct, sqlx::Error> {
        Ok(match &self.alone {
            Alone::Postgres(options) => Direct::Postgres(Box::new(options.connect().await?)),
            Alone::MySql(options) => Direct::MySql(Box::new(options.connect().await?)),
        })
    }

    /// Connects past the pool to write: to a server that takes writes, and within the limits of time.
    pub(super) async fn direct_to_write(&self) -> Result<Direct, DbErr> {
        let connect = async {
            let mut direct = self.direct().await?;
            match &mut direct {
                Direct::Postgres(conn) => writable(stance::of_postgres(conn).await?)?,
                Direct::MySql(conn) => prepare_mysql(conn, self.limits).await?,
            }
            Ok(direct)
        };
        connect.await.map_err(|e: sqlx::Error| DbErr::Conn(RuntimeErr::SqlxError(Arc::new(e))))
    }
}

impl Direct {
    /// Asks the server what it is and what time it has.
    pub(super) async fn look(&mut self) -> Result<Look, sqlx::Error> {
        match self {
            Self::Postgres(conn) => stance::of_postgres(conn).await,
            Self::MySql(conn) => {
                let settings = Settings::of(conn).await?;
                let unwritable = stance::of_mysql(conn, &settings).await?;
                let now = if unwritable == Some(Unwritable::OutOfCluster) {
                    None
                } else {
                    Some(stance::mysql_time(conn).await?)
                };
                Ok(Look { unwritable, now })
            }
        }
    }

    /// Asks whether it is still there.
    pub(super) async fn ping(&mut self) -> Result<(), DbErr> {
        let pinged = match self {
            Self::Postgres(conn) => conn.ping().await,
            Self::MySql(conn) => conn.ping().await,
        };
        pinged.map_err(|e| DbErr::Conn(RuntimeErr::SqlxError(Arc::new(e))))
    }

    /// Says goodbye.
    pub(super) async fn close(self) {
        // A server that is gone needs none.
        let _ = match self {
            Self::Postgres(conn) => conn.close().await,
            Self::MySql(conn) => conn.close().await,
        };
    }
}

fn with_statements(options: PgConnectOptions, has_capacity: bool) -> PgConnectOptions {
    // A pooler between may refuse to be told how fractions are written, of which there are none.
    let options = options.extra_float_digits(None);
    if has_capacity { options } else { options.statement_cache_capacity(STATEMENTS) }
}

async fn prepare_mysql(conn: &mut MySqlConnection, limits: Limits) -> Result<(), sqlx::Error> {
    let settings = Settings::of(conn).await?;
    let unwritable = stance::of_mysql(conn, &settings).await?;
    writable(Look { unwritable, now: None })?;
    limits.on_mysql(conn, &settings).await
}

fn writable(look: Look) -> Result<(), sqlx::Error> {
    look.unwritable.map_or(Ok(()), |unwritable| Err(sqlx::Error::Configuration(unwritable.into())))
}

/// How long a statement may take and wait, as each connection tells the server. A transaction that its
/// replica has left idle is ended after the time of a statement: a frozen replica must not keep its locks.
#[derive(Clone, Copy)]
struct Limits {
    statement: Duration,
    lock: Duration,
}

impl Limits {
    fn on_postgres(self, options: PgConnectOptions) -> PgConnectOptions {
        let set = [
            ("statement_timeout", self.statement),
            ("idle_in_transaction_session_timeout", self.statement),
            ("lock_timeout", self.lock),
        ];
        // Zero would lift a limit that the server has.
        let set: Vec<_> = set.into_iter().filter(|(_, limit)| !limit.is_zero()).collect();
        if set.is_empty() {
            // A pooler between may refuse to be told anything, even nothing.
            return options;
        }
        let limits = set.into_iter().map(|(name, limit)| (name, limit.as_millis().to_string()));
        // A plan of its own for each group would cost more than carrying the group out.
        let plans = ("plan_cache_mode", "force_generic_plan".to_owned());
        options.options(limits.chain([plans]))
    }

    async fn on_mysql(self, conn: &mut MySqlConnection, settings: &Settings) -> Result<(), sqlx::Error> {
        let mut set = Vec::new();
        if !self.statement.is_zero() {
            if settings.has("max_statement_time") {
                set.push(format!("max_statement_time = {:.3}", self.statement.as_secs_f64()));
            } else if settings.has("max_execution_time") {
                set.push(format!("max_execution_time = {}", self.statement.as_millis()));
            }
            if settings.has("idle_transaction_timeout") {
                set.push(format!("idle_transaction_timeout = {}", whole_seconds(self.statement)));
            }
        }
        if !self.lock.is_zero() {
            set.push(format!("innodb_lock_wait_timeout = {}", whole_seconds(self.lock)));
        }
        // A read waits until it shows what any server of the cluster has committed.
        if settings.is_on("wsrep_on") {
            set.push("wsrep_sync_wait = 1".to_owned());
        }
        if !set.is_empty() {
            conn.execute(AssertSqlSafe(format!("SET SESSION {}", set.join(", SESSION ")))).await?;
        }
        Ok(())
    }
}

fn whole_seconds(span: Duration) -> u64 {
    span.as_secs() + u64::from(span.subsec_nanos() > 0)
}
