//! The schema: made once, whoever starts at the same time; held to a golden file; that of the next release is served on.

use std::fmt::Write as _;

use countersign::app::OpenError;
use countersign::domain::policy::Policies;
use countersign::domain::proof::Verdict;
use futures_util::future::join_all;
use sea_orm::QueryResult;

use super::fixtures::{read, stored};
use crate::harness::databases::{Engine, TestDatabase, on_every_database};
use crate::harness::golden;
use crate::harness::replica::{Replica, clock};

on_every_database!(
    the_schema_is_the_golden_one,
    opening_again_changes_nothing,
    a_schema_that_lacks_something_for_this_release_is_refused_and_left_alone,
    the_schema_of_the_next_release_is_served_on,
    replicas_that_start_at_once_make_one_schema,
    a_migration_that_broke_off_is_finished,
);

const TABLES: [&str; 9] =
    ["client", "device", "event", "evidence", "meta", "request", "revocation", "secret", "subject"];

async fn the_schema_is_the_golden_one(database: TestDatabase) {
    database.open().await;
    let found = dump(&database).await;
    match database.engine {
        Engine::Sqlite => golden("schema-sqlite.sql", include_str!("../../golden/schema-sqlite.sql"), &found),
        Engine::Postgres => {
            golden("schema-postgres.sql", include_str!("../../golden/schema-postgres.sql"), &found);
        }
        Engine::MySql => golden("schema-mysql.sql", include_str!("../../golden/schema-mysql.sql"), &found),
    }
}

async fn opening_again_changes_nothing(database: TestDatabase) {
    let store = database.open().await;
    let device = stored(&store, "alice", "phone").await;
    store.close().await;
    let before = (dump(&database).await, migrations(&database).await);
    let again = database.open().await;
    assert_eq!((dump(&database).await, migrations(&database).await), before);
    assert_eq!(read(&again, &device).await, Some(device));
}

/// Notes that the migration of another release was applied.
async fn applied(database: &TestDatabase, name: &str) {
    let sql = format!("INSERT INTO seaql_migrations (version, applied_at) VALUES ('{name}', 1)");
    database.execute(&sql).await;
}

async fn a_schema_that_lacks_something_for_this_release_is_refused_and_left_alone(database: TestDatabase) {
    database.open().await.close().await;
    database.execute("DELETE FROM meta").await;
    applied(&database, "m9999_later_from_m9998").await;
    let before = dump(&database).await;
    let refused = database.try_open().await.err().unwrap();
    assert!(
        matches!(&refused, OpenError::SchemaAhead(unknown) if unknown == "m9999_later_from_m9998"),
        "{refused}"
    );
    let says = "the database's schema is newer than this program (it has m9999_later_from_m9998); run the version that \
                made it, or a later one";
    assert_eq!(refused.to_string(), says);
    assert_eq!(dump(&database).await, before);
    assert_eq!(database.count("meta").await, 0);
}

/// New tables, and new columns that may be left out: what a release may add.
async fn the_schema_of_the_next_release_is_served_on(database: TestDatabase) {
    let before = database.open().await;
    let device = stored(&before, "alice", "phone").await;
    before.close().await;
    for table in TABLES {
        database.execute(&format!("ALTER TABLE {table} ADD COLUMN later VARCHAR(16)")).await;
        database
            .execute(&format!("ALTER TABLE {table} ADD COLUMN later_too BIGINT NOT NULL DEFAULT 7"))
            .await;
        database.execute(&format!("CREATE INDEX {table}_later ON {table} (later_too)")).await;
    }
    database.execute("CREATE TABLE later (id BIGINT PRIMARY KEY)").await;
    applied(&database, "m9999_later").await;
    let clock = clock();
    let replica = Replica::start(&database, &clock, Policies::default()).await;
    assert_eq!(read(replica.service.store(), &device).await, Some(device));
    // Everything that is written to any of the tables.
    let devices =
        [replica.totp("bob").await, replica.hotp("carol").await, replica.recovery_codes("dave").await];
    for proving in &devices {
        assert_eq!(replica.offer(proving, &proving.codes[0]).await.unwrap(), Verdict::Accepted);
    }
    replica.stop().await;
    assert_eq!(database.count("device WHERE later_too = 7").await, 4);
}

