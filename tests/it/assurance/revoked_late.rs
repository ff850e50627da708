//! Evidence that is recorded after a sign-out, of its session or everywhere, does not count if it was proved at or before
//! it. Random steps, one after the other and all at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use countersign::auth::rpc;
use countersign::domain::context::Reach;
use countersign::domain::evidence::Evidence;
use countersign::domain::ids::{EvidenceId, SessionId, Subject};
use countersign::domain::moment::Moment;
use countersign::env::Clock as _;
use countersign::error::Error;
use countersign::service::{Revocation, Testimony};
use countersign::wire::pb;
use countersign::wire::pb::revoke_evidence_request::Selection;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tonic::Code;

use super::replicas;
use crate::harness::answers::refused;
use crate::harness::asking::{attempt, fresh, session};
use crate::harness::databases::{Engine, TestDatabase, on_every_database};
use crate::harness::replica::{Proving, Replica};
use crate::harness::{Client, Harness, START, Wish, assurance};

on_every_database!(
    nothing_proved_before_a_revocation_counts_after_it,
    what_was_proved_before_a_sign_out_is_refused_by_its_field,
    a_revocation_of_a_session_is_kept_as_long_as_evidence_could_count,
);

const SECOND: Duration = Duration::from_secs(1);

#[derive(Debug, Clone)]
enum Act {
    /// Records a password that was checked so many seconds ago. `None`: now.
    Record {
        session: usize,
        ago: Option<u64>,
    },
    Verify {
        session: usize,
    },
    /// Revokes the evidence of that number, if there is so much.
    RevokeOne(usize),
    RevokeSession(usize),
    RevokeEverything,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        5 => (0..2usize, option::weighted(0.8, 0..6u64)).prop_map(|(session, ago)| Act::Record { session, ago }),
        3 => (0..2usize).prop_map(|session| Act::Verify { session }),
        1 => (0..6usize).prop_map(Act::RevokeOne),
        2 => (0..2usize).prop_map(Act::RevokeSession),
        1 => Just(Act::RevokeEverything),
    ]
}

/// The expected state of a subject.
#[derive(Default)]
struct Known {
    /// Evidence, and true if its request named a time.
    given: Vec<(Evidence, bool)>,
    /// The evidence that was revoked by its id.
    taken: Vec<EvidenceId>,
    next_code: usize,
}

/// The result of an act.
enum Done {
    Given(Box<Evidence>, bool),
    Taken(EvidenceId),
    Nothing,
}

async fn nothing_proved_before_a_revocation_counts_after_it(database: TestDatabase) {
    let cases = if database.engine == Engine::Sqlite { 64 } else { 24 };
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let replicas = replicas(&database, 2).await;
    let counted = AtomicU32::new(0);
    let tried = TestRunner::new(config).run(&vec(vec(act(), 1..4), 1..10), |steps| {
        tokio::task::block_in_place(|| {
            Handle::current().block_on(tell(&database, &replicas, steps, &counted))
        })
    });
    if let Err(error) = tried {
        panic!("{error}");
    }
    assert!(counted.into_inner() > cases / 2, "the control: what was proved after it counts");
}

async fn tell(
    database: &TestDatabase,
    replicas: &[Arc<Replica>],
    steps: Vec<Vec<Act>>,
    counted: &AtomicU32,
) -> Result<(), TestCaseError> {
    static CASE: AtomicU32 = AtomicU32::new(0);
    let subject = format!("subject {}", CASE.fetch_add(1, Ordering::Relaxed));
    let device = replicas[0].active_in(&subject, "token", None).await;
    let mut known = Known::default();
    for acts in steps {
        together(replicas, &device, acts, &mut known).await?;
        replicas[0].clock.advance(SECOND);
    }
    let moment = async |sql: &str| {
        let rows = database.rows(&format!("SELECT {sql} AND subject = '{subject}'")).await;
        rows.first().and_then(|row| row.try_get_by_index::<Option<i64>>(0).unwrap())
    };
    let signed_out = moment("signed_out_at FROM subject WHERE 1 = 1").await;
    let listed = replicas[1].evidence(&subject, None).await;
    for one in &listed {
        let name = one.binding.session.as_ref().unwrap();
        let ended = moment(&format!("revoked_at FROM revocation WHERE session = '{}'", name.as_str())).await;
        let is_explicit = known.given.iter().any(|(given, explicit)| *explicit && given.id == one.id);
        let least = signed_out.max(ended).map(|at| if is_explicit { at + 1 } else { at });
        let proved = one.verified_at.micros();
        prop_assert!(least.is_none_or(|least| proved >= least), "{one:?} counts after {least:?}");
        prop_assert!(!known.taken.contains(&one.id), "{one:?} was taken back");
    }
    counted.fetch_add(u32::try_from(listed.len()).unwrap(), Ordering::Relaxed);
    Ok(())
}

/// Carries out all acts at the same time, while the clock moves on.
async fn together(
    replicas: &[Arc<Replica>],
    device: &Proving,
    acts: Vec<Act>,
    known: &mut Known,
) -> Result<(), TestCaseError> {
    let mut under_way = JoinSet::new();
    for (number, act) in acts.into_iter().enumerate() {
        let (replica, device) = (replicas[number % replicas.len()].clone(), device.clone());
        if let Act::Verify { .. } = act {
            known.next_code += 1;
        }
        let code = known.next_code.saturating_sub(1);
        let taken = match act {
            Act::RevokeOne(which) => known.given.get(which).map(|(evidence, _)| evidence.id.clone()),
            _ => None,
        };
        under_way.spawn(async move { done(&replica, &device, act, code, taken).await });
    }
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    replicas[0].clock.advance(SECOND);
    while let Some(done) = under_way.join_next().await {
        match done.unwrap() {
            Ok(Done::Given(evidence, is_explicit)) => known.given.push((*evidence, is_explicit)),
            Ok(Done::Taken(id)) => known.taken.push(id),
            Ok(Done::Nothing) | Err(Error::Refused(_)) => {}
            Err(error) => return Err(TestCaseError::fail(format!("{error:?}"))),
        }
    }
    Ok(())
}

