//! Retries whose decisions are taken anew: they change nothing, and count no evidence for the transaction but that which
//! their own first answer used up.

use std::time::Duration;

use countersign::domain::policy::{Policies, Policy};
use countersign::wire::pb;
use countersign::wire::pb::revoke_evidence_request::Selection;
use futures_util::future::join_all;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use crate::harness::assurance::session;
use crate::harness::databases::{TestDatabase, on_every_database};
use crate::harness::fixture::SECRET;
use crate::harness::{Client, Harness, Wish, hotp, proof, rulebook};

on_every_database!(
    whatever_happens_retries_change_nothing_and_count_only_their_own_evidence,
    a_payment_beside_a_grace_is_repeated,
    a_grace_that_has_not_begun_does_not_begin_with_a_retry,
    a_retry_after_a_change_of_the_requirements_counts_what_it_used_up,
);

const REQUIREMENTS: &[(&str, &str)] = &[
    ("approved", "hotp within 3s for transaction"),
    ("agreed", "password for transaction"),
    ("device", "totp or hotp"),
    ("app", "totp"),
];

const GRACE: Duration = Duration::from_secs(120);

async fn server(database: &TestDatabase) -> Harness {
    let policies = Policies {
        default: Policy { enrollment_grace: Some(GRACE), ..Policy::default() },
        ..Policies::default()
    };
    Harness::start_on(database, Wish { requirements: REQUIREMENTS, policies, ..Wish::default() }).await
}

fn id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

fn payment() -> pb::Context {
    pb::Context { transaction_digest: vec![7; 32], ..session("here") }
}

/// A request that is sent again.
#[derive(Clone)]
enum Asked {
    Evaluate(pb::EvaluateRequest),
    Verify(pb::VerifyRequest),
}

impl Asked {
    fn evaluate(subject: &str, requirements: &[&str], number: usize) -> Self {
        Self::Evaluate(pb::EvaluateRequest {
            subject: subject.to_owned(),
            context: Some(payment()),
            requirements: requirements.iter().map(|name| (*name).to_owned()).collect(),
            request_id: id(number),
            ..Default::default()
        })
    }

    fn verify(device: &pb::Device, counter: u64, requirements: &[&str], number: usize) -> Self {
        Self::Verify(pb::VerifyRequest {
            subject: device.subject.clone(),
            device_id: device.id.clone(),
            proof: Some(proof(&hotp(SECRET, counter))),
            context: Some(payment()),
            requirements: requirements.iter().map(|name| (*name).to_owned()).collect(),
            request_id: id(number),
            ..Default::default()
        })
    }

    async fn send(&self, client: &Client) -> Vec<pb::Decision> {
        match self {
            Self::Evaluate(request) => {
                let answer: pb::EvaluateResponse =
                    client.send("AssuranceService/Evaluate", request).await.unwrap();
                answer.decisions.into_iter().chain(answer.joint).collect()
            }
            Self::Verify(request) => {
                let answer: pb::VerifyResponse =
                    client.send("VerificationService/Verify", request).await.unwrap();
                answer.decisions.into_iter().chain(answer.joint).collect()
            }
        }
    }
}

fn is_satisfied(decision: &pb::Decision) -> bool {
    decision.outcome() == pb::DecisionOutcome::Satisfied
}

fn evidence_of(decisions: &[pb::Decision]) -> Vec<String> {
    decisions.iter().flat_map(|decision| decision.evidence_ids.clone()).collect()
}

/// What a commit would change.
async fn state(database: &TestDatabase) -> [i64; 4] {
    [
        database.count("event").await,
        database.count("request").await,
        database.count("evidence WHERE spent_at IS NOT NULL").await,
        database.count("subject WHERE graced_at IS NOT NULL").await,
    ]
}

#[derive(Debug, Clone, Copy)]
enum Happens {
    Proved,
    Password,
    Evaluated,
    Verified,
    RevokedOne,
    RevokedSession,
    SignedOut,
    Later,
}

fn happenings() -> impl Strategy<Value = Vec<Happens>> {
    use Happens as H;
    let usual = vec![
        H::Proved,
        H::Proved,
        H::Password,
        H::Evaluated,
        H::Evaluated,
        H::Verified,
        H::RevokedOne,
        H::RevokedSession,
        H::SignedOut,
        H::Later,
        H::Later,
    ];
    prop::collection::vec(prop::sample::select(usual), 8..20)
}

