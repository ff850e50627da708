//! Guards take evidence of the session or the client. Evidence for a transaction meets only what says
//! `for transaction`: the user approved a payment, and no change of their devices.

use std::sync::Arc;

use countersign::assurance::rulebook::{RuleSource, Rulebook, Source};
use countersign::domain::context::Context;
use countersign::domain::decision::Decision;
use countersign::domain::refusal::Refusal;
use countersign::domain::strength::{FactorType, Strength};
use countersign::error::Error;

use super::{is_step_up, replica};
use crate::harness::asking::{question, session, with_transaction};
use crate::harness::databases::{TestDatabase, on_every_database};
use crate::harness::replica::{Proving, Replica};
use crate::harness::rulebook;

on_every_database!(
    what_was_given_for_a_transaction_opens_no_guard,
    a_guard_that_refers_to_other_requirements_takes_no_more_than_they_say,
    a_guard_that_says_for_transaction_takes_what_was_given_for_it,
    a_rule_in_place_of_a_guard_guards,
);

const GUARDS: [&str; 3] = ["countersign.enroll", "countersign.remove", "countersign.recover"];

/// A guarded call of each guard.
async fn guarded(replica: &Replica, guard: &str, token: &Proving, context: &Context) -> Result<(), Error> {
    let subject = token.subject.as_str();
    match guard {
        "countersign.enroll" => replica.enroll_in(subject, "another", Some(context)).await.map(drop),
        "countersign.remove" => replica.delete_in(token, Some(context)).await,
        _ => replica.issue_in(subject, Some(context)).await.map(drop),
    }
}

async fn what_was_given_for_a_transaction_opens_no_guard(database: TestDatabase) {
    let replica = replica(&database).await;
    for guard in GUARDS {
        let token = replica.active_in(guard, "token", None).await;
        // Codes are issued into this list: a new one would ask for two guards.
        replica.issue_in(guard, None).await.unwrap();
        let here = with_transaction(&session("here"), 1);
        replica.prove(&token, 0, &here).await;
        let refused = guarded(&replica, guard, &token, &here).await;
        let Err(Error::Refused(Refusal::StepUpRequired(decided))) = refused else { panic!("{guard}") };
        let Decision::Unavailable { reason, .. } = &decided.decision else { panic!("{decided:?}") };
        assert!(reason.ends_with("ask without transaction_digest"), "{reason}");
        // Evaluate and the guard agree, here and in the session.
        let asked = replica.asked(guard, &here, &question(&[guard])).await.unwrap();
        assert_eq!(asked.each, [*decided]);
        let plain = replica.decision(guard, &session("here"), guard).await;
        assert!(matches!(plain, Decision::StepUp { .. }), "{plain:?}");
        // Evidence of the session counts in both contexts.
        replica.prove(&token, 1, &session("here")).await;
        assert!(replica.holds(guard, &here, guard).await, "{guard}");
        guarded(&replica, guard, &token, &here).await.unwrap();
    }
    assert_eq!(database.events("evidence.spent").await, 0);
}

async fn with(database: &TestDatabase, requirements: &[(&str, &str)]) -> Arc<Replica> {
    let replica = replica(database).await;
    replica.service.replace_rulebook(rulebook(requirements));
    replica
}

async fn a_guard_that_refers_to_other_requirements_takes_no_more_than_they_say(database: TestDatabase) {
    let gold = [("gold", "password and hotp"), ("countersign.enroll", "gold within 10m")];
    let replica = with(&database, &gold).await;
    let token = replica.active_in("alice", "token", None).await;
    let here = with_transaction(&session("here"), 1);
    replica.password("alice", &session("here")).await;
    replica.prove(&token, 0, &here).await;
    assert!(is_step_up(&replica.enroll_in("alice", "one", Some(&here)).await));
    assert!(!replica.holds("alice", &here, "countersign.enroll").await);
    // The control: the same text accepts this evidence where it is no guard.
    assert!(replica.holds("alice", &here, "gold").await);
    replica.prove(&token, 1, &session("here")).await;
    assert!(replica.holds("alice", &here, "countersign.enroll").await);
    replica.enroll_in("alice", "one", Some(&here)).await.unwrap();
}

async fn a_guard_that_says_for_transaction_takes_what_was_given_for_it(database: TestDatabase) {
    let mixed = [("countersign.enroll", "password within 10m and hotp for transaction")];
    let replica = with(&database, &mixed).await;
    let token = replica.active_in("alice", "token", None).await;
    let here = with_transaction(&session("here"), 1);
    replica.password("alice", &here).await;
    replica.prove(&token, 0, &here).await;
    assert!(is_step_up(&replica.enroll_in("alice", "one", Some(&here)).await), "leaf by leaf");
    replica.password("alice", &session("here")).await;
    replica.enroll_in("alice", "one", Some(&here)).await.unwrap();
    assert!(is_step_up(&replica.enroll_in("alice", "two", Some(&here)).await), "it is used up");
}

async fn a_rule_in_place_of_a_guard_guards(database: TestDatabase) {
    let replica = replica(&database).await;
    let owned = |(name, text): (&str, &str)| (name.to_owned(), text.to_owned());
    let texts = [("countersign.enroll", "hotp within 10m"), ("strict", "hotp within 5m")];
    let source = Source {
        methods: vec![(
            "password".to_owned(),
            Strength { factor_types: vec![FactorType::Knowledge], ..Strength::default() },
        )],
        requirements: texts.map(owned).to_vec(),
        rules: vec![RuleSource {
            requirement: "countersign.enroll".to_owned(),
            when: "trusted == false".to_owned(),
            instead: "strict".to_owned(),
        }],
    };
    replica.service.replace_rulebook(Rulebook::parse(countersign::kinds::infos(), &source).unwrap());
    let token = replica.active_in("alice", "token", None).await;
    let here = with_transaction(&session("here"), 1);
    replica.prove(&token, 0, &here).await;
    assert!(is_step_up(&replica.enroll_in("alice", "one", Some(&here)).await));
    // The control: the same requirement accepts this evidence where it is no guard.
    assert!(replica.holds("alice", &here, "strict").await);
    replica.prove(&token, 1, &session("here")).await;
    let asked = replica.asked("alice", &here, &question(&["countersign.enroll"])).await.unwrap();
    assert_eq!(asked.each[0].requirement, "countersign.enroll");
    assert_eq!(asked.each[0].applied, ["strict"]);
    replica.enroll_in("alice", "one", Some(&here)).await.unwrap();
}
