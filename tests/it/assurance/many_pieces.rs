//! However many pieces of evidence are written of a subject, few are kept, and those decide as all would.

use std::time::Duration;

use countersign::service::Revocation;

use super::replica;
use crate::harness::asking::{session, with_transaction};
use crate::harness::databases::{TestDatabase, on_every_database};
use crate::harness::hotp;
use crate::harness::replica::{Proving, SECRET};

on_every_database!(
    of_alike_pieces_that_are_recorded_the_newest_is_kept,
    of_alike_pieces_that_a_device_gives_a_few_are_kept,
    a_device_that_proves_in_session_after_session_fills_nothing,
    past_the_bound_the_oldest_pieces_make_room,
    pieces_for_a_transaction_are_used_up_one_by_one,
);

/// Pieces of a subject that have not expired, at most.
const LIVE_MAX: usize = 256;
const SECOND: Duration = Duration::from_secs(1);

async fn rows(database: &TestDatabase) -> usize {
    usize::try_from(database.count("evidence").await).unwrap()
}

async fn of_alike_pieces_that_are_recorded_the_newest_is_kept(database: TestDatabase) {
    let replica = replica(&database).await;
    let (here, there) = (session("one"), session("two"));
    let elsewhere = replica.password("alice", &there).await;
    let approved = replica.password("alice", &with_transaction(&here, 1)).await;
    let of_bob = replica.password("bob", &here).await;
    let mut last = None;
    for _ in 0..100 {
        replica.clock.advance(SECOND);
        last = Some(replica.password("alice", &here).await);
    }
    let last = last.unwrap();
    assert_eq!(rows(&database).await, 4, "one, and three that are not like it");
    assert_eq!(replica.evidence("alice", Some(&here)).await, std::slice::from_ref(&last));
    for one in [&elsewhere, &approved] {
        assert!(replica.evidence("alice", None).await.iter().any(|kept| kept.id == one.id), "{one:?}");
    }
    assert!(replica.holds("alice", &with_transaction(&here, 1), "agreed").await);
    assert_eq!(replica.evidence("bob", None).await, [of_bob]);
    // What is revoked is no longer there to be outdone, and does not come back.
    assert_eq!(replica.revoke("alice", Revocation::One(last.id)).await, 1);
    assert!(!replica.holds("alice", &here, "knows").await);
    replica.stop().await;
}

async fn of_alike_pieces_that_a_device_gives_a_few_are_kept(database: TestDatabase) {
    let replica = replica(&database).await;
    let token = replica.hotp("alice").await;
    let codes = (1..=64).map(|counter| hotp(SECRET, counter)).collect();
    let token = Proving { codes, ..token };
    let here = session("one");
    let mut last = None;
    for code in 0..64 {
        replica.clock.advance(SECOND);
        last = Some(replica.prove(&token, code, &here).await);
        let kept = rows(&database).await;
        assert!(kept <= 9, "{kept} after {code}");
    }
    let listed = replica.evidence("alice", Some(&here)).await;
    assert_eq!(listed.first(), last.as_ref(), "the newest first");
    assert!(replica.holds("alice", &here, "device").await);
    assert_eq!(replica.revoke("alice", Revocation::Everything).await, listed.len() as u64);
    assert!(!replica.holds("alice", &here, "device").await);
    replica.stop().await;
}

async fn a_device_that_proves_in_session_after_session_fills_nothing(database: TestDatabase) {
    let replica = replica(&database).await;
    let token = replica.hotp("alice").await;
    let codes = (1..=(LIVE_MAX as u64 + 24)).map(|counter| hotp(SECRET, counter)).collect();
    let token = Proving { codes, ..token };
    for code in 0..LIVE_MAX + 24 {
        replica.clock.advance(SECOND);
        let here = session(&format!("session {code}"));
        replica.prove(&token, code, &here).await;
        assert!(code % 32 != 0 || replica.holds("alice", &here, "device").await);
    }
    let kept = rows(&database).await;
    assert!((LIVE_MAX..LIVE_MAX + 8).contains(&kept), "{kept}");
    assert!(!replica.holds("alice", &session("session 0"), "device").await, "the oldest");
    replica.stop().await;
}

async fn past_the_bound_the_oldest_pieces_make_room(database: TestDatabase) {
    let replica = replica(&database).await;
    let of = |number: usize| session(&format!("session {number}"));
    let all = LIVE_MAX + 20;
    for number in 0..all {
        replica.clock.advance(SECOND);
        replica.password("alice", &of(number)).await;
        assert!(replica.holds("alice", &of(number), "knows").await, "the newest counts: {number}");
    }
    assert_eq!(rows(&database).await, LIVE_MAX);
    assert!(!replica.holds("alice", &of(19), "knows").await);
    assert!(replica.holds("alice", &of(20), "knows").await);
    assert_eq!(replica.evidence("alice", None).await.len(), LIVE_MAX);
    assert!(replica.clients("alice").await.is_empty());
    assert_eq!(replica.revoke("alice", Revocation::Everything).await, LIVE_MAX as u64);
    assert!(!replica.holds("alice", &of(all - 1), "knows").await);
    replica.stop().await;
}

async fn pieces_for_a_transaction_are_used_up_one_by_one(database: TestDatabase) {
    let replica = replica(&database).await;
    let here = with_transaction(&session("one"), 1);
    replica.password("alice", &here).await;
    assert!(replica.holds("alice", &here, "agreed").await);
    replica.clock.advance(SECOND);
    let again = replica.password("alice", &here).await;
    assert_eq!(rows(&database).await, 2, "what is used up is kept for retries");
    assert_eq!(replica.evidence("alice", Some(&here)).await, [again]);
    assert!(replica.holds("alice", &here, "agreed").await);
    assert!(!replica.holds("alice", &here, "agreed").await, "once each");
    replica.stop().await;
}
