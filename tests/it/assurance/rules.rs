//! Rules never ask for less if attributes are left out or spoiled: random rules, and every set of evidence.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign::assurance::rulebook::{RuleSource, Rulebook, Source};
use countersign::domain::strength::{FactorType, Strength};
use countersign::service::Question;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::replica;
use crate::harness::asking::session;
use crate::harness::databases::{TestDatabase, on_every_database};
use crate::harness::replica::Replica;

on_every_database!(an_attribute_that_is_left_out_or_spoiled_satisfies_nothing_that_was_not_satisfied);

const CASES: usize = 60;
const RESULTS: [(&str, &str); 6] = [
    ("pay", "any"),
    ("knows", "password"),
    ("holds", "hotp"),
    ("both", "password and hotp"),
    ("codes", "recovery_codes"),
    ("two", "distinct(any, any)"),
];

/// Rules of `pay`, the correct attributes, and the attributes that are sent.
#[derive(Debug, Clone)]
struct Case {
    rules: Vec<(String, &'static str)>,
    whole: BTreeMap<String, String>,
    sent: BTreeMap<String, String>,
}

fn cases() -> impl Strategy<Value = Case> {
    let atoms = vec!["amount > 1000", "amount <= 5", "country != 'DE'", "country in ['DE', 'SE']", "vip"];
    let when = prop::sample::select(atoms).prop_map(str::to_owned).prop_recursive(2, 4, 2, |inner| {
        let two = || (inner.clone(), inner.clone());
        prop_oneof![
            two().prop_map(|(one, two)| format!("({one} && {two})")),
            two().prop_map(|(one, two)| format!("({one} || {two})")),
            inner.clone().prop_map(|one| format!("!({one})")),
        ]
    });
    let names: Vec<&'static str> = RESULTS[1..].iter().map(|(name, _)| *name).collect();
    let rules = proptest::collection::vec((when, prop::sample::select(names)), 1..4);
    let spoiled = |texts: &[&str]| {
        let spoiled = texts.iter().map(|text| Some((*text).to_owned())).chain([None]).collect::<Vec<_>>();
        proptest::option::of(prop::sample::select(spoiled))
    };
    let long = "x".repeat(5000);
    let attribute = (
        (prop::sample::select(vec!["5", "6.5", "5000"]), spoiled(&["5,00", "", "much"])),
        (prop::sample::select(vec!["DE", "SE", "FR"]), spoiled(&[&long])),
        (prop::sample::select(vec!["true", "false"]), spoiled(&["yes"])),
    );
    (rules, attribute).prop_map(|(rules, (amount, country, vip))| {
        let (mut whole, mut sent) = (BTreeMap::new(), BTreeMap::new());
        for (name, (value, spoiled)) in [("amount", amount), ("country", country), ("vip", vip)] {
            whole.insert(name.to_owned(), value.to_owned());
            if let Some(text) = spoiled.unwrap_or_else(|| Some(value.to_owned())) {
                sent.insert(name.to_owned(), text);
            }
        }
        Case { rules, whole, sent }
    })
}

fn book(rules: &[(String, &str)]) -> Rulebook {
    let known = Strength { factor_types: vec![FactorType::Knowledge], ..Strength::default() };
    let rule = |(when, instead): &(String, &str)| RuleSource {
        requirement: "pay".to_owned(),
        when: when.clone(),
        instead: (*instead).to_owned(),
    };
    let owned = |(name, text): (&str, &str)| (name.to_owned(), text.to_owned());
    Rulebook::parse(
        countersign::kinds::infos(),
        &Source {
            methods: vec![("password".to_owned(), known)],
            requirements: RESULTS.map(owned).to_vec(),
            rules: rules.iter().map(rule).collect(),
        },
    )
    .unwrap()
}

/// A subject for each set of what can be proved.
async fn subjects(replica: &Arc<Replica>) -> Vec<String> {
    let here = session("here");
    let mut names = Vec::new();
    for proved in 0..8 {
        let name = format!("subject {proved}");
        let token = replica.hotp(&name).await;
        let codes = replica.recovery_codes(&name).await;
        if proved & 1 != 0 {
            replica.password(&name, &here).await;
        }
        if proved & 2 != 0 {
            replica.prove(&token, 0, &here).await;
        }
        if proved & 4 != 0 {
            replica.prove(&codes, 0, &here).await;
        }
        names.push(name);
    }
    names
}

async fn an_attribute_that_is_left_out_or_spoiled_satisfies_nothing_that_was_not_satisfied(
    database: TestDatabase,
) {
    let replica = replica(&database).await;
    replica.service.replace_rulebook(book(&[]));
    let subjects = subjects(&replica).await;
    let mut runner = TestRunner::deterministic();
    let (mut refused, mut stricter) = (0, 0);
    for _ in 0..CASES {
        let case = cases().new_tree(&mut runner).unwrap().current();
        replica.service.replace_rulebook(book(&case.rules));
        for subject in &subjects {
            // `pay` alone, and with another requirement.
            let ask = async |attributes: &BTreeMap<String, String>| {
                let requirements = vec!["pay".to_owned(), "knows".to_owned()];
                let question =
                    Question { requirements, attributes: attributes.clone(), ..Default::default() };
                let answer = replica.asked(subject, &session("here"), &question).await.unwrap();
                assert_eq!(answer.each[0].requirement, "pay");
                [
                    answer.each[0].decision.is_satisfied(),
                    answer.joint.decided().unwrap().decision.is_satisfied(),
                ]
            };
            let (whole, sent) = (ask(&case.whole).await, ask(&case.sent).await);
            assert!(sent.iter().zip(whole).all(|(sent, whole)| !sent || whole), "{subject}: {case:?}");
            refused += usize::from(!whole[0]);
            stricter += usize::from(whole[0] && !sent[0]);
        }
    }
    // The control: the rules have an effect, and so has spoiling.
    assert!(refused > CASES && stricter > 0, "{refused}, {stricter}");
}
