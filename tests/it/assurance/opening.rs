//! The first set-up goes through in one session, in any order, and opens nothing for another.

mod model;

use std::sync::Arc;
use std::time::Duration;

use countersign::domain::context::Context;
use countersign::domain::ids::SessionId;
use countersign::domain::proof::Verdict;
use countersign::service::Revocation;

use super::{is_step_up, replica};
use crate::harness::asking::session;
use crate::harness::databases::{TestDatabase, on_every_database};
use crate::harness::replica::Replica;
use crate::harness::rulebook;

on_every_database!(
    an_app_and_recovery_codes_are_set_up_in_one_session_in_either_order,
    another_session_cannot_use_the_opening,
    the_opening_ends_with_time_with_a_revocation_and_with_a_removal,
);

const PENDING_FOR: Duration = Duration::from_secs(15 * 60);
const MICROSECOND: Duration = Duration::from_micros(1);

/// Guards that nobody here ever satisfies: so whatever passes, passes without evidence.
const GUARDS: &[(&str, &str)] = &[
    ("countersign.enroll", "password within 1m"),
    ("countersign.remove", "password within 1m"),
    ("countersign.recover", "password within 1m"),
];

async fn strict(database: &TestDatabase) -> Arc<Replica> {
    let replica = replica(database).await;
    replica.service.replace_rulebook(rulebook(GUARDS));
    replica
}

async fn an_app_and_recovery_codes_are_set_up_in_one_session_in_either_order(database: TestDatabase) {
    let here = session("here");
    for (guards, replica) in [("default", replica(&database).await), ("strict", strict(&database).await)] {
        // As most applications do it: the app is confirmed last.
        let name = format!("shows codes first, {guards}");
        let app = replica.enroll_fresh(&name, "app", Some(&here)).await.unwrap();
        replica.issue_in(&name, Some(&here)).await.unwrap();
        let confirmed = replica.confirm_fresh(&app, Some(&here)).await.unwrap();
        assert_eq!(confirmed.verdict, Verdict::Accepted, "{name}");

        let name = format!("confirms first, {guards}");
        replica.active_fresh(&name, "app", Some(&here)).await.unwrap();
        replica.issue_in(&name, Some(&here)).await.unwrap();
        replica.issue_in(&name, Some(&here)).await.unwrap();

        let name = format!("has codes before anything else, {guards}");
        replica.enroll_codes(&name, "codes", 5, Some(&here)).await.unwrap();
        replica.active_fresh(&name, "app", Some(&here)).await.unwrap();
    }
}

async fn another_session_cannot_use_the_opening(database: TestDatabase) {
    let replica = strict(&database).await;
    let (here, thief) = (session("here"), session("of a thief"));
    for first in ["codes", "an app"] {
        // Enrolled while there was nothing to guard.
        let theirs = replica.enroll_fresh(first, "theirs", Some(&thief)).await.unwrap();
        match first {
            "codes" => replica.issue_in(first, Some(&here)).await.map(drop).unwrap(),
            _ => replica.active_fresh(first, "hers", Some(&here)).await.map(drop).unwrap(),
        }
        for elsewhere in [&thief, &Context::default()] {
            assert!(is_step_up(&replica.confirm_fresh(&theirs, Some(elsewhere)).await), "{first}");
            assert!(is_step_up(&replica.enroll_fresh(first, "more", Some(elsewhere)).await), "{first}");
            assert!(is_step_up(&replica.issue_in(first, Some(elsewhere)).await), "{first}");
        }
        // Refused calls have not ended the set-up.
        replica.enroll_fresh(first, "hers too", Some(&here)).await.unwrap();
    }
    // A first device that was made without a session opens no set-up.
    replica.issue_in("nowhere", Some(&Context::default())).await.unwrap();
    assert!(is_step_up(&replica.issue_in("nowhere", Some(&Context::default())).await));
}

async fn the_opening_ends_with_time_with_a_revocation_and_with_a_removal(database: TestDatabase) {
    let replica = strict(&database).await;
    let here = session("here");
    let id = SessionId::trusted("here");
    let enroll = async |name: &str| replica.enroll_fresh(name, "more", Some(&here)).await;
    let issue = async |name: &str| replica.issue_in(name, Some(&here)).await.unwrap();

    issue("late").await;
    replica.clock.advance(PENDING_FOR - MICROSECOND);
    enroll("late").await.unwrap();
    replica.clock.advance(MICROSECOND);
    assert!(is_step_up(&enroll("late").await));

    for (name, revocation, is_over) in [
        ("everything", Revocation::Everything, true),
        ("this session", Revocation::Session(id.clone()), true),
        ("another session", Revocation::Session(SessionId::trusted("there")), false),
    ] {
        issue(name).await;
        assert_eq!(replica.revoke(name, revocation).await, 0, "nothing was proved");
        assert_eq!(is_step_up(&enroll(name).await), is_over, "{name}");
    }

    // A removal, a resumption and what an operator adds are somebody else's decisions.
    let list = issue("one removed").await;
    let other = replica.active_fresh("one removed", "other", Some(&here)).await.unwrap();
    assert!(is_step_up(&replica.delete_in(&other, Some(&here)).await), "it is for adding only");
    replica.delete_in(&list, None).await.unwrap();
    assert!(is_step_up(&enroll("one removed").await));
    let list = issue("one suspended").await;
    assert!(is_step_up(&replica.suspend_in(&list, true, Some(&here)).await));
    replica.suspend_in(&list, true, None).await.unwrap();
    assert!(is_step_up(&enroll("one suspended").await));
    assert!(is_step_up(&replica.suspend_in(&list, false, Some(&here)).await));
    issue("one added").await;
    replica.active_fresh("one added", "by an operator", None).await.unwrap();
    assert!(is_step_up(&enroll("one added").await));

    // The next first device opens again.
    let list = issue("again").await;
    replica.delete_in(&list, None).await.unwrap();
    issue("again").await;
    enroll("again").await.unwrap();
}
