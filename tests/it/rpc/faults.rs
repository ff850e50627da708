//! When the server cannot: said in time, by its reason, and nothing is accepted.

use std::time::Duration;

use countersign::wire::pb;
use sea_orm::ConnectionTrait as _;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use crate::harness::answers::{refused, said};
use crate::harness::fixture::SECRET;
use crate::harness::{Client, Harness, START, Wish, code, eventually, hotp, proof};

async fn run(harness: &Harness, sql: &str) {
    let db = harness.connection().await;
    db.execute_unprepared(sql).await.unwrap();
    db.close().await.unwrap();
}

/// Offers a code in a request that has a name and a time limit.
async fn named(
    client: &Client,
    device: &pb::Device,
    code: &str,
    limit: Duration,
) -> Result<pb::VerifyResponse, Status> {
    let mut request = Request::new(pb::VerifyRequest {
        subject: device.subject.clone(),
        device_id: device.id.clone(),
        proof: Some(proof(code)),
        ..Default::default()
    });
    request.metadata_mut().insert("x-request-id", "my-name-for-it".parse().unwrap());
    request.set_timeout(limit);
    Ok(client.verification.clone().verify(request).await?.into_inner())
}

#[tokio::test]
async fn a_database_that_does_not_answer_accepts_nothing_and_all_is_well_when_it_does() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.active_hotp("alice", "token", SECRET).await;
    let limit = Duration::from_secs(10);
    for what in ["UPDATE ON device", "INSERT ON event"] {
        let fails = format!("CREATE TRIGGER fails BEFORE {what} BEGIN SELECT RAISE(ABORT, 'fails'); END");
        run(&harness, &fails).await;
        let refusal = named(&client, &device, &hotp(SECRET, 1), limit).await.unwrap_err();
        assert_eq!((refusal.code(), refused(&refusal)), (Code::Unavailable, "STORE_UNAVAILABLE".to_owned()));
        let details = refusal.get_error_details();
        assert_eq!(details.request_info().unwrap().request_id, "my-name-for-it");
        assert_eq!(details.retry_info().unwrap().retry_delay, Some(Duration::from_secs(1)));
        let told = format!("{} {}", refusal.message(), String::from_utf8_lossy(refusal.details()));
        assert!(!told.contains("table") && !told.contains("sqlite"), "{told}");
        run(&harness, "DROP TRIGGER fails").await;
    }
    assert_eq!(client.failures("alice", &device.id).await, 0);
    let answer = named(&client, &device, &hotp(SECRET, 1), limit).await.unwrap();
    assert_eq!(said(answer.verdict.as_ref()), "accepted");
    harness.stop().await;
}

#[tokio::test]
async fn a_caller_is_not_told_to_retry_what_will_not_go_away_by_itself() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.active_hotp("alice", "token", SECRET).await;
    for table in ["device", "event"] {
        run(&harness, &format!("ALTER TABLE {table} RENAME TO gone")).await;
        for _ in 0..6 {
            let refusal = client.verify("alice", &device.id, &hotp(SECRET, 1)).await.unwrap_err();
            assert_eq!((refusal.code(), refused(&refusal)), (Code::Internal, "INTERNAL".to_owned()));
            assert!(refusal.get_details_retry_info().is_none());
            let told = format!("{} {}", refusal.message(), String::from_utf8_lossy(refusal.details()));
            assert!(!told.contains("table") && !told.contains("sqlite"), "{told}");
        }
        run(&harness, &format!("ALTER TABLE gone RENAME TO {table}")).await;
        // The failures delay the next judgement, by less than a second.
        eventually("a code is judged again", async || client.device("alice", &device.id).await.is_ok()).await;
    }
    harness.stop().await;
}

#[tokio::test]
async fn a_secret_that_was_moved_to_another_row_opens_nothing() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    // Who can write to the database must not be able to use A's secret for B.
    let alices = client.active_hotp("alice", "token", SECRET).await;
    let bobs = client.active_hotp("bob", "token", b"abcdefghijklmnopqrst").await;
    let moved = format!(
        "UPDATE device SET secret = (SELECT secret FROM device WHERE id = '{}') WHERE id = '{}'",
        alices.id, bobs.id
    );
    run(&harness, &moved).await;
    // A server that was there before remembers bob's own secret.
    let harness = harness.restart().await;
    let client = harness.client().await;
    let before = harness.dump().await;
    for id in [bobs.id.as_str(), ""] {
        let refusal = client.verify("bob", id, &hotp(SECRET, 1)).await.unwrap_err();
        assert_eq!((refusal.code(), refused(&refusal)), (Code::Internal, "INTERNAL".to_owned()));
        assert!(!refusal.get_details_request_info().unwrap().request_id.is_empty());
    }
    assert_eq!(harness.dump().await, before);
    assert_eq!(client.says("alice", &alices.id, &hotp(SECRET, 1)).await, "accepted");
    harness.stop().await;
}

#[tokio::test]
async fn what_is_too_much_at_once_is_refused_and_health_is_not() {
    let harness = Harness::start_with(Wish { concurrency: 0, ..Wish::default() }).await;
    let client = harness.client().await;
    let refusal = client.device("alice", "any").await.unwrap_err();
    assert_eq!((refusal.code(), refused(&refusal)), (Code::Unavailable, "OVERLOADED".to_owned()));
    assert!(refusal.get_details_retry_info().unwrap().retry_delay.is_some());
    client.raw("/grpc.health.v1.Health/Check", Vec::new()).await.unwrap();
    harness.stop().await;
}

#[tokio::test]
async fn the_time_for_a_request_is_the_servers_at_most() {
    let harness = Harness::start_with(Wish { timeout: Duration::ZERO, ..Wish::default() }).await;
    let client = harness.client().await;
    let refusal = client.device("alice", "any").await.unwrap_err();
    assert_eq!((refusal.code(), refused(&refusal)), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED".to_owned()));
    harness.stop().await;
}

#[tokio::test]
async fn a_call_that_was_cut_off_is_answered_when_it_is_asked_again_and_counts_once() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.active_hotp("alice", "token", SECRET).await;
    for counter in 1..=40 {
        let request_id = format!("00000000-0000-0000-0000-{counter:012}");
        let code = hotp(SECRET, counter);
        let ask = || client.verify_once("alice", &device.id, &code, &request_id);
        // Gone before the answer, sooner or later.
        let patience = Duration::from_micros(100 * (counter % 20));
        let _ = tokio::time::timeout(patience, ask()).await;
        let answer = ask().await.unwrap();
        assert_eq!(said(answer.verdict.as_ref()), "accepted", "{counter}");
    }
    let events = harness.events_of("alice").await;
    assert_eq!(events.iter().filter(|what| *what == "proof.accepted").count(), 41);
    assert!(!events.contains(&"proof.rejected".to_owned()));
    harness.stop().await;
}

#[tokio::test]
async fn a_guess_whose_caller_went_away_is_counted_all_the_same() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.active_totp("alice", SECRET, START).await;
    // As many as there are tries before one is told that it was too soon.
    let mut cut_off = 0;
    while client.failures("alice", &device.id).await == 0 {
        let asked = client.verify("alice", &device.id, "000000");
        let _ = tokio::time::timeout(Duration::from_micros(200 * cut_off), asked).await;
        cut_off += 1;
        assert!(cut_off < 1000, "no guess is ever counted");
    }
    assert_eq!(client.failures("alice", &device.id).await, 1);
    assert_eq!(client.says("alice", &device.id, &code(SECRET, START, 1)).await, "throttled");
    harness.stop().await;
}
