//! Proofs under a request id that another request has used. The replica that knows the id judges nothing. Another replica
//! finds the id at commit: it counts a wrong code, and uses a right one up.

use std::collections::HashSet;
use std::time::Duration;

use countersign::auth::rpc;
use countersign::domain::context::Context;
use countersign::domain::policy::{Policies, Policy};
use countersign::domain::proof::{Offered, Verdict};
use countersign::domain::refusal::Refusal;
use countersign::domain::secret::{Secret, SecretText};
use countersign::domain::throttle::ThrottlePolicy;
use countersign::error::Error;
use countersign::service::{Once, ResyncAttempt, Tried};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use crate::harness::asking::attempt;
use crate::harness::databases::{TestDatabase, on_every_database};
use crate::harness::fixture::WRONG;
use crate::harness::replica::{Answer, Proving, Replica, SECRET, clock, request_id};
use crate::harness::{hotp, secret_of};

on_every_database!(
    every_attempt_is_counted_once_whatever_its_request_id,
    a_confirmation_and_a_resynchronization_under_a_used_id_count,
);

/// Two replicas without a back-off by device id and without a lock.
async fn replicas(database: &TestDatabase) -> Vec<std::sync::Arc<Replica>> {
    let throttle = ThrottlePolicy { factor: Duration::ZERO, lock_after: 10_000, ..ThrottlePolicy::default() };
    let policies = Policies { default: Policy { throttle, ..Policy::default() }, ..Policies::default() };
    Replica::several(database, 2, &clock(), &policies).await
}

async fn judged(database: &TestDatabase) -> i64 {
    database.events("proof.accepted").await + database.events("proof.rejected").await
}

fn is_reused<T>(answer: &Result<T, Error>) -> bool {
    matches!(answer, Err(Error::Refused(Refusal::RequestIdReused)))
}

/// One attempt: at which replica, under which of a few ids, by device or not, right or wrong.
type Try = (usize, Option<u8>, bool, bool);

async fn every_attempt_is_counted_once_whatever_its_request_id(database: TestDatabase) {
    let replicas = replicas(&database).await;
    let mut runner = TestRunner::deterministic();
    let (mut early, mut late) = (0, 0);
    for walk in 0..6_u8 {
        let proving = replicas[0].hotp(&format!("subject {walk}")).await;
        let mut next = 1;
        let mut known: HashSet<(usize, [u8; 16])> = HashSet::new();
        let tries: Vec<Try> =
            prop::collection::vec((0..2_usize, prop::option::of(0..4_u8), any::<bool>(), any::<bool>()), 30)
                .new_tree(&mut runner)
                .unwrap()
                .current();
        for (place, (replica, id, is_named, is_right)) in tries.iter().enumerate() {
            let request = id.map(|id| [walk + 1, id, 0, 0, 0, 0, 7, 7, 7, 7, 0, 0, 0, 0, 0, 0]);
            let code = if *is_right { hotp(SECRET, next) } else { WRONG.to_owned() };
            let device = is_named.then(|| proving.device.clone());
            let before = judged(&database).await;
            // An attempt without a device waits for a day at most.
            replicas[0].clock.advance(Duration::from_secs(24 * 3600));
            let answer = replicas[*replica].offer_to(device, &proving, &code, request).await;
            let counted = judged(&database).await - before;
            let says = format!("walk {walk}, try {place} of {tries:?}: {answer:?}, {counted} counted");
            let is_known = request.is_some_and(|id| known.contains(&(*replica, id)));
            match &answer {
                Ok(Answer::Fresh(verdict)) => {
                    assert_eq!((counted, *verdict == Verdict::Accepted), (1, *is_right), "{says}");
                }
                Ok(Answer::Again(_)) => assert_eq!(counted, 0, "{says}"),
                refused => {
                    assert!(is_reused(refused), "{says}");
                    assert_eq!(counted, i64::from(!is_known), "{says}");
                    if is_known { early += 1 } else { late += 1 }
                }
            }
            if *is_right && counted == 1 {
                // A right code that was judged is used up, also if its request was refused.
                let again = replicas[*replica].offer(&proving, &code).await.unwrap();
                assert!(matches!(again, Verdict::Rejected { .. }), "{says}: {again:?}");
                next += 1;
            }
            known.extend(request.map(|id| (*replica, id)));
        }
    }
    assert!(early > 5 && late > 5, "{early} {late}");
}

async fn a_confirmation_and_a_resynchronization_under_a_used_id_count(database: TestDatabase) {
    let replicas = replicas(&database).await;
    let other = &replicas[1];
    let id = [9, 0, 0, 0, 0, 0, 7, 7, 7, 7, 0, 0, 0, 0, 0, 0];
    let token = replicas[0].hotp("alice").await;
    replicas[0].offer_as(&token, WRONG, Some(id)).await.unwrap();
    let once = || {
        Some(Once {
            id: request_id(id),
            asked: Secret::new(b"another".to_vec()),
            encode: Box::new(|_: &Tried| Ok(Secret::new(Vec::new()))),
        })
    };
    let pending = Proving::of(&other.enroll_in("alice", "another", None).await.unwrap());
    let right = hotp(&secret_of("another"), 0);
    for (code, failures) in [(WRONG, 1), (right.as_str(), 0)] {
        // A new replica each time, since the one before knows the id.
        let fresh = Replica::start(&database, &other.clock, Policies::default()).await;
        let offered = attempt(&pending, code, &Context::default());
        let offered = countersign::service::Attempt { context: None, ..offered };
        let grant = fresh.grant::<rpc::ConfirmDevice>();
        fresh.clock.advance(Duration::from_secs(60));
        let answer = fresh.service.confirm(&grant, &offered, &pending.device, once()).await;
        assert!(is_reused(&answer.map(drop)));
        assert_eq!(other.device(&pending).await.failures.count, failures, "{code}");
    }
    let codes = [WRONG, WRONG].map(|code| Offered::Code(SecretText::new(code.to_owned())));
    let resync =
        ResyncAttempt { subject: token.subject.clone(), device: token.device.clone(), codes: codes.to_vec() };
    let before = other.device(&token).await.failures.count;
    let grant = other.grant::<rpc::ResyncDevice>();
    let answer = other.service.resync(&grant, &resync, once()).await;
    assert!(is_reused(&answer.map(drop)));
    assert_eq!(other.device(&token).await.failures.count, before + 1);
}
