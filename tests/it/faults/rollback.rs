//! A database that has forgotten what it acknowledged: an older copy of it was restored.

use std::time::Duration;

use countersign::domain::policy::Policies;
use countersign::domain::proof::{Reject, Verdict};
use futures_util::future::join_all;

use crate::harness::databases::{TestDatabase, on_every_database};
use crate::harness::replica::{Proving, Replica, clock};

on_every_database!(
    what_was_accepted_is_not_accepted_again_from_an_older_copy,
    a_code_without_a_device_is_not_accepted_again_from_an_older_copy,
    failures_are_not_forgotten_with_an_older_copy,
    replicas_that_remember_different_things_leave_nothing_out,
    what_came_of_an_older_copy_meanwhile_is_kept,
    what_is_read_while_it_changes_is_no_loss,
);

const TABLES: [&str; 8] = ["device", "subject", "request", "event", "meta", "evidence", "client", "secret"];

pub(super) async fn copy(database: &TestDatabase) {
    for table in TABLES {
        database.execute(&format!("CREATE TABLE copy_of_{table} AS SELECT * FROM {table}")).await;
    }
}

pub(super) async fn restore(database: &TestDatabase) {
    for table in TABLES {
        database.execute(&format!("DELETE FROM {table}")).await;
        database.execute(&format!("INSERT INTO {table} SELECT * FROM copy_of_{table}")).await;
    }
}

fn replayed(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Rejected { reason: Reject::Replayed, .. })
}

async fn start(database: &TestDatabase) -> std::sync::Arc<Replica> {
    Replica::start(database, &clock(), Policies::default()).await
}

async fn what_was_accepted_is_not_accepted_again_from_an_older_copy(database: TestDatabase) {
    let replica = start(&database).await;
    let all = [replica.totp("alice").await, replica.hotp("bob").await, replica.recovery_codes("carol").await];
    copy(&database).await;
    let mut versions = Vec::new();
    for proving in &all {
        assert_eq!(replica.offer(proving, &proving.codes[0]).await.unwrap(), Verdict::Accepted);
        versions.push(replica.device(proving).await.version);
    }
    restore(&database).await;
    for (proving, version) in all.iter().zip(versions) {
        assert!(replica.device(proving).await.version < version, "the copy is not older");
        assert!(replayed(&replica.offer(proving, &proving.codes[0]).await.unwrap()), "{proving:?}");
        assert!(replica.device(proving).await.version > version);
    }
    assert_eq!(database.events("device.rolled_back").await, 3);
    replica.clock.advance(Duration::from_secs(2));
    for proving in &all {
        let verdict = replica.offer(proving, &proving.codes[1]).await.unwrap();
        assert_eq!(verdict, Verdict::Accepted, "{proving:?}");
    }
    assert_eq!(database.events("device.rolled_back").await, 3);
    replica.stop().await;
}

async fn a_code_without_a_device_is_not_accepted_again_from_an_older_copy(database: TestDatabase) {
    let replica = start(&database).await;
    let proving = replica.hotp("alice").await;
    copy(&database).await;
    assert_eq!(replica.offer_any("alice", &proving.codes[0]).await.unwrap(), Verdict::Accepted);
    restore(&database).await;
    let again = replica.offer_any("alice", &proving.codes[0]).await.unwrap();
    assert!(matches!(again, Verdict::Rejected { .. }), "{again:?}");
    assert_eq!(database.events("device.rolled_back").await, 1);
    replica.stop().await;
}

async fn failures_are_not_forgotten_with_an_older_copy(database: TestDatabase) {
    let replica = start(&database).await;
    let proving = replica.hotp("alice").await;
    copy(&database).await;
    for _ in 0..4 {
        assert!(matches!(replica.offer(&proving, "000000").await.unwrap(), Verdict::Rejected { .. }));
        replica.clock.advance(Duration::from_secs(20));
    }
    let failures = replica.device(&proving).await.failures;
    restore(&database).await;
    assert!(matches!(replica.offer(&proving, "000000").await.unwrap(), Verdict::Rejected { .. }));
    assert_eq!(replica.device(&proving).await.failures.count, failures.count + 1);
    replica.stop().await;
}

async fn replicas_that_remember_different_things_leave_nothing_out(database: TestDatabase) {
    let clock = clock();
    let replicas = Replica::several(&database, 3, &clock, &Policies::default()).await;
    let proving = replicas[0].recovery_codes("alice").await;
    copy(&database).await;
    for (replica, code) in replicas.iter().zip(&proving.codes) {
        assert_eq!(replica.offer(&proving, code).await.unwrap(), Verdict::Accepted);
    }
    restore(&database).await;
    for replica in &replicas {
        assert!(replica.offer_any("bob", "000000").await.is_ok());
    }
    for (replica, code) in replicas.iter().zip(&proving.codes) {
        assert!(replayed(&replica.offer(&proving, code).await.unwrap()), "{code}");
        clock.advance(Duration::from_secs(60));
    }
    for code in &proving.codes[..3] {
        for replica in &replicas {
            assert!(replayed(&replica.offer(&proving, code).await.unwrap()), "{code}");
            clock.advance(Duration::from_secs(3600));
        }
    }
    assert_eq!(replicas[2].offer(&proving, &proving.codes[3]).await.unwrap(), Verdict::Accepted);
    for replica in &replicas {
        replica.stop().await;
    }
}

/// One replica remembers nothing and goes on from the copy, past the version that another remembers.
async fn what_came_of_an_older_copy_meanwhile_is_kept(database: TestDatabase) {
    let clock = clock();
    let replicas = Replica::several(&database, 2, &clock, &Policies::default()).await;
    let proving = replicas[0].recovery_codes("alice").await;
    copy(&database).await;
    assert_eq!(replicas[0].offer(&proving, &proving.codes[0]).await.unwrap(), Verdict::Accepted);
    restore(&database).await;
    for code in &proving.codes[1..4] {
        assert_eq!(replicas[1].offer(&proving, code).await.unwrap(), Verdict::Accepted);
    }
    for code in &proving.codes[..4] {
        assert!(replayed(&replicas[0].offer(&proving, code).await.unwrap()), "{code}");
        clock.advance(Duration::from_secs(60));
    }
    assert_eq!(database.events("device.rolled_back").await, 1);
    assert_eq!(replicas[0].offer(&proving, &proving.codes[4]).await.unwrap(), Verdict::Accepted);
    for replica in &replicas {
        replica.stop().await;
    }
}

async fn what_is_read_while_it_changes_is_no_loss(database: TestDatabase) {
    let clock = clock();
    let replicas = Replica::several(&database, 3, &clock, &Policies::default()).await;
    let proving: Vec<Proving> =
        join_all((0..4).map(|n| replicas[0].recovery_codes(["a", "b", "c", "d"][n]))).await;
    for code in 0..10 {
        let offers = replicas.iter().flat_map(|replica| {
            proving
                .iter()
                .flat_map(move |proving| (0..2).map(move |_| replica.offer(proving, &proving.codes[code])))
        });
        let accepted = join_all(offers).await.into_iter().filter(|v| matches!(v, Ok(Verdict::Accepted)));
        assert_eq!(accepted.count(), 4);
        clock.advance(Duration::from_secs(3600));
    }
    assert_eq!(database.events("device.rolled_back").await, 0);
    for replica in &replicas {
        replica.stop().await;
    }
}
