//! Questions to a database, past the program.

use std::time::Duration;

use sea_orm::{
    ConnectOptions, ConnectionTrait as _, DatabaseConnection, DbBackend, DbErr, QueryResult, Statement,
};

use crate::Failed;

/// A connection of one's own.
///
/// # Errors
/// The database does not answer.
pub async fn connect(url: &str) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).connect_timeout(Duration::from_secs(1)).sqlx_logging(false);
    // As in the product: the task that would end idle connections may never pause.
    options.idle_timeout(None).max_lifetime(None);
    sea_orm::Database::connect(options).await
}

/// Reads, or where it is no SELECT does.
///
/// # Errors
/// The database does not answer, or not to that.
pub async fn rows(url: &str, sql: &str) -> Result<Vec<QueryResult>, DbErr> {
    // Boxed: what waits for this is deep enough for the compiler.
    Box::pin(ask(url, sql)).await
}

async fn ask(url: &str, sql: &str) -> Result<Vec<QueryResult>, DbErr> {
    let db = connect(url).await?;
    if db.get_database_backend() == DbBackend::MySql {
        // A node of a cluster is to show what any of them has committed. What is no node may not know the word.
        let _ = db.execute_unprepared("SET SESSION wsrep_sync_wait = 1").await;
    }
    let rows = if sql.starts_with("SELECT") {
        db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await
    } else {
        db.execute_unprepared(sql).await.map(|_| Vec::new())
    };
    db.close().await?;
    rows
}

/// How many rows there are, by what stands after `FROM`.
///
/// # Errors
/// The database does not answer, or not to that.
pub async fn count(url: &str, from: &str) -> Result<i64, Failed> {
    let counted = rows(url, &format!("SELECT COUNT(*) FROM {from}")).await?;
    Ok(counted.first().ok_or("no count")?.try_get_by_index(0)?)
}
