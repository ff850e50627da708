//! The hot statement on PostgreSQL.

use std::collections::HashSet;

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, Statement};

use super::progress::{Texts, values};
use crate::domain::device::Device;

/// Writes what verifications changed, each over the version before. Gives the ids of what was written.
///
/// Rows are locked in the order of their ids: two groups that share devices wait for each other instead of
/// dying in a deadlock.
pub(super) async fn progress(tx: &DatabaseTransaction, rows: &[&Device]) -> Result<HashSet<String>, DbErr> {
    static TEXTS: Texts = Texts::new();
    let sql = TEXTS.of(rows.len(), |n| {
        let row = |r: usize| {
            let p = |c: usize| r * 7 + c;
            format!(
                "(${}::text, ${}::bigint, ${}::text, ${}::text, ${}::int, ${}::bigint, ${}::bigint)",
                p(1),
                p(2),
                p(3),
                p(4),
                p(5),
                p(6),
                p(7)
            )
        };
        format!(
            "WITH v (id, version, state, detail, failures, failed_at, used_at) AS (VALUES {}), \
             locked AS (SELECT d.id FROM device d JOIN v ON d.id = v.id AND d.version = v.version - 1 \
             ORDER BY d.id FOR UPDATE OF d) \
             UPDATE device d SET version = v.version, state = v.state, detail = v.detail, \
             failures = v.failures, failed_at = v.failed_at, used_at = v.used_at \
             FROM v JOIN locked ON locked.id = v.id WHERE d.id = v.id RETURNING d.id",
            (0..n).map(row).collect::<Vec<_>>().join(", ")
        )
    });
    let values = rows.iter().flat_map(|device| values(device));
    let written = tx.query_all_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, values)).await?;
    written.iter().map(|row| row.try_get_by_index(0)).collect()
}
