//! The hot statement on SQLite.

use std::collections::HashSet;

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, Statement};

use super::progress::{Texts, tuples, values};
use crate::domain::device::Device;

/// Writes what verifications changed, each over the version before. Gives the ids of what was written.
pub(super) async fn progress(tx: &DatabaseTransaction, rows: &[&Device]) -> Result<HashSet<String>, DbErr> {
    static TEXTS: Texts = Texts::new();
    let sql = TEXTS.of(rows.len(), |n| {
        format!(
            "UPDATE device SET version = v.column2, state = v.column3, detail = v.column4, \
             failures = v.column5, failed_at = v.column6, used_at = v.column7 \
             FROM (VALUES {}) AS v \
             WHERE device.id = v.column1 AND device.version = v.column2 - 1 RETURNING device.id",
            tuples(n, 7)
        )
    });
    let values = rows.iter().flat_map(|device| values(device));
    let written = tx.query_all_raw(Statement::from_sql_and_values(DbBackend::Sqlite, sql, values)).await?;
    written.iter().map(|row| row.try_get_by_index(0)).collect()
}