async fn whatever_happens_retries_change_nothing_and_count_only_their_own_evidence(database: TestDatabase) {
    let harness = server(&database).await;
    let client = harness.client().await;
    let mut runner = TestRunner::deterministic();
    let mut outcomes = [0, 0];
    for walk in 0..10 {
        let subject = format!("subject {walk}");
        let device = client.active_hotp(&subject, "token", SECRET).await;
        let mut counter = 0;
        let mut first_answers: Vec<(Asked, Vec<String>)> = Vec::new();
        let happenings = happenings().new_tree(&mut runner).unwrap().current();
        for (number, happens) in happenings.iter().enumerate() {
            let number = walk * 1000 + number;
            let asked = match happens {
                Happens::Proved => {
                    counter += 1;
                    client.verify_in(payment(), &subject, &device.id, &hotp(SECRET, counter)).await;
                    None
                }
                Happens::Password => {
                    client.record(payment(), &subject, "password").await.unwrap();
                    None
                }
                Happens::Evaluated => Some(Asked::evaluate(&subject, &["approved", "agreed"], number)),
                Happens::Verified => {
                    counter += 1;
                    Some(Asked::verify(&device, counter, &["approved", "device"], number))
                }
                Happens::RevokedOne => {
                    if let Some(evidence) = first_answers.last().and_then(|(_, ids)| ids.first()) {
                        client.revoke(&subject, Selection::EvidenceId(evidence.clone())).await;
                    }
                    None
                }
                Happens::RevokedSession => {
                    client.revoke(&subject, Selection::Session("here".to_owned())).await;
                    None
                }
                Happens::SignedOut => {
                    client.revoke(&subject, Selection::Everything(true)).await;
                    None
                }
                Happens::Later => {
                    harness.clock.advance(Duration::from_secs(2));
                    None
                }
            };
            if let Some(asked) = asked {
                let decisions = asked.send(&client).await;
                // What changed nothing is not kept.
                if decisions.iter().any(is_satisfied) {
                    first_answers.push((asked, evidence_of(&decisions)));
                }
            }
            let before = state(&database).await;
            for (asked, own) in &first_answers {
                let retries = join_all((0..3).map(|_| asked.send(&client))).await;
                for decisions in &retries {
                    let used = evidence_of(decisions);
                    assert!(used.iter().all(|id| own.contains(id)), "{happenings:?}, {number}");
                    outcomes[usize::from(decisions.iter().any(is_satisfied))] += 1;
                }
                assert!(retries.iter().all(|decisions| *decisions == retries[0]), "{happenings:?}, {number}");
            }
            assert_eq!(state(&database).await, before, "{happenings:?}, {number}");
        }
    }
    assert!(outcomes.into_iter().all(|count| count > 20), "{outcomes:?}");
    harness.stop().await;
}

async fn a_payment_beside_a_grace_is_repeated(database: TestDatabase) {
    let harness = server(&database).await;
    let client = harness.client().await;
    client.record(payment(), "alice", "password").await.unwrap();
    let asked = Asked::evaluate("alice", &["agreed", "app"], 1);
    let first = asked.send(&client).await;
    assert!(is_satisfied(&first[0]));
    assert!(first[1].grace_until_time.is_some());
    // Another piece that the retry must not count.
    client.record(payment(), "alice", "password").await.unwrap();
    assert_eq!(asked.send(&client).await, first);
    harness.clock.advance(GRACE);
    let late = asked.send(&client).await;
    assert_eq!((is_satisfied(&late[0]), late[1].grace_until_time), (true, None), "the grace is over");
    // The control: for another request there was one more.
    assert!(is_satisfied(&Asked::evaluate("alice", &["agreed"], 2).send(&client).await[0]));
    assert!(!is_satisfied(&Asked::evaluate("alice", &["agreed"], 3).send(&client).await[0]));
    harness.stop().await;
}

async fn a_grace_that_has_not_begun_does_not_begin_with_a_retry(database: TestDatabase) {
    let harness = server(&database).await;
    let client = harness.client().await;
    client.record(payment(), "alice", "password").await.unwrap();
    let asked = Asked::evaluate("alice", &["agreed"], 1);
    assert!(is_satisfied(&asked.send(&client).await[0]));
    client.revoke("alice", Selection::Everything(true)).await;
    // The name now asks for a device only, and the subject never had one.
    harness.service.replace_rulebook(rulebook(&[("agreed", "totp")]));
    let retried = asked.send(&client).await;
    assert_eq!(retried[0].outcome(), pb::DecisionOutcome::EnrollmentRequired);
    assert_eq!(retried[0].grace_until_time, None);
    assert_eq!(database.events("subject.graced").await, 0);
    assert!(client.evaluate(session("here"), "alice", "agreed").await.grace_until_time.is_some());
    // The first answer named no grace. One that has begun counts all the same.
    assert!(asked.send(&client).await[0].grace_until_time.is_some());
    harness.stop().await;
}

async fn a_retry_after_a_change_of_the_requirements_counts_what_it_used_up(database: TestDatabase) {
    let harness = server(&database).await;
    let client = harness.client().await;
    let device = client.active_hotp("alice", "token", SECRET).await;
    client.record(payment(), "alice", "password").await.unwrap();
    let asked = Asked::verify(&device, 1, &["approved", "agreed"], 1);
    assert!(asked.send(&client).await.iter().all(is_satisfied));
    harness.clock.advance(Duration::from_secs(3));
    let renamed = [("approved", "hotp within 1m for transaction"), ("agreed", "sso for transaction")];
    harness.service.replace_rulebook(rulebook(&renamed));
    client.record(payment(), "alice", "sso").await.unwrap();
    let before = state(&database).await;
    let retried = asked.send(&client).await;
    let satisfied: Vec<bool> = retried.iter().map(is_satisfied).collect();
    assert_eq!(satisfied, [true, false, false], "the code counts, and the single sign-on was given later");
    assert_eq!(state(&database).await, before);
    harness.stop().await;
}
