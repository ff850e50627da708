//! The hot statements on MySQL and MariaDB, which do not say which rows an update changed: so they are
//! locked first. A locking read sees what is committed now, whatever the isolation.

use std::collections::{HashMap, HashSet};

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, Statement, Value};

use super::progress::{Texts, values};
use crate::domain::device::Device;

/// Writes what verifications changed, each over the version before. Gives the ids of what was written.
pub(super) async fn progress(tx: &DatabaseTransaction, rows: &[&Device]) -> Result<HashSet<String>, DbErr> {
    let current = lock(tx, rows).await?;
    let fresh: Vec<&&Device> =
        rows.iter().filter(|d| current.get(d.id.as_str()) == Some(&(d.version - 1))).collect();
    if fresh.is_empty() {
        return Ok(HashSet::new());
    }
    static TEXTS: Texts = Texts::new();
    let sql = TEXTS.of(fresh.len(), |n| {
        let first = "SELECT ? AS id, ? AS version, ? AS state, ? AS detail, ? AS failures, \
                     ? AS failed_at, ? AS used_at";
        let next = " UNION ALL SELECT ?, ?, ?, ?, ?, ?, ?".repeat(n - 1);
        format!(
            "UPDATE device d JOIN ({first}{next}) v ON d.id = v.id AND d.version = v.version - 1 \
             SET d.version = v.version, d.state = v.state, d.detail = v.detail, d.failures = v.failures, \
             d.failed_at = v.failed_at, d.used_at = v.used_at"
        )
    });
    let values = fresh.iter().flat_map(|device| values(device));
    let done = tx.execute_raw(Statement::from_sql_and_values(DbBackend::MySql, sql, values)).await?;
    if done.rows_affected() != fresh.len() as u64 {
        return Err(DbErr::Custom("an update changed another number of rows than were locked for it".into()));
    }
    Ok(fresh.iter().map(|device| device.id.as_str().to_owned()).collect())
}

/// Locks the devices in the order of their ids, and gives the versions at which they are.
async fn lock(tx: &DatabaseTransaction, rows: &[&Device]) -> Result<HashMap<String, i64>, DbErr> {
    static TEXTS: Texts = Texts::new();
    let sql = TEXTS.of(rows.len(), |n| {
        let places = vec!["?"; n].join(", ");
        format!("SELECT id, version FROM device WHERE id IN ({places}) ORDER BY id FOR UPDATE")
    });
    let ids = rows.iter().map(|device| Value::from(device.id.as_str()));
    let found = tx.query_all_raw(Statement::from_sql_and_values(DbBackend::MySql, sql, ids)).await?;
    found.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect()
}
