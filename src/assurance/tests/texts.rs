//! Requirements as random texts.

use proptest::prelude::*;

use super::worlds::VOCABULARY;
use crate::assurance::requirement::Requirement;
use crate::assurance::requirement::set::Requirements;
use crate::assurance::vocabulary::Vocabulary;

/// A requirement by itself.
pub(crate) fn requirement(text: &str) -> Requirement {
    try_requirement(text, &VOCABULARY).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

pub(crate) fn try_requirement(text: &str, vocabulary: &Vocabulary) -> Result<Requirement, String> {
    let set = Requirements::parse(&[("it", text)], vocabulary.clone()).map_err(|e| e.to_string())?;
    Ok(set.named("it").unwrap().clone())
}

/// Texts of requirements with up to so many leaves: brute force over more takes too long.
pub(crate) fn texts(leaves: usize) -> impl Strategy<Value = String> {
    texts_of(leaf_texts(), &SUFFIXES, leaves)
}

pub(crate) fn texts_of(
    leaf: BoxedStrategy<String>,
    suffixes: &'static [&'static str],
    leaves: usize,
) -> impl Strategy<Value = String> {
    let any = leaf.prop_recursive(3, 6, 3, move |inner| {
        let list = || proptest::collection::vec(inner.clone(), 2..=3);
        prop_oneof![
            3 => list().prop_map(|parts| format!("({})", parts.join(" or "))),
            3 => list().prop_map(|parts| format!("({})", parts.join(" and "))),
            3 => list().prop_map(|parts| format!("distinct({})", parts.join(", "))),
            1 => list().prop_map(|parts| format!("2 of ({})", parts.join(", "))),
            1 => (inner.clone(), prop::sample::select(suffixes)).prop_map(|(inner, suffix)| format!("({inner}){suffix}")),
        ]
    });
    any.prop_filter("too many leaves", move |text| {
        try_requirement(text, &VOCABULARY).is_ok_and(|requirement| requirement.leaves().len() <= leaves)
    })
}

const SUFFIXES: [&str; 4] = [" within 10m", " within 20m", " for transaction", " within 10m for transaction"];

fn leaf_texts() -> BoxedStrategy<String> {
    let selectors = vec![
        "any",
        "password",
        "sso",
        "totp",
        "sms",
        "recovery_codes",
        "email",
        "webauthn",
        "webauthn & user_verified",
        "knowledge",
        "possession",
        "inherence",
        "phishing_resistant",
        "hardware_bound & user_verified",
        "possession & not recovery",
        "possession & not restricted_channel",
    ];
    let suffix = prop_oneof![3 => Just(""), 1 => prop::sample::select(&SUFFIXES)];
    (prop::sample::select(selectors), suffix).prop_map(|(leaf, suffix)| format!("{leaf}{suffix}")).boxed()
}
