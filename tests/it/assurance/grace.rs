//! The grace: a subject that never had a device is let in for a while, once, if it has proved everything else.

use std::sync::Arc;
use std::time::Duration;

use countersign::domain::context::Context;
use countersign::domain::decision::{Decided, Decision, Plan, Step};
use countersign::domain::ids::SessionId;
use countersign::domain::method::MethodName;
use countersign::domain::moment::Moment;
use countersign::domain::policy::Policy;
use countersign::env::Clock as _;
use countersign::service::{Question, Revocation};
use futures_util::future::join_all;

use super::{REQUIREMENTS, replica, replica_with};
use crate::harness::asking::{question, session};
use crate::harness::databases::{TestDatabase, on_every_database};
use crate::harness::replica::Replica;
use crate::harness::rulebook;

on_every_database!(
    it_begins_with_the_first_decision_and_ends_at_its_moment,
    it_is_not_renewed_by_asking_again_by_a_new_server_or_by_a_sweep,
    it_is_over_with_the_first_device_and_does_not_come_back_when_that_goes,
    a_device_that_was_never_confirmed_does_not_end_it,
    it_is_begun_once_by_many_that_ask_at_once,
    it_is_for_who_lacks_a_device_and_for_nothing_else,
    it_is_for_who_has_proved_everything_else_there_and_then,
    a_grace_means_that_only_devices_are_missing,
    without_a_setting_there_is_none,
);