async fn replicas_that_start_at_once_make_one_schema(database: TestDatabase) {
    let stores = join_all((0..8).map(|_| database.try_open())).await;
    for store in &stores {
        assert!(store.is_ok(), "{}", store.as_ref().err().unwrap());
    }
    assert_eq!(database.count("meta").await, 1);
    let device = stored(stores[0].as_ref().unwrap(), "alice", "phone").await;
    assert_eq!(read(stores[7].as_ref().unwrap(), &device).await, Some(device));
}

/// Where tables and indexes are not made in a transaction, a migration can stop at any of them.
async fn a_migration_that_broke_off_is_finished(database: TestDatabase) {
    database.open().await.close().await;
    let whole = dump(&database).await;
    database.execute("DELETE FROM seaql_migrations WHERE version >= 'm0002'").await;
    database.execute("DROP TABLE event").await;
    let on = if database.engine == Engine::MySql { " ON request" } else { "" };
    database.execute(&format!("DROP INDEX request_expires_at{on}")).await;
    database.open().await;
    assert_eq!(dump(&database).await, whole);
}

async fn migrations(database: &TestDatabase) -> Vec<(String, i64)> {
    let rows = database.rows("SELECT version, applied_at FROM seaql_migrations ORDER BY version").await;
    rows.iter().map(|row| (text(row, 0), row.try_get_by_index(1).unwrap())).collect()
}

/// The schema in the database's own words.
async fn dump(database: &TestDatabase) -> String {
    let mut out = String::new();
    match database.engine {
        Engine::Sqlite => {
            let sql = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND tbl_name NOT LIKE 'seaql%' \
                       ORDER BY tbl_name, type DESC, name";
            for row in database.rows(sql).await {
                writeln!(out, "{};", text(&row, 0)).unwrap();
            }
        }
        Engine::MySql => {
            for table in TABLES {
                let row = database.rows(&format!("SHOW CREATE TABLE {table}")).await.remove(0);
                // What follows the engine is the server's own default.
                let sql = text(&row, 1);
                let end = sql.find(" DEFAULT CHARSET").unwrap_or(sql.len());
                writeln!(out, "{};", &sql[..end]).unwrap();
            }
        }
        Engine::Postgres => postgres(database, &mut out).await,
    }
    out
}

async fn postgres(database: &TestDatabase, out: &mut String) {
    for table in TABLES {
        let columns = database
            .rows(&format!(
                "SELECT a.attname::text, format_type(a.atttypid, a.atttypmod) \
                 || CASE c.collname WHEN 'C' THEN ' COLLATE \"C\"' ELSE '' END, a.attnotnull \
                 FROM pg_attribute a LEFT JOIN pg_collation c ON c.oid = a.attcollation WHERE a.attrelid = '{table}'::regclass AND a.attnum > 0 \
                 ORDER BY a.attnum"
            ))
            .await;
        let columns: Vec<String> = columns
            .iter()
            .map(|row| {
                let not_null = if row.try_get_by_index(2).unwrap() { " NOT NULL" } else { "" };
                format!("    {} {}{not_null}", text(row, 0), text(row, 1))
            })
            .collect();
        let options = database
            .rows(&format!(
                "SELECT array_to_string(reloptions, ', ') FROM pg_class WHERE oid = '{table}'::regclass"
            ))
            .await;
        let options: Option<String> = options[0].try_get_by_index(0).unwrap();
        let options = options.map_or(String::new(), |options| format!(" WITH ({options})"));
        writeln!(out, "CREATE TABLE {table} (\n{}\n){options};", columns.join(",\n")).unwrap();
        let indexes = database
            .rows(&format!("SELECT indexdef FROM pg_indexes WHERE tablename = '{table}' ORDER BY indexname"))
            .await;
        for index in &indexes {
            writeln!(out, "{};", text(index, 0)).unwrap();
        }
    }
}

fn text(row: &QueryResult, index: usize) -> String {
    row.try_get_by_index(index).unwrap()
}
