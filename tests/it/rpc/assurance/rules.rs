//! Rules that cannot be evaluated, through the API: every requirement that might apply must be satisfied.

use countersign::assurance::rulebook::{RuleSource, Rulebook, Source};
use countersign::domain::strength::{FactorType, Strength};
use countersign::wire::pb;
use countersign::wire::pb::DecisionOutcome as Outcome;

use super::{asks, evaluate, names, plans, server};
use crate::harness::assurance::session;
use crate::harness::fixture::SECRET;
use crate::harness::{Harness, hotp};

fn book() -> Rulebook {
    let known = Strength { factor_types: vec![FactorType::Knowledge], ..Strength::default() };
    let texts =
        [("pay", "password"), ("pay_two", "password and hotp"), ("pay_three", "password and recovery_codes")];
    let rules = [("amount > 1000", "pay_two"), ("country != \"DE\"", "pay_three")];
    Rulebook::parse(
        countersign::kinds::infos(),
        &Source {
            methods: vec![("password".to_owned(), known)],
            requirements: texts.map(|(name, text)| (name.to_owned(), text.to_owned())).to_vec(),
            rules: rules
                .map(|(when, instead)| RuleSource {
                    requirement: "pay".to_owned(),
                    when: when.to_owned(),
                    instead: instead.to_owned(),
                })
                .to_vec(),
        },
    )
    .unwrap()
}

/// The attributes of a request.
fn paying(attributes: &[(&str, &str)]) -> pb::EvaluateRequest {
    let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    pb::EvaluateRequest { attributes: attributes.collect(), ..asks(&["pay"]) }
}

async fn decide(harness: &Harness, request: &pb::EvaluateRequest) -> pb::Decision {
    let answer = evaluate(&harness.client().await, request).await.unwrap();
    let decision = answer.decisions.into_iter().next().unwrap();
    assert_eq!(decision.requirement, "pay");
    decision
}

#[tokio::test]
async fn an_attribute_that_cannot_be_read_leaves_every_rule_in_play_that_it_might_have_matched() {
    let harness = server().await;
    harness.service.replace_rulebook(book());
    let client = harness.client().await;
    let token = client.active_hotp("alice", "token", SECRET).await;
    let (_, codes) = client.list_of_codes("alice", 3).await;
    let names = names(&client).await;
    client.record(session("here"), "alice", "password").await.unwrap();
    client.verify_in(session("here"), "alice", &token.id, &hotp(SECRET, 1)).await;

    // The evidence is enough for pay and pay_two.
    let abroad = decide(&harness, &paying(&[("amount", "5"), ("country", "FR")])).await;
    assert_eq!(abroad.applied_requirements, ["pay_three"]);
    assert_eq!(abroad.outcome(), Outcome::StepUpRequired);
    let spoiled: [&[(&str, &str)]; 3] = [
        &[("country", "FR")],
        &[("amount", "5,00"), ("country", "FR")],
        &[("amount", ""), ("country", "FR")],
    ];
    let mut revisions = Vec::new();
    for attributes in spoiled {
        let decision = decide(&harness, &paying(attributes)).await;
        assert_eq!(decision.applied_requirements, ["pay_two", "pay_three"], "{attributes:?}");
        assert_eq!(decision.outcome(), Outcome::StepUpRequired, "{attributes:?}");
        assert_eq!(plans(&decision, &names), [["recovery_codes: Recovery codes"]]);
        revisions.push(decision.requirement_revision);
    }
    assert!(revisions.iter().all(|revision| *revision == revisions[0] && revision.len() == 12));
    assert_ne!(revisions[0], abroad.requirement_revision);
    // Rules that are false ask for nothing, and a rule that is true ends the walk.
    let nothing = decide(&harness, &paying(&[("amount", "5"), ("country", "DE")])).await;
    assert_eq!((nothing.applied_requirements.len(), nothing.outcome()), (1, Outcome::Satisfied));
    assert_eq!(nothing.applied_requirements, ["pay"]);
    let large = decide(&harness, &paying(&[("amount", "5000")])).await;
    assert_eq!(
        (large.applied_requirements.concat(), large.outcome()),
        ("pay_two".to_owned(), Outcome::Satisfied)
    );

    // An explanation shows each requirement that applies.
    let look = pb::EvaluateRequest { explain: true, ..paying(&[]) };
    let told = decide(&harness, &look).await.explanation;
    for line in ["pay: step-up required", "  pay_two applies", "    [x] all of", "  pay_three applies"] {
        assert!(told.lines().any(|found| found == line), "{line}: {told}");
    }

    // The plan is enough for all of them, and joint decisions are over all of them.
    let both = pb::EvaluateRequest { requirements: vec!["pay".into(), "pay_two".into()], ..paying(&[]) };
    let answer = evaluate(&client, &both).await.unwrap();
    let joint = answer.joint.unwrap();
    assert_eq!((joint.requirement.as_str(), joint.outcome()), ("", Outcome::StepUpRequired));
    assert_eq!(joint.applied_requirements, ["pay_two", "pay_three"]);
    let list = names.iter().find(|(_, name)| *name == "Recovery codes").unwrap().0;
    client.verify_in(session("here"), "alice", list, &codes[0]).await;
    assert_eq!(decide(&harness, &paying(&[])).await.outcome(), Outcome::Satisfied);
    harness.stop().await;
}
