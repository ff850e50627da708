//! Retries of decisions: the kept verdict stays, a kept decision is repeated only while its evidence counts, and the
//! record is looked up before anything is refused.

use countersign::domain::policy::{Policies, Policy};
use countersign::domain::throttle::ThrottlePolicy;
use countersign::wire::pb;
use countersign::wire::pb::revoke_evidence_request::Selection;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use std::time::Duration;

use crate::harness::answers::said;
use crate::harness::assurance::session;
use crate::harness::databases::{TestDatabase, on_every_database};
use crate::harness::fixture::{SECRET, WRONG};
use crate::harness::{Client, Harness, Wish, hotp, proof, rulebook};

on_every_database!(
    a_kept_decision_is_repeated_only_while_what_it_rests_on_counts,
    a_spent_transaction_is_repeated_until_its_evidence_is_revoked,
    a_requirement_that_is_removed_costs_no_retry_its_verdict,
);

const REQUIREMENTS: &[(&str, &str)] = &[
    ("login", "password and (totp or hotp or recovery_codes)"),
    ("device", "hotp"),
    ("payout", "password for transaction"),
];

async fn server(database: &TestDatabase) -> Harness {
    // Three wrong codes lock a device, and there is no back-off.
    let throttle = ThrottlePolicy { factor: Duration::ZERO, lock_after: 3, ..ThrottlePolicy::default() };
    let policies = Policies { default: Policy { throttle, ..Policy::default() }, ..Policies::default() };
    Harness::start_on(database, Wish { requirements: REQUIREMENTS, policies, ..Wish::default() }).await
}

fn id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

fn asks(subject: &str, device: &str, counter: usize, requirement: &str) -> pb::VerifyRequest {
    pb::VerifyRequest {
        subject: subject.to_owned(),
        device_id: device.to_owned(),
        proof: Some(proof(&hotp(SECRET, counter as u64))),
        context: Some(session("here")),
        requirements: vec![requirement.to_owned()],
        request_id: id(counter),
        ..Default::default()
    }
}

async fn verify(client: &Client, request: &pb::VerifyRequest) -> pb::VerifyResponse {
    client.send("VerificationService/Verify", request).await.unwrap()
}

fn is_satisfied(decision: &pb::Decision) -> bool {
    decision.outcome() == pb::DecisionOutcome::Satisfied
}

/// An event between two retries.
#[derive(Debug, Clone, Copy)]
enum Happens {
    Verify,
    Password,
    RevokeSession,
    SignOut,
    RevokeOne,
    Suspend,
    Resume,
    Lock,
    Unlock,
    Later,
    Delete,
}

fn happenings() -> impl Strategy<Value = Vec<Happens>> {
    use Happens as H;
    let usual = [
        H::Verify,
        H::Verify,
        H::Password,
        H::Password,
        H::RevokeSession,
        H::SignOut,
        H::RevokeOne,
        H::Suspend,
        H::Resume,
        H::Lock,
        H::Unlock,
        H::Later,
    ];
    (prop::collection::vec(prop::sample::select(usual.to_vec()), 4..14), any::<bool>()).prop_map(
        |(mut all, is_deleted)| {
            all.splice(0..0, [H::Password, H::Verify]);
            if is_deleted {
                all.push(H::Delete);
            }
            all
        },
    )
}

