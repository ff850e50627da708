//! `Evaluate`: what is enough, until when, and what that uses up.

use std::time::Duration;

use countersign::assurance::rulebook::{RuleSource, Rulebook, Source};
use countersign::domain::strength::{FactorType, Strength};
use countersign::wire::pb;
use countersign::wire::pb::DecisionOutcome as Outcome;

use super::{REQUEST, asks, decide, evaluate, server};
use crate::harness::answers::refused;
use crate::harness::assurance::session;
use crate::harness::fixture::SECRET;
use crate::harness::{START, hotp};
use crate::rpc::throttle::moment;

#[tokio::test]
async fn a_satisfied_decision_tells_by_what_and_until_when() {
    let harness = server().await;
    let client = harness.client().await;
    let token = client.active_hotp("alice", "token", SECRET).await;
    let password = client.record(session("here"), "alice", "password").await.unwrap();
    let proved = client.verify_in(session("here"), "alice", &token.id, &hotp(SECRET, 1)).await;
    let decision = decide(&client, "login").await;
    assert_eq!((decision.requirement.as_str(), decision.outcome()), ("login", Outcome::Satisfied));
    let mut ids = [password.id, proved.id.clone()];
    ids.sort();
    let mut told = decision.evidence_ids.clone();
    told.sort();
    assert_eq!(told, ids);
    assert_eq!(decision.valid_until_time, Some(moment(START.plus(Duration::from_secs(24 * 3600)))));
    assert_eq!((decision.plans.len(), decision.explanation.as_str()), (0, "satisfied for 1d"));
    assert_eq!(decision.requirement_revision.len(), 12);
    let soon = decide(&client, "token").await;
    assert_eq!(soon.evidence_ids, [proved.id]);
    assert_eq!(soon.valid_until_time, Some(moment(START.plus(Duration::from_secs(300)))));
    harness.stop().await;
}

#[tokio::test]
async fn what_is_explained_is_only_looked_at() {
    let harness = server().await;
    let client = harness.client().await;
    let here = pb::Context { transaction_digest: vec![7; 32], ..session("here") };
    client.record(here.clone(), "alice", "password").await.unwrap();
    let look = pb::EvaluateRequest { context: Some(here), explain: true, ..asks(&["payout", "login"]) };
    let before = harness.dump().await;
    let answer = evaluate(&client, &look).await.unwrap();
    assert_eq!(harness.dump().await, before);
    assert_eq!(answer.decisions[0].outcome(), Outcome::Satisfied);
    let text = &answer.decisions[0].explanation;
    assert!(text.starts_with("payout: satisfied for 10m\n"), "{text}");
    assert!(!text.contains("here"), "a session is nobody's to read: {text}");
    let text = &answer.decisions[1].explanation;
    assert!(text.starts_with("login: enrollment required: hotp or recovery_codes or totp\n"), "{text}");
    // Once.
    let ask = pb::EvaluateRequest { explain: false, ..look };
    assert_eq!(evaluate(&client, &ask).await.unwrap().decisions[0].outcome(), Outcome::Satisfied);
    assert_eq!(evaluate(&client, &ask).await.unwrap().decisions[0].outcome(), Outcome::StepUpRequired);
    harness.stop().await;
}

#[tokio::test]
async fn a_decision_that_used_something_up_is_given_again_under_its_request_id() {
    let harness = server().await;
    let client = harness.client().await;
    let here = pb::Context { transaction_digest: vec![7; 32], ..session("here") };
    client.record(here.clone(), "alice", "password").await.unwrap();
    let request_id = REQUEST.to_owned();
    let ask = pb::EvaluateRequest { context: Some(here), request_id, ..asks(&["payout"]) };
    let first = evaluate(&client, &ask).await.unwrap();
    assert_eq!(first.decisions[0].outcome(), Outcome::Satisfied);
    harness.clock.advance(Duration::from_secs(60));
    assert_eq!(evaluate(&client, &ask).await.unwrap(), first);
    let another = pb::EvaluateRequest { requirements: vec!["login".to_owned()], ..ask.clone() };
    assert_eq!(refused(&evaluate(&client, &another).await.unwrap_err()), "REQUEST_ID_REUSED");
    let anew = pb::EvaluateRequest { request_id: String::new(), ..ask };
    assert_eq!(evaluate(&client, &anew).await.unwrap().decisions[0].outcome(), Outcome::StepUpRequired);
    harness.stop().await;
}

#[tokio::test]
async fn a_rule_chooses_by_what_the_caller_knows() {
    let harness = server().await;
    let client = harness.client().await;
    let password = Strength { factor_types: vec![FactorType::Knowledge], ..Strength::default() };
    let owned = |(name, text): (&str, &str)| (name.to_owned(), text.to_owned());
    let source = Source {
        methods: vec![("password".to_owned(), password)],
        requirements: [("buy", "password"), ("buy_much", "password and totp")].map(owned).to_vec(),
        rules: vec![RuleSource {
            requirement: "buy".to_owned(),
            when: "amount > 1000".to_owned(),
            instead: "buy_much".to_owned(),
        }],
    };
    harness.service.replace_rulebook(Rulebook::parse(countersign::kinds::infos(), &source).unwrap());
    for (attributes, applied) in [
        (&[("amount", "1000")][..], "buy"),
        (&[("amount", "1001"), ("colour", "red")], "buy_much"),
        (&[], "buy_much"),
        (&[("amount", "a lot")], "buy_much"),
    ] {
        let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let ask = pb::EvaluateRequest { attributes: attributes.collect(), ..asks(&["buy"]) };
        let decision = evaluate(&client, &ask).await.unwrap().decisions.remove(0);
        assert_eq!(decision.requirement, "buy", "{:?}", ask.attributes);
        assert_eq!(decision.applied_requirements, [applied], "{:?}", ask.attributes);
    }
    harness.stop().await;
}
