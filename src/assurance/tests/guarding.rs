//! Requirements that guard devices: evidence for a transaction meets only leaves that say `for transaction`.

use proptest::prelude::*;

use super::deciding::{device, world};
use super::oracle;
use super::texts::{requirement, texts};
use super::worlds::{NOW, TRANSACTION, VOCABULARY, World, evidence, held, worlds};
use crate::assurance::candidate::Candidate;
use crate::assurance::compare::{Relation, compare};
use crate::assurance::decide::decide;
use crate::assurance::explain::explain;
use crate::assurance::requirement::Requirement;
use crate::domain::decision::{Decision, Step};
use crate::domain::evidence::{Evidence, Scope};
use crate::domain::kind::Effort;
use crate::domain::method::Method;

fn guard(text: &str) -> Requirement {
    requirement(text).guarding()
}

/// The world after a plan: its first choices, proved in this context.
fn followed(world: &World, steps: &[Step]) -> World {
    let mut after = world.clone();
    for (number, step) in steps.iter().enumerate() {
        let is_it = |method: &Method| match step {
            Step::External(name) => *method == Method::External(name.clone()),
            Step::Device { devices, .. } => method.device_id() == devices.first(),
        };
        let candidate = world.candidates.iter().find(|candidate| is_it(&candidate.method)).unwrap();
        let id = format!("new {number}");
        let given = evidence(&id, candidate.method.clone(), candidate.strength.clone());
        after.active.extend(candidate.method.device_id().cloned());
        let scope = if world.transaction { Scope::Transaction(TRANSACTION) } else { Scope::Session };
        after.evidence.push(Evidence { scope, ..given });
    }
    after
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_guard_is_satisfied_exactly_when_some_assignment_is_right(text in texts(5), world in worlds(5, 0)) {
        let guard = guard(&text);
        let expected = oracle::satisfied(guard.expression(), &world.facts(), 0);
        prop_assert_eq!(decide(&guard, &world.situation()).is_satisfied(), expected);
    }

    #[test]
    fn a_plan_of_a_guard_suffices_where_it_is_asked_for(text in texts(4), world in worlds(3, 5)) {
        let guard = guard(&text);
        for plan in decide(&guard, &world.situation()).plans() {
            let after = followed(&world, &plan.steps);
            prop_assert!(decide(&guard, &after.situation()).is_satisfied(), "{plan:?}");
        }
    }

    #[test]
    fn a_guard_asks_for_no_less_than_its_text_elsewhere(text in texts(4)) {
        let (guard, plain) = (guard(&text), requirement(&text));
        let relation = compare(&plain, &guard, &VOCABULARY);
        prop_assert!(!matches!(relation, Relation::Weaker(_) | Relation::Incomparable { .. }), "{relation:?}");
        prop_assert_eq!((guard.text(), guard.revision()), (plain.text(), plain.revision()));
    }
}

fn totp() -> Candidate {
    Candidate::new(device("totp", "totp-0"), held(), Effort::Code)
}

fn decided(text: &str, world: &World) -> Decision {
    decide(&guard(text), &world.situation())
}

#[test]
fn with_a_transaction_the_advice_is_to_ask_without_it() {
    let given = evidence("e1", device("totp", "totp-0"), held());
    let given = Evidence { scope: Scope::Transaction(TRANSACTION), ..given };
    let here = World { transaction: true, ..world(vec![given], vec![totp()]) };
    let Decision::Unavailable { reason, retry_at: None } = decided("totp within 10m", &here) else {
        panic!()
    };
    assert_eq!(reason, "what is missing must not be given for a transaction: ask without transaction_digest");
    let text = guard("totp within 10m");
    let told = explain(&text, &[&text], &decide(&text, &here.situation()), &here.situation(), 16 << 10);
    assert!(
        told.contains("not by totp of device totp-0, 0s ago (e1): it was given for the transaction"),
        "{told}"
    );
    assert!(matches!(decided("totp for transaction", &here), Decision::Satisfied(_)));
    assert!(matches!(decided("sms within 10m", &here), Decision::EnrollmentRequired { .. }));
    let Decision::Unavailable { reason, .. } = decided("totp and totp for transaction", &here) else {
        panic!()
    };
    let mixed = "some of it must be given for the transaction, and some before, without transaction_digest";
    assert_eq!(reason, mixed);
    let without = World { transaction: false, ..here };
    assert!(matches!(decided("totp within 10m", &without), Decision::StepUp { .. }));
    let proved = followed(
        &without,
        &[Step::Device {
            kind: super::worlds::name("totp"),
            devices: vec![totp().method.device_id().unwrap().clone()],
            user_verification: false,
        }],
    );
    let again = World { transaction: true, ..proved };
    assert!(decide(&guard("totp within 10m"), &again.at(NOW)).is_satisfied());
}
