//! The guard of enrollments allows every enrollment that Evaluate asks for, and no other.

mod user;

use countersign::domain::decision::Decision;
use countersign::domain::refusal::Refusal;
use countersign::error::Error;

use super::replica;
use crate::harness::asking::session;
use crate::harness::databases::{TestDatabase, on_every_database};

on_every_database!(who_has_only_used_codes_left_needs_an_operator,);

async fn who_has_only_used_codes_left_needs_an_operator(database: TestDatabase) {
    let replica = replica(&database).await;
    let here = session("here");
    replica.password("alice", &here).await;
    let list = replica.enroll_codes("alice", "codes", 1, None).await.unwrap();
    replica.prove(&list, 0, &session("elsewhere")).await;
    for requirement in ["device", "login", "strong", "lasting", "countersign.enroll", "countersign.remove"] {
        let decision = replica.decision("alice", &here, requirement).await;
        let Decision::Unavailable { reason, retry_at: None } = decision else {
            panic!("{requirement}: {decision:?}");
        };
        assert!(reason.contains("an operator must help"), "{reason}");
    }
    assert!(replica.holds("alice", &here, "knows").await);
    for refused in [
        replica.enroll_fresh("alice", "app", Some(&here)).await.map(drop),
        replica.issue_in("alice", Some(&here)).await.map(drop),
        replica.delete_in(&list, Some(&here)).await,
    ] {
        assert!(matches!(told(refused), Decision::Unavailable { retry_at: None, .. }));
    }
    // An operator removes the list.
    replica.delete_in(&list, None).await.unwrap();
    assert!(matches!(
        replica.decision("alice", &here, "device").await,
        Decision::EnrollmentRequired { plans, .. } if plans.is_empty()
    ));
    replica.active_fresh("alice", "app", Some(&here)).await.unwrap();
    assert!(replica.holds("alice", &here, "login").await);
}

/// The decision in the refusal of a guarded call.
fn told<T: std::fmt::Debug>(answer: Result<T, Error>) -> Decision {
    match answer {
        Err(Error::Refused(Refusal::StepUpRequired(decided))) => decided.decision,
        other => panic!("{other:?}"),
    }
}