/// After whatever happens, a retry of a verification that was decided as satisfied says so if and only if one that is
/// asked anew is satisfied. Its verdict and its evidence stay.
async fn a_kept_decision_is_repeated_only_while_what_it_rests_on_counts(database: TestDatabase) {
    let harness = server(&database).await;
    let client = harness.client().await;
    let mut runner = TestRunner::deterministic();
    let mut repeated_and_not = [0, 0];
    for walk in 0..12 {
        let subject = format!("subject {walk}");
        let device = client.active_hotp(&subject, "token", SECRET).await;
        let mut kept: Vec<(pb::VerifyRequest, pb::VerifyResponse)> = Vec::new();
        let mut counter = 1;
        let happenings = happenings().new_tree(&mut runner).unwrap().current();
        for (place, happens) in happenings.iter().enumerate() {
            match happens {
                Happens::Verify => {
                    let requirement = if counter % 2 == 0 { "login" } else { "device" };
                    let mut request = asks(&subject, &device.id, counter, requirement);
                    request.request_id = id(walk * 1000 + counter);
                    let answer = verify(&client, &request).await;
                    if said(answer.verdict.as_ref()) == "accepted" {
                        counter += 1;
                        if is_satisfied(&answer.decisions[0]) {
                            kept.push((request, answer));
                        }
                    }
                }
                Happens::Password => {
                    client.record(session("here"), &subject, "password").await.unwrap();
                }
                Happens::RevokeSession => {
                    client.revoke(&subject, Selection::Session("here".to_owned())).await;
                }
                Happens::SignOut => {
                    client.revoke(&subject, Selection::Everything(true)).await;
                }
                Happens::RevokeOne => {
                    if let Some((_, answer)) = kept.last() {
                        let evidence = answer.evidence.clone().unwrap().id;
                        client.revoke(&subject, Selection::EvidenceId(evidence)).await;
                    }
                }
                Happens::Suspend | Happens::Resume => {
                    let to = pb::UpdateDeviceRequest {
                        suspended: matches!(happens, Happens::Suspend),
                        ..Default::default()
                    };
                    // Refused where it is locked.
                    let _ = client.update(&device, &["suspended"], to).await;
                }
                Happens::Lock => {
                    for _ in 0..3 {
                        client.says(&subject, &device.id, WRONG).await;
                    }
                }
                Happens::Unlock => {
                    client.unlock(&device).await.unwrap();
                }
                Happens::Later => harness.clock.advance(Duration::from_secs(60)),
                Happens::Delete => {
                    client.delete(&device).await.unwrap();
                }
            }
            for (request, first) in &kept {
                let again = verify(&client, request).await;
                let anew = client.evaluate(session("here"), &subject, &request.requirements[0]).await;
                let context = format!("walk {walk}, {happenings:?}, after {place}");
                assert_eq!((&again.verdict, &again.evidence), (&first.verdict, &first.evidence), "{context}");
                assert_eq!(is_satisfied(&again.decisions[0]), is_satisfied(&anew), "{context}");
                repeated_and_not[usize::from(is_satisfied(&anew))] += 1;
            }
        }
    }
    assert!(repeated_and_not.into_iter().all(|count| count > 10), "{repeated_and_not:?}");
    harness.stop().await;
}

/// Evidence that a request has used up counts for retries of that request, and for nobody else.
async fn a_spent_transaction_is_repeated_until_its_evidence_is_revoked(database: TestDatabase) {
    let harness = server(&database).await;
    let client = harness.client().await;
    for (number, selection) in
        [Selection::Session("here".to_owned()), Selection::Everything(true)].into_iter().enumerate()
    {
        let subject = format!("payer {number}");
        let context = pb::Context { transaction_digest: vec![7; 32], ..session("here") };
        client.record(context.clone(), &subject, "password").await.unwrap();
        let request = pb::EvaluateRequest {
            subject: subject.clone(),
            context: Some(context.clone()),
            requirements: vec!["payout".to_owned()],
            request_id: id(900 + number),
            ..Default::default()
        };
        let evaluate = async || -> pb::EvaluateResponse {
            client.send("AssuranceService/Evaluate", &request).await.unwrap()
        };
        let first = evaluate().await;
        assert!(is_satisfied(&first.decisions[0]));
        assert_eq!(evaluate().await, first, "the retry of what it used up");
        assert!(!is_satisfied(&client.evaluate(context, &subject, "payout").await), "it is used up");
        client.revoke(&subject, selection).await;
        for _ in 0..2 {
            assert!(!is_satisfied(&evaluate().await.decisions[0]), "it was revoked");
        }
    }
    harness.stop().await;
}

async fn a_requirement_that_is_removed_costs_no_retry_its_verdict(database: TestDatabase) {
    let harness = server(&database).await;
    let client = harness.client().await;
    let device = client.active_hotp("alice", "token", SECRET).await;
    let request = asks("alice", &device.id, 1, "device");
    let first = verify(&client, &request).await;
    assert!(is_satisfied(&first.decisions[0]));
    harness.service.replace_rulebook(rulebook(&[("another", "any")]));
    assert_eq!(verify(&client, &request).await, first, "its evidence counts as before");
    client.revoke("alice", Selection::Everything(true)).await;
    let again = verify(&client, &request).await;
    assert_eq!(said(again.verdict.as_ref()), "accepted");
    assert_eq!(again.decisions[0].outcome(), pb::DecisionOutcome::Unavailable);
    // A code is not used up for a question that cannot be answered.
    let unknown = pb::VerifyRequest { request_id: id(77), ..asks("alice", &device.id, 2, "device") };
    let refused = client.send::<pb::VerifyResponse>("VerificationService/Verify", &unknown).await;
    assert_eq!(crate::harness::answers::reason(&refused.unwrap_err()), "REQUIREMENT_NOT_FOUND");
    assert_eq!(client.says("alice", &device.id, &hotp(SECRET, 2)).await, "accepted");
    harness.stop().await;
}
