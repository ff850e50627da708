//! Requirements that can be met together in very many ways.

use countersign::assurance::rulebook::{Rulebook, Source};
use countersign::domain::strength::{FactorType, Strength};
use countersign::wire::pb;
use countersign::wire::pb::DecisionOutcome as Outcome;

use super::{asks, evaluate};
use crate::harness::Harness;
use crate::harness::assurance::session;

/// A rulebook of 16 requirements, each of which can be met by seven of 28 methods.
fn sixteen_over_28() -> Rulebook {
    sixteen(7, |n, k| n * 5 + k * k * 3 + k * n)
}

/// A rulebook of 16 requirements, each of which can be met by so many of 28 methods: these, by the number of the
/// requirement and that of the method in it.
fn sixteen(count: usize, method: impl Fn(usize, usize) -> usize) -> Rulebook {
    let worth = Strength { factor_types: vec![FactorType::Knowledge], ..Strength::default() };
    let methods = |n: usize| (0..count).map(|k| format!("m{}", method(n, k) % 28)).collect::<Vec<_>>();
    let source = Source {
        methods: (0..28).map(|n| (format!("m{n}"), worth.clone())).collect(),
        requirements: (0..16).map(|n| (format!("r{n}"), methods(n).join(" or "))).collect(),
        rules: Vec::new(),
    };
    Rulebook::parse(countersign::kinds::infos(), &source).unwrap()
}

#[tokio::test]
async fn what_is_too_much_together_is_decided_one_by_one() {
    let harness = Harness::start().await;
    harness.service.replace_rulebook(sixteen_over_28());
    let client = harness.client().await;
    let names: Vec<String> = (0..16).map(|n| format!("r{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let answer = evaluate(&client, &asks(&names)).await.unwrap();
    assert_eq!(answer.decisions.len(), 16);
    for decision in &answer.decisions {
        assert_eq!(decision.outcome(), Outcome::StepUpRequired);
        assert!(decision.plans.iter().all(|plan| plan.steps.len() == 1), "{decision:?}");
        assert_eq!(decision.plans.len(), 4);
    }
    assert_eq!(answer.joint, None);
    assert_eq!(answer.joint_absence(), pb::JointAbsence::TooComplex);
    // Few of them are decided together.
    let answer = evaluate(&client, &asks(&names[..2])).await.unwrap();
    assert_eq!(answer.joint_absence(), pb::JointAbsence::Unspecified);
    assert_eq!(answer.joint.unwrap().outcome(), Outcome::StepUpRequired);
    harness.stop().await;
}

#[tokio::test]
async fn explanations_are_bounded_however_much_evidence_there_is() {
    let harness = Harness::start().await;
    harness.service.replace_rulebook(sixteen(14, |n, k| 2 * n + k));
    let client = harness.client().await;
    for number in 0..200 {
        let (here, method) = (session(&format!("session {number}")), format!("m{}", number % 28));
        client.record(here, "alice", &method).await.unwrap();
    }
    let names: Vec<String> = (0..16).map(|n| format!("r{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for context in ["session 0", "elsewhere"] {
        let request = pb::EvaluateRequest { explain: true, context: Some(session(context)), ..asks(&names) };
        let answer = evaluate(&client, &request).await.unwrap();
        let lengths: Vec<usize> = answer.decisions.iter().map(|one| one.explanation.len()).collect();
        assert!(lengths.iter().all(|length| *length <= 16 << 10), "{lengths:?}");
        // Each is cut, at a line: all of them together reach the bound.
        let sum: usize = lengths.iter().sum();
        assert!((60 << 10..=64 << 10).contains(&sum), "{sum}: {lengths:?}");
        let text = &answer.decisions[0].explanation;
        assert!(text.contains("it was given in another session\n        … and 3 more\n"), "{text}");
    }
    harness.stop().await;
}