const GRACE: Duration = Duration::from_secs(14 * 24 * 3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
const MICROSECOND: Duration = Duration::from_micros(1);

fn policy() -> Policy {
    Policy { enrollment_grace: Some(GRACE), ..Policy::default() }
}

async fn decided(replica: &Replica, subject: &str, requirement: &str) -> Decided {
    let decisions = replica.asked(subject, &session("here"), &question(&[requirement])).await.unwrap();
    decisions.each.into_iter().next().unwrap()
}

/// Until when the subject is let in without a device.
async fn grace(replica: &Replica, subject: &str) -> Option<Moment> {
    let decided = decided(replica, subject, "device").await;
    assert!(matches!(decided.decision, Decision::EnrollmentRequired { .. }), "{decided:?}");
    decided.grace_until
}

async fn it_begins_with_the_first_decision_and_ends_at_its_moment(database: TestDatabase) {
    let replica = replica_with(&database, policy()).await;
    // What asks for no device begins nothing, and neither does a look.
    replica.password("alice", &session("here")).await;
    assert!(replica.holds("alice", &session("here"), "knows").await);
    let look = Question { explain: true, ..question(&["device"]) };
    replica.asked("alice", &session("here"), &look).await.unwrap();
    assert_eq!(database.events("subject.graced").await, 0);
    replica.clock.advance(DAY);
    let until = replica.clock.now().plus(GRACE);
    assert_eq!(grace(&replica, "alice").await, Some(until));
    replica.clock.set(Moment::from_micros(until.micros() - 1));
    assert_eq!(grace(&replica, "alice").await, Some(until));
    replica.clock.set(until);
    assert_eq!(grace(&replica, "alice").await, None);
    assert_eq!(database.events("subject.graced").await, 1);
}

async fn it_is_not_renewed_by_asking_again_by_a_new_server_or_by_a_sweep(database: TestDatabase) {
    let first = replica_with(&database, policy()).await;
    let until = grace(&first, "alice").await.unwrap();
    // A failure: without the grace, the sweep would take the subject for a stranger.
    first.offer_any("alice", "000000").await.unwrap();
    let mut server = first;
    for _ in 0..13 {
        server.clock.advance(DAY);
        assert_eq!(grace(&server, "alice").await, Some(until));
        server.service.sweep().await.unwrap();
        server.stop().await;
        let policies = countersign::domain::policy::Policies { default: policy(), ..Default::default() };
        server = Replica::start(&database, &server.clock, policies).await;
        server.service.replace_rulebook(rulebook(REQUIREMENTS));
    }
    server.clock.advance(DAY);
    assert_eq!(grace(&server, "alice").await, None);
    server.service.sweep().await.unwrap();
    assert_eq!(grace(&server, "alice").await, None);
    assert_eq!(database.events("subject.graced").await, 1);
}

async fn it_is_over_with_the_first_device_and_does_not_come_back_when_that_goes(database: TestDatabase) {
    let replica = replica_with(&database, policy()).await;
    let here = session("here");
    for name in ["graced before", "never graced", "with codes"] {
        if name == "graced before" {
            assert!(grace(&replica, name).await.is_some());
        }
        let device = match name {
            "with codes" => replica.issue_in(name, Some(&here)).await.unwrap(),
            _ => replica.active_in(name, "token", Some(&here)).await,
        };
        replica.delete_in(&device, None).await.unwrap();
        assert_eq!(grace(&replica, name).await, None, "{name}");
        replica.clock.advance(2 * DAY);
        replica.service.sweep().await.unwrap();
        assert_eq!(grace(&replica, name).await, None, "{name} after a sweep");
    }
    assert!(grace(&replica, "somebody else").await.is_some());
}

async fn a_device_that_was_never_confirmed_does_not_end_it(database: TestDatabase) {
    let replica = replica_with(&database, policy()).await;
    let until = grace(&replica, "alice").await;
    replica.enroll_in("alice", "token", Some(&session("here"))).await.unwrap();
    assert_eq!(grace(&replica, "alice").await, until);
    replica.clock.advance(DAY);
    assert_eq!(replica.service.sweep().await.unwrap().devices, 1);
    assert_eq!(grace(&replica, "alice").await, until);
    replica.clock.advance(2 * DAY);
    replica.service.sweep().await.unwrap();
    assert_eq!(grace(&replica, "alice").await, until, "after a sweep");
}

async fn it_is_begun_once_by_many_that_ask_at_once(database: TestDatabase) {
    let first = replica_with(&database, policy()).await;
    let mut replicas = vec![first.clone()];
    // Their clocks go a little apart.
    for seconds in [1, 2] {
        let clock = Arc::new(countersign::env::ManualClock::at(first.clock.now()));
        clock.advance(Duration::from_secs(seconds));
        let policies = countersign::domain::policy::Policies { default: policy(), ..Default::default() };
        let replica = Replica::start(&database, &clock, policies).await;
        replica.service.replace_rulebook(rulebook(REQUIREMENTS));
        replicas.push(replica);
    }
    for round in 0..10 {
        let name = format!("subject {round}");
        let told = join_all((0..12).map(|number| grace(&replicas[number % 3], &name))).await;
        assert!(told.iter().all(|until| *until == told[0] && until.is_some()), "{told:?}");
        assert_eq!(database.events("subject.graced").await, round + 1);
    }
}

async fn it_is_for_who_lacks_a_device_and_for_nothing_else(database: TestDatabase) {
    let replica = replica_with(&database, policy()).await;
    replica.active_in("alice", "token", None).await;
    for requirement in ["device", "knows", "login"] {
        let decided = decided(&replica, "alice", requirement).await;
        assert!(matches!(decided.decision, Decision::StepUp { .. }), "{decided:?}");
        assert_eq!(decided.grace_until, None);
    }
    // A password is missing, too: no device could give that.
    let decided = decided(&replica, "bob", "knows").await;
    assert!(matches!(decided.decision, Decision::StepUp { .. }), "{decided:?}");
    assert_eq!(decided.grace_until, None);
    assert_eq!(replica.evidence("bob", Some(&Context::default())).await, []);
    assert_eq!(database.events("subject.graced").await, 0);
}

async fn without_a_setting_there_is_none(database: TestDatabase) {
    let replica = replica(&database).await;
    assert_eq!(grace(&replica, "alice").await, None);
    replica.clock.advance(MICROSECOND);
    assert_eq!(grace(&replica, "alice").await, None);
    assert_eq!(database.events("subject.graced").await, 0);
}

/// A decision for which the subject lacks a device: what else is missing, and the grace.
async fn lacking(
    replica: &Replica,
    subject: &str,
    context: &Context,
    requirement: &str,
) -> (Vec<Plan>, Option<Moment>) {
    let decisions = replica.asked(subject, context, &question(&[requirement])).await.unwrap();
    let decided = decisions.each.into_iter().next().unwrap();
    let Decision::EnrollmentRequired { plans, .. } = decided.decision else { panic!("{decided:?}") };
    (plans, decided.grace_until)
}

async fn it_is_for_who_has_proved_everything_else_there_and_then(database: TestDatabase) {
    let replica = replica_with(&database, policy()).await;
    let (here, there) = (session("here"), session("there"));
    let password = vec![Plan { steps: vec![Step::External(MethodName::trusted("password"))] }];
    let nothing = (password, None);
    let lacks = async |context: &Context| lacking(&replica, "alice", context, "login").await;
    assert_eq!(lacks(&here).await, nothing);
    replica.password("alice", &there).await;
    assert_eq!(lacks(&here).await, nothing, "proved elsewhere");
    assert_eq!(database.events("subject.graced").await, 0);
    let until = replica.clock.now().plus(GRACE);
    replica.password("alice", &here).await;
    assert_eq!(lacks(&here).await, (vec![], Some(until)));
    for revocation in [Revocation::Everything, Revocation::Session(SessionId::trusted("here"))] {
        replica.clock.advance(Duration::from_secs(1));
        replica.revoke("alice", revocation.clone()).await;
        assert_eq!(lacks(&here).await, nothing, "{revocation:?}");
        replica.clock.advance(Duration::from_secs(1));
        replica.password("alice", &here).await;
        assert_eq!(lacks(&here).await, (vec![], Some(until)), "not renewed");
    }
    // The password has run out.
    replica.clock.advance(DAY);
    assert_eq!(lacks(&here).await, nothing);
    assert_eq!(database.events("subject.graced").await, 1);
}

/// Requirements, and the proofs that they ask for beside the fewest new devices.
const WITHOUT_DEVICES: &[(&str, &[&str])] = &[
    ("device", &[]),
    ("password and totp", &["password"]),
    ("password and sso and hotp", &["password", "sso"]),
    ("distinct(knowledge, possession)", &["password"]),
    ("password and (totp or sso) and hotp", &["password", "sso"]),
    ("2 of (password and totp, sso and hotp, hotp)", &["sso"]),
    ("password within 5m and distinct(totp, hotp)", &["password"]),
    ("sso and totp or password and sso and hotp", &["sso"]),
    ("password and 2 of (totp, hotp, sso)", &["password", "sso"]),
];

async fn a_grace_means_that_only_devices_are_missing(database: TestDatabase) {
    let replica = replica_with(&database, policy()).await;
    for (number, (text, asked)) in WITHOUT_DEVICES.iter().enumerate() {
        let text = if *text == "device" { "totp or hotp or recovery_codes" } else { text };
        replica.service.replace_rulebook(rulebook(&[("it", text)]));
        let name = format!("subject {number}");
        let here = session("here");
        let graced = async || {
            let decisions = replica.asked(&name, &here, &question(&["it"])).await.unwrap();
            decisions.each[0].grace_until.is_some()
        };
        for method in *asked {
            assert!(!graced().await, "{text}: {method} is missing");
            replica.record_in(&name, method, &here).await;
        }
        assert!(graced().await, "{text}");
        replica.clock.advance(Duration::from_secs(1));
        replica.revoke(&name, Revocation::Everything).await;
        assert_eq!(graced().await, asked.is_empty(), "{text}, after signing out everywhere");
    }
}
