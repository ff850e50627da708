//! The limit of devices per subject: unfinished enrollments do not use it up, and what is advised fits under it.

use std::sync::Arc;
use std::time::Duration;

use countersign::domain::decision::Decision;
use countersign::domain::policy::Policy;
use countersign::domain::refusal::Refusal;
use countersign::error::Error;

use super::replica_with;
use crate::harness::asking::{question, session};
use crate::harness::databases::{TestDatabase, on_every_database};
use crate::harness::replica::{Proving, Replica};
use crate::harness::rulebook;

on_every_database!(
    unfinished_enrollments_do_not_use_the_limit_up,
    an_unfinished_enrollment_makes_room_beside_a_device_in_use,
    who_has_as_many_as_allowed_is_told_to_remove_one,
    who_cannot_remove_one_needs_an_operator,
    two_new_devices_need_room_for_both,
);

async fn server(database: &TestDatabase, devices_per_subject: u32) -> Arc<Replica> {
    let enrollment_grace = Some(Duration::from_secs(3600));
    let replica =
        replica_with(database, Policy { devices_per_subject, enrollment_grace, ..Policy::default() }).await;
    replica.service.replace_rulebook(rulebook(&[
        ("device", "hotp"),
        ("two", "distinct(hotp, hotp)"),
        ("three", "distinct(hotp, hotp, hotp)"),
    ]));
    replica
}

fn is_limit<T>(answer: &Result<T, Error>) -> bool {
    matches!(answer, Err(Error::Refused(Refusal::DeviceLimit { .. })))
}

/// Why nothing can be done now.
async fn reason(replica: &Replica, requirement: &str) -> String {
    match replica.decision("alice", &session("here"), requirement).await {
        Decision::Unavailable { reason, retry_at: None } => reason,
        other => panic!("{other:?}"),
    }
}

async fn unfinished_enrollments_do_not_use_the_limit_up(database: TestDatabase) {
    let replica = server(&database, 3).await;
    let here = session("here");
    let mut enrolled = Vec::new();
    for number in 0..10 {
        // A password is enough for each: nothing guards the subject yet.
        enrolled.push(replica.enroll_in("alice", &format!("device {number}"), Some(&here)).await.unwrap());
        replica.clock.advance(Duration::from_secs(1));
        let decisions = replica.asked("alice", &here, &question(&["device"])).await.unwrap();
        let decided = &decisions.each[0];
        assert!(matches!(decided.decision, Decision::EnrollmentRequired { .. }), "{decided:?}");
        assert!(decided.grace_until.is_some());
    }
    assert_eq!(database.count("device").await, 3);
    assert_eq!(database.events("device.expired").await, 7);
    // The oldest are gone, and the last three can be finished.
    let gone = replica.confirm_in(&enrolled[6], Some(&here)).await;
    assert!(matches!(gone, Err(Error::Refused(Refusal::DeviceNotFound))), "{gone:?}");
    for device in &enrolled[7..] {
        replica.confirm_in(device, Some(&here)).await.unwrap();
    }
    let refused = replica.enroll_in("alice", "one more", Some(&here)).await;
    assert!(is_limit(&refused), "{refused:?}");
}

async fn an_unfinished_enrollment_makes_room_beside_a_device_in_use(database: TestDatabase) {
    let replica = server(&database, 2).await;
    let here = session("here");
    let token = replica.active_in("alice", "token", None).await;
    replica.enroll_in("alice", "never finished", None).await.unwrap();
    replica.prove(&token, 0, &here).await;
    let decision = replica.decision("alice", &here, "two").await;
    assert!(
        matches!(&decision, Decision::EnrollmentRequired { plans, .. } if plans.is_empty()),
        "{decision:?}"
    );
    let second = replica.active_in("alice", "second", Some(&here)).await;
    replica.prove(&second, 0, &here).await;
    assert!(replica.holds("alice", &here, "two").await);
    assert_eq!(database.events("device.expired").await, 1);
}

async fn who_has_as_many_as_allowed_is_told_to_remove_one(database: TestDatabase) {
    let replica = server(&database, 2).await;
    let here = session("here");
    let token = replica.active_in("alice", "token", None).await;
    let list = replica.enroll_codes("alice", "codes", 5, None).await.unwrap();
    replica.prove(&token, 0, &here).await;
    let told = "a device must be enrolled, and the subject has as many as allowed: remove one first";
    assert_eq!(reason(&replica, "two").await, told);
    let refused = replica.enroll_in("alice", "second", Some(&here)).await;
    assert!(is_limit(&refused), "{refused:?}");
    replica.delete_in(&list, Some(&here)).await.unwrap();
    let decision = replica.decision("alice", &here, "two").await;
    assert!(matches!(decision, Decision::EnrollmentRequired { .. }), "{decision:?}");
    replica.active_in("alice", "second", Some(&here)).await;
}

async fn who_cannot_remove_one_needs_an_operator(database: TestDatabase) {
    let replica = server(&database, 1).await;
    let list: Proving = replica.enroll_codes("alice", "codes", 1, None).await.unwrap();
    replica.prove(&list, 0, &session("elsewhere")).await;
    let told = "a device must be enrolled, and the subject has as many as allowed: an operator must help";
    assert_eq!(reason(&replica, "device").await, told);
    replica.delete_in(&list, None).await.unwrap();
    replica.active_in("alice", "token", Some(&session("here"))).await;
}

async fn two_new_devices_need_room_for_both(database: TestDatabase) {
    let replica = server(&database, 3).await;
    let here = session("here");
    replica.active_in("alice", "token", None).await;
    let list = replica.enroll_codes("alice", "codes", 5, None).await.unwrap();
    assert!(reason(&replica, "three").await.ends_with("remove one first"));
    assert!(matches!(replica.decision("alice", &here, "two").await, Decision::EnrollmentRequired { .. }));
    replica.delete_in(&list, None).await.unwrap();
    assert!(matches!(replica.decision("alice", &here, "three").await, Decision::EnrollmentRequired { .. }));
}
