//! A list of recovery codes is a device and makes codes: to enroll one needs what both guards ask for.

use std::sync::Arc;

use countersign::domain::decision::{Decision, Plan, Step};
use countersign::domain::refusal::Refusal;
use countersign::error::Error;

use super::replica;
use crate::harness::asking::session;
use crate::harness::databases::{TestDatabase, on_every_database};
use crate::harness::replica::Replica;
use crate::harness::rulebook;

on_every_database!(
    a_list_is_enrolled_only_by_what_both_guards_ask_for,
    the_first_set_up_may_enroll_a_list,
    if_only_codes_would_help_the_plans_hold_what_both_guards_ask_for,
    codes_that_need_more_than_other_devices_are_not_advised_beside_them,
);

const CODES: &str = "recovery_codes within 10m";
const CODES_OR_APP: &str = "(recovery_codes or totp) within 10m";

async fn with_guards(database: &TestDatabase, enroll: &str, recover: &str) -> Arc<Replica> {
    let replica = replica(database).await;
    replica.service.replace_rulebook(rulebook(&[
        ("countersign.enroll", enroll),
        ("countersign.recover", recover),
        ("codes", CODES),
        ("either", CODES_OR_APP),
    ]));
    replica
}

/// The guard that refused.
fn asks<T: std::fmt::Debug>(answer: Result<T, Error>) -> String {
    match answer {
        Err(Error::Refused(Refusal::StepUpRequired(decided))) => decided.requirement,
        other => panic!("{other:?}"),
    }
}

async fn a_list_is_enrolled_only_by_what_both_guards_ask_for(database: TestDatabase) {
    let (less, more) = ("hotp within 10m", "hotp within 10m and password within 10m");
    for (enroll, recover, refuses) in
        [(less, more, "countersign.recover"), (more, less, "countersign.enroll")]
    {
        let replica = with_guards(&database, enroll, recover).await;
        let here = session("here");
        let token = replica.active_in(refuses, "token", None).await;
        replica.prove(&token, 0, &here).await;
        assert_eq!(asks(replica.enroll_codes(refuses, "codes", 5, Some(&here)).await), refuses);
        if enroll == more {
            // A first list adds a device, too.
            assert_eq!(asks(replica.issue_in(refuses, Some(&here)).await), refuses);
        }
        let app = replica.enroll_in(refuses, "app", Some(&here)).await;
        assert_eq!(app.is_ok(), enroll == less, "{app:?}");
        replica.password(refuses, &here).await;
        replica.enroll_codes(refuses, "codes", 5, Some(&here)).await.unwrap();
        replica.enroll_codes(refuses, "codes of an operator", 5, None).await.unwrap();
    }
}

async fn the_first_set_up_may_enroll_a_list(database: TestDatabase) {
    let replica = with_guards(&database, "password within 1m", "sso within 1m").await;
    let (here, elsewhere) = (session("here"), session("elsewhere"));
    replica.enroll_codes("first", "codes", 5, Some(&here)).await.unwrap();
    replica.active_fresh("second", "app", Some(&here)).await.unwrap();
    replica.enroll_codes("second", "codes", 5, Some(&here)).await.unwrap();
    for name in ["first", "second"] {
        let refused = replica.enroll_codes(name, "more codes", 5, Some(&elsewhere)).await;
        assert_eq!(asks(refused), "countersign.enroll");
    }
}

/// The steps of each plan, by kind or method.
fn steps(plans: &[Plan]) -> Vec<Vec<String>> {
    let name = |step: &Step| match step {
        Step::Device { kind, .. } => kind.as_str().to_owned(),
        Step::External(name) => name.as_str().to_owned(),
    };
    plans.iter().map(|plan| plan.steps.iter().map(name).collect()).collect()
}

/// The ways to enroll, and the steps before.
async fn advice(replica: &Replica, requirement: &str) -> (Vec<Vec<String>>, Vec<Vec<String>>) {
    match replica.decision("alice", &session("here"), requirement).await {
        Decision::EnrollmentRequired { ways, plans } => {
            let names = ways.iter().map(|way| way.iter().map(|kind| kind.as_str().to_owned()).collect());
            (names.collect(), steps(&plans))
        }
        other => panic!("{other:?}"),
    }
}

async fn if_only_codes_would_help_the_plans_hold_what_both_guards_ask_for(database: TestDatabase) {
    let replica = with_guards(&database, "hotp within 10m", "password within 10m").await;
    let here = session("here");
    let token = replica.active_in("alice", "token", None).await;
    let (ways, plans) = advice(&replica, "codes").await;
    assert_eq!(ways, [["recovery_codes"]]);
    assert_eq!(plans, [["password", "hotp"]]);
    replica.prove(&token, 0, &here).await;
    assert_eq!(advice(&replica, "codes").await.1, [["password"]]);
    replica.password("alice", &here).await;
    assert_eq!(advice(&replica, "codes").await.1, [] as [Vec<String>; 0]);
    replica.enroll_codes("alice", "codes", 5, Some(&here)).await.unwrap();
}

async fn codes_that_need_more_than_other_devices_are_not_advised_beside_them(database: TestDatabase) {
    let replica = with_guards(&database, "hotp within 10m", "password within 10m").await;
    let here = session("here");
    let token = replica.active_in("alice", "token", None).await;
    let (ways, plans) = advice(&replica, "either").await;
    assert_eq!((ways, plans), (vec![vec!["totp".to_owned()]], vec![vec!["hotp".to_owned()]]));
    replica.prove(&token, 0, &here).await;
    assert_eq!(advice(&replica, "either").await.0, [["totp"]]);
    // Once the guard of recovery codes asks for no more, both would be allowed.
    replica.password("alice", &here).await;
    assert_eq!(advice(&replica, "either").await.0, [["recovery_codes"], ["totp"]]);
}