async fn done(
    replica: &Replica,
    device: &Proving,
    act: Act,
    code: usize,
    taken: Option<EvidenceId>,
) -> Result<Done, Error> {
    let subject = device.subject.as_str();
    let name = |number: usize| format!("session {number}");
    match act {
        Act::Record { session, ago } => {
            let at = ago.map(|ago| replica.clock.now().minus(Duration::from_secs(ago)));
            let evidence = record(replica, subject, &name(session), at).await?;
            Ok(Done::Given(Box::new(evidence), ago.is_some()))
        }
        Act::Verify { session: number } => {
            let Some(code) = device.codes.get(code) else { return Ok(Done::Nothing) };
            let tried = replica.attempted(&attempt(device, code, &session(&name(number)))).await?;
            Ok(tried.evidence.map_or(Done::Nothing, |evidence| Done::Given(Box::new(evidence), false)))
        }
        Act::RevokeOne(_) => {
            let Some(id) = taken else { return Ok(Done::Nothing) };
            replica.revoke(subject, Revocation::One(id.clone())).await;
            Ok(Done::Taken(id))
        }
        Act::RevokeSession(number) => {
            replica.revoke(subject, Revocation::Session(SessionId::trusted(&name(number)))).await;
            Ok(Done::Nothing)
        }
        Act::RevokeEverything => {
            replica.revoke(subject, Revocation::Everything).await;
            Ok(Done::Nothing)
        }
    }
}

/// Records a password that was checked at that moment.
async fn record(replica: &Replica, subject: &str, name: &str, at: Option<Moment>) -> Result<Evidence, Error> {
    let testimony = Testimony {
        subject: Subject::parse(subject).unwrap(),
        context: session(name),
        method: "password".to_owned(),
        at,
        source: None,
        amr: Vec::new(),
        reach: Reach::Usual,
    };
    let grant = replica.grant::<rpc::RecordEvidence>();
    replica.service.record_evidence(&grant, &testimony, None).await.map(fresh)
}

/// Records a password over the wire that was checked so many microseconds after the start.
async fn recorded(client: &Client, subject: &str, session: &str, after: i64) -> String {
    let request = pb::RecordEvidenceRequest {
        subject: subject.to_owned(),
        context: Some(assurance::session(session)),
        method: "password".to_owned(),
        verify_time: Some(prost_types::Timestamp {
            seconds: START.secs() + after.div_euclid(1_000_000),
            nanos: i32::try_from(after.rem_euclid(1_000_000) * 1000).unwrap(),
        }),
        ..Default::default()
    };
    match client.send::<pb::RecordEvidenceResponse>("AssuranceService/RecordEvidence", &request).await {
        Ok(_) => "ok".to_owned(),
        Err(refusal) => {
            assert_eq!(refusal.code(), Code::InvalidArgument);
            refused(&refusal)
        }
    }
}

async fn what_was_proved_before_a_sign_out_is_refused_by_its_field(database: TestDatabase) {
    let harness = Harness::start_on(&database, Wish::default()).await;
    let client = harness.client().await;
    // Of each, nothing is known before it is signed out: no device, no evidence.
    for (subject, selection, other) in [
        ("alice", Selection::Session("one".to_owned()), "ok"),
        ("bob", Selection::Everything(true), "INVALID_REQUEST verify_time"),
    ] {
        assert_eq!(client.revoke(subject, selection).await, 0);
        for (after, expected) in [
            (-3_600_000_000, "INVALID_REQUEST verify_time"),
            (-1, "INVALID_REQUEST verify_time"),
            (0, "INVALID_REQUEST verify_time"),
            // By the clock of a caller that is ahead. It would be stored as proved now, at the moment of the sign-out.
            (1, "INVALID_REQUEST verify_time"),
            (4_000_000, "INVALID_REQUEST verify_time"),
        ] {
            assert_eq!(recorded(&client, subject, "one", after).await, expected, "{subject}, {after}");
        }
        assert_eq!(recorded(&client, subject, "two", -1).await, other, "{subject}");
        assert_eq!(recorded(&client, "carol", "one", -1).await, "ok", "another subject's");
        // Without a time in the request, evidence counts even at the moment of the sign-out.
        client.record(assurance::session("one"), subject, "password").await.unwrap();
    }
    harness.clock.advance(Duration::from_micros(1));
    for subject in ["alice", "bob"] {
        for (after, expected) in [(0, "INVALID_REQUEST verify_time"), (1, "ok"), (4_000_000, "ok")] {
            assert_eq!(recorded(&client, subject, "one", after).await, expected, "{subject}, {after}");
        }
    }
    harness.stop().await;
}

async fn a_revocation_of_a_session_is_kept_as_long_as_evidence_could_count(database: TestDatabase) {
    let replicas = replicas(&database, 1).await;
    let longest = countersign::domain::policy::EvidencePolicy::default().longest();
    for _ in 0..2 {
        replicas[0].revoke("alice", Revocation::Session(SessionId::trusted("one"))).await;
        assert_eq!(database.count("revocation").await, 1);
        replicas[0].clock.advance(longest - SECOND);
        assert_eq!(replicas[0].service.sweep().await.unwrap().revocations, 0);
    }
    replicas[0].clock.advance(SECOND);
    assert_eq!(replicas[0].service.sweep().await.unwrap().revocations, 1);
}
