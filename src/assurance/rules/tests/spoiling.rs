//! Leaving out or spoiling attributes never asks for less, for random rules and random evidence.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::{ATTRIBUTE_MAX, RuleText, Rules};
use crate::assurance::decide::decide_all;
use crate::assurance::requirement::set::Requirements;
use crate::assurance::tests::texts::texts;
use crate::assurance::tests::worlds::{VOCABULARY, worlds};

/// The name of an attribute, its correct value, and the value that is sent: correct, left out or spoiled.
type Attribute = (&'static str, String, Option<String>);

fn attribute(
    name: &'static str,
    values: Vec<&'static str>,
    spoiled: Vec<String>,
) -> impl Strategy<Value = Attribute> {
    let sent = prop_oneof![
        2 => Just(None),
        1 => Just(Some(None)),
        2 => prop::sample::select(spoiled).prop_map(|text| Some(Some(text))),
    ];
    (prop::sample::select(values), sent).prop_map(move |(value, sent)| {
        let sent = sent.unwrap_or_else(|| Some(value.to_owned()));
        (name, value.to_owned(), sent)
    })
}

fn attributes() -> impl Strategy<Value = Vec<Attribute>> {
    let strings = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let long = |c: &str| c.repeat(ATTRIBUTE_MAX + 1);
    let numbers = ["", "5,00", "five", "nan", "0x5", " 5"];
    let numbers = [strings(&numbers), vec![long("5")]].concat();
    let amounts = vec!["-1", "0", "5", "5.0", "7.5", "10", "1e3"];
    (
        attribute("amount", amounts.clone(), numbers.clone()),
        attribute("limit", amounts, numbers),
        // Any short text is a valid country, so only one that is too long is spoiled.
        attribute("country", vec!["SE", "DE", "FR", ""], vec![long("S"), long("D")]),
        attribute("vip", vec!["true", "false"], strings(&["yes", "1", "", "True"])),
    )
        .prop_map(|(amount, limit, country, vip)| vec![amount, limit, country, vip])
}

/// Expressions of all forms that are allowed.
fn expressions() -> impl Strategy<Value = String> {
    let atoms = vec![
        "amount > 5",
        "amount <= 7.5",
        "amount == 5",
        // The comparison with 3 makes them numbers: two attributes compared with each other alone are texts.
        "(amount < 3 || amount != limit)",
        "amount > limit",
        "amount in [0, 10]",
        "-amount < 0",
        "country != 'DE'",
        "country in ['DE', 'SE']",
        "country.startsWith('S')",
        "country.contains('R')",
        "size(country) > 2",
        "country.size() == 0",
        "vip",
        "vip == false",
        "true",
    ];
    prop::sample::select(atoms).prop_map(str::to_owned).prop_recursive(3, 8, 3, |inner| {
        let two = || (inner.clone(), inner.clone());
        prop_oneof![
            two().prop_map(|(one, two)| format!("({one} && {two})")),
            two().prop_map(|(one, two)| format!("({one} || {two})")),
            inner.clone().prop_map(|one| format!("!({one})")),
            (two(), inner.clone()).prop_map(|((one, two), three)| format!("({one} ? {two} : {three})")),
            two().prop_map(|(one, two)| format!("(({one}) == ({two}))")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn leaving_out_or_spoiling_attributes_never_satisfies_what_was_not_satisfied(
        base in texts(2),
        more in proptest::collection::vec((expressions(), texts(2), 0..3_usize), 1..4),
        attributes in attributes(),
        world in worlds(4, 0),
    ) {
        // Rules may lead to the same requirement; each asks for no less than the one that is asked for.
        let names = ["r0", "r1", "r2"];
        let mut by_name = BTreeMap::from([("asked", base.clone())]);
        for (_, text, name) in &more {
            by_name.entry(names[*name]).or_insert_with(|| format!("({base}) and ({text})"));
        }
        let by_name: Vec<(&str, &str)> = by_name.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let Ok(requirements) = Requirements::parse(&by_name, VOCABULARY.clone()) else { return Ok(()) };
        let rules: Vec<RuleText<'_>> = more
            .iter()
            .map(|(when, _, name)| RuleText { requirement: "asked", when, instead: names[*name] })
            .collect();
        // Rules that are too long, or together exceed the bounds, are refused.
        let Ok(rules) = Rules::parse(&rules, &requirements) else { return Ok(()) };
        let asked = requirements.named("asked").unwrap();
        let of = |name: &str| attributes.iter().find(|(known, _, _)| *known == name).unwrap();
        let whole = rules.applied(asked, |name| Some(of(name).1.as_str()));
        let sent = rules.applied(asked, |name| of(name).2.as_deref());
        let satisfied = |applied: &[_]| decide_all(applied, &world.situation()).is_satisfied();
        prop_assert!(!satisfied(&sent) || satisfied(&whole), "{sent:?} instead of {whole:?}");
        // Each requirement that applies with correct attributes also applies with what was sent.
        let is_sent = |name: &str| sent.iter().any(|one| one.name() == name);
        prop_assert!(whole.iter().all(|one| one.name() == "asked" || is_sent(one.name())));
        prop_assert_eq!(whole.len(), 1);
    }
}
