//! A database opens only with the key ring that it was begun with.

use countersign::app::OpenError;

use super::fixtures::{read, stored};
use crate::harness::databases::{Engine, TestDatabase, on_every_database};

on_every_database!(
    an_empty_database_takes_the_ring_as_its_own,
    another_ring_is_refused_before_anything_is_written,
    another_ring_is_refused_before_a_migration,
    a_database_whose_check_value_is_gone_is_refused,
    a_check_value_that_was_changed_is_another_rings,
);

async fn an_empty_database_takes_the_ring_as_its_own(database: TestDatabase) {
    let store = database.open().await;
    let device = stored(&store, "alice", "phone").await;
    let check = check(&database).await;
    assert_eq!(check.len(), 1);
    let again = database.open().await;
    assert_eq!(read(&again, &device).await, Some(device));
    assert_eq!(self::check(&database).await, check);
}

async fn another_ring_is_refused_before_anything_is_written(database: TestDatabase) {
    database.open().await.close().await;
    let before = check(&database).await;
    let refused = database.with_another_ring().try_open().await.err().unwrap();
    assert!(matches!(refused, OpenError::AnotherRing));
    let says = "the key ring does not belong to this database: nothing in it would open; use the key ring \
                that it was begun with";
    assert_eq!(refused.to_string(), says);
    assert_eq!(check(&database).await, before);
    assert_eq!(database.count("event").await, 0);
    database.open().await;
}

async fn another_ring_is_refused_before_a_migration(database: TestDatabase) {
    database.open().await.close().await;
    // As an older program left it: all but one of the migrations.
    database.execute("DELETE FROM seaql_migrations WHERE version LIKE 'm0004%'").await;
    database.execute("DROP TABLE event").await;
    let refused = database.with_another_ring().try_open().await.err().unwrap();
    assert!(matches!(refused, OpenError::AnotherRing));
    assert_eq!(database.count("seaql_migrations WHERE version LIKE 'm0004%'").await, 0);
    let store = database.open().await;
    stored(&store, "alice", "phone").await;
}

async fn a_database_whose_check_value_is_gone_is_refused(database: TestDatabase) {
    let store = database.open().await;
    stored(&store, "alice", "phone").await;
    store.close().await;
    database.execute("DELETE FROM meta").await;
    for database in [database.clone(), database.with_another_ring()] {
        let refused = database.try_open().await.err().unwrap();
        assert!(matches!(refused, OpenError::CheckMissing));
        let says = "the database holds devices and no check value for its key ring; restore the row \
                    key_check of the table meta from a backup";
        assert_eq!(refused.to_string(), says);
        assert_eq!(database.count("meta").await, 0);
    }
}

async fn a_check_value_that_was_changed_is_another_rings(database: TestDatabase) {
    database.open().await.close().await;
    let zero = if database.engine == Engine::Postgres { "'\\x0000'" } else { "x'0000'" };
    database.execute(&format!("UPDATE meta SET value = {zero}")).await;
    assert!(matches!(database.try_open().await.err().unwrap(), OpenError::AnotherRing));
}

async fn check(database: &TestDatabase) -> Vec<Vec<u8>> {
    let rows = database.rows("SELECT value FROM meta WHERE name = 'key_check'").await;
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}
