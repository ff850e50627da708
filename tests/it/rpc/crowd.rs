//! A caller with very many requests of one subject, beside another caller.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use countersign::auth::Role;
use countersign::domain::ids::{CallerName, Subject, Tenant};
use countersign::store::Purpose;
use countersign::wire::pb;
use tokio::task::JoinSet;
use tonic::{Code, Request, Status};

use crate::harness::answers::{refused, said};
use crate::harness::assurance::session;
use crate::harness::calls::totp_setup;
use crate::harness::databases::{TestDatabase, on_every_database};
use crate::harness::fixture::SECRET;
use crate::harness::{Harness, Wish, hotp, secret_of};

on_every_database!(
    a_flood_of_changes_of_a_subject_makes_none_of_another_caller_fail,
    only_what_is_committed_waits_for_the_turn_of_its_subject,
);

async fn a_flood_of_changes_of_a_subject_makes_none_of_another_caller_fail(database: TestDatabase) {
    let harness = Harness::start_on(&database, Wish::default()).await;
    let client = harness.client().await;
    let device = client.active_hotp("alice", "token", SECRET).await;
    let (is_over, mut flood) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
    for _ in 0..3 {
        let greedy = Arc::new(harness.client_as(Role::Verify).await);
        for _ in 0..64 {
            let (greedy, is_over) = (greedy.clone(), is_over.clone());
            flood.spawn(async move {
                let request = pb::RememberClientRequest {
                    subject: "alice".to_owned(),
                    name: "flood".to_owned(),
                    ..Default::default()
                };
                while !is_over.load(Ordering::Relaxed) {
                    // On a busy machine the last in line are refused.
                    let _: Result<pb::RememberClientResponse, Status> =
                        greedy.send("AssuranceService/RememberClient", &request).await;
                }
            });
        }
    }
    for counter in 1..=10 {
        client.remember("alice", "browser").await;
        client.record(session("s"), "alice", "password").await.unwrap();
        let answer = client.verify("alice", &device.id, &hotp(SECRET, counter)).await.unwrap();
        assert_eq!(said(answer.verdict.as_ref()), "accepted", "{counter}");
    }
    is_over.store(true, Ordering::Relaxed);
    flood.join_all().await;
    harness.stop().await;
}

async fn only_what_is_committed_waits_for_the_turn_of_its_subject(database: TestDatabase) {
    let harness = Harness::start_on(&database, Wish::default()).await;
    let client = harness.client().await;
    let (tenant, caller) = (Tenant::trusted("default"), CallerName::trusted("another"));
    let alice = Subject::parse("alice").unwrap();
    let turn = harness.service.store().turn(&tenant, &caller, &alice, Purpose::Change).await.unwrap();
    assert_eq!(client.evaluate(session("s"), "alice", "login").await.requirement, "login");
    assert_eq!(client.revoke("alice", evidence_id()).await, 0);
    let enroll = async || {
        let mut request = Request::new(pb::EnrollDeviceRequest {
            subject: "alice".to_owned(),
            setup: Some(totp_setup(&secret_of("phone"))),
            ..Default::default()
        });
        request.set_timeout(Duration::from_secs(5));
        client.devices.clone().enroll_device(request).await
    };
    let refusal = enroll().await.unwrap_err();
    assert_eq!((refusal.code(), refused(&refusal)), (Code::Unavailable, "OVERLOADED".to_owned()));
    drop(turn);
    enroll().await.unwrap();
    assert_eq!(database.count("device").await, 1);
    harness.stop().await;
}

/// The id of no evidence.
fn evidence_id() -> pb::revoke_evidence_request::Selection {
    pb::revoke_evidence_request::Selection::EvidenceId(crate::harness::fixture::NOBODYS.to_owned())
}
