use proptest::prelude::*;

use crate::assurance::compare::{Relation, compare};
use crate::assurance::requirement::expression::Expression;
use crate::assurance::requirement::holds::{LeafSet, Program};
use crate::assurance::requirement::set::Requirements;
use crate::assurance::requirement::{ALTERNATIVES_MAX, DEPTH_MAX, LEAVES_MAX, Requirement};
use crate::assurance::tests::texts::{requirement, texts};
use crate::assurance::tests::worlds::VOCABULARY;
use crate::assurance::vocabulary::Vocabulary;
use crate::domain::strength::Strength;

fn expanded(text: &str) -> String {
    requirement(text).text().to_owned()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_printed_means_the_same(text in texts(9)) {
        let once = requirement(&text);
        let twice = requirement(once.text());
        prop_assert_eq!(once.expression(), twice.expression());
        prop_assert_eq!(once.text(), twice.text());
        prop_assert_eq!(once.revision(), twice.revision());
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "[a-z&(),0-9 _.!\u{e9}\u{1f512}]{0,60}") {
        let _ = Requirements::parse(&[("it", &text)], VOCABULARY.clone()).map_err(|e| e.to_string());
    }

    #[test]
    fn no_row_of_words_makes_the_parser_panic(words in proptest::collection::vec(prop::sample::select(vec![
        "or", "and", "of", "distinct", "within", "for", "transaction", "not", "(", ")", ",", "&", "2", "15m",
        "totp", "any", "aal2", "recovery", "it", "nothing",
    ]), 0..24)) {
        let _ = Requirements::parse(&[("it", &words.join(" "))], VOCABULARY.clone()).map_err(|e| e.to_string());
    }

    #[test]
    fn the_limits_hold_whatever_refers_to_whatever(texts in proptest::collection::vec(texts(9), 3)) {
        let (first, second) = (format!("({}) or one", texts[1]), format!("({}) and two", texts[2]));
        let set = [("one", texts[0].as_str()), ("two", &first), ("three", &second)];
        let Ok(set) = Requirements::parse(&set, VOCABULARY.clone()) else { return Ok(()) };
        for requirement in set.iter() {
            prop_assert!(requirement.leaves().len() <= LEAVES_MAX);
            prop_assert!(requirement.expression().depth() <= DEPTH_MAX);
            prop_assert!(requirement.expression().alternatives() <= ALTERNATIVES_MAX);
        }
    }

    #[test]
    fn each_part_of_distinct_gets_a_source_of_its_own(
        wanted in proptest::collection::vec(1..64_u16, 2..=6),
        sources in proptest::collection::vec(0..64_u16, 0..=7),
    ) {
        // Part n is met by any of the leaves of its own: here, leaf n stands for any of `wanted[n]`.
        let met: Vec<LeafSet> = sources.iter().map(|source| {
            wanted.iter().enumerate().fold(0, |set, (n, any)| if source & any != 0 { set | 1 << n } else { set })
        }).collect();
        let leaf = |_| requirement("any").expression().clone();
        let distinct = Expression::Distinct((0..wanted.len()).map(leaf).collect());
        // Wrapped in pairs that ask for no more, it takes the other way through the code.
        let pair = |_| Expression::All(vec![leaf(0), leaf(0)]);
        let wrapped = Expression::Distinct((0..wanted.len()).map(pair).collect());
        let doubled: Vec<LeafSet> = met.iter().map(|set| {
            (0..wanted.len()).filter(|n| set >> n & 1 == 1).fold(0, |all, n| all | 3 << (2 * n))
        }).collect();
        let expected = can_be_matched(0, &met, wanted.len(), &mut vec![false; met.len()]);
        prop_assert_eq!(Program::of(&distinct).holds(&met), expected);
        prop_assert_eq!(Program::of(&wrapped).holds(&doubled), expected);
    }
}

fn can_be_matched(part: usize, met: &[LeafSet], parts: usize, taken: &mut [bool]) -> bool {
    if part == parts {
        return true;
    }
    for source in 0..met.len() {
        if !taken[source] && met[source] >> part & 1 == 1 {
            taken[source] = true;
            let rest = can_be_matched(part + 1, met, parts, taken);
            taken[source] = false;
            if rest {
                return true;
            }
        }
    }
    false
}

#[test]
fn and_binds_tighter_than_or() {
    assert_eq!(expanded("totp or password and sms"), "totp or password and sms");
    assert_eq!(expanded("totp or (password and sms)"), "totp or password and sms");
    assert_eq!(expanded("(totp or password) and sms"), "(totp or password) and sms");
}

#[test]
fn within_binds_every_leaf_inside_and_the_shorter_holds() {
    assert_eq!(expanded("(totp within 5m or sms) within 1h"), "totp within 5m or sms within 1h");
    assert_eq!(expanded("(totp within 2h or sms) within 60m"), "(totp or sms) within 1h");
    assert_eq!(
        expanded("((totp or sms) for transaction) within 90s"),
        "(totp or sms) within 90s for transaction"
    );
}

#[test]
fn a_selector_is_printed_in_one_order_and_without_doubles() {
    assert_eq!(expanded("user_verified & possession & webauthn"), "webauthn & possession & user_verified");
    assert_eq!(expanded("not recovery & possession & possession"), "possession & not recovery");
    assert_eq!(expanded("any & totp"), "totp");
    assert_eq!(expanded("any & any"), "any");
}

#[test]
fn names_stand_for_what_they_mean() {
    let texts =
        [("admin", "login within 15m"), ("login", "password and second"), ("second", "totp or webauthn")];
    let set = Requirements::parse(&texts, VOCABULARY.clone()).unwrap();
    assert_eq!(set.named("admin").unwrap().text(), "(password and (totp or webauthn)) within 15m");
    assert_eq!(set.iter().map(Requirement::name).collect::<Vec<_>>(), ["admin", "login", "second"]);
}

#[test]
fn the_requirements_of_the_design_are_understood() {
    for text in [
        "webauthn & user_verified or password and (totp or webauthn or recovery_codes)",
        "phishing_resistant within 15m",
        "distinct(phishing_resistant, possession) within 5m for transaction",
        "any within 30d",
        "aal2 within 12h",
    ] {
        requirement(text);
    }
    assert_eq!(
        expanded("aal2 within 12h"),
        "(possession & user_verified & not recovery or possession & not recovery and \
         (knowledge & not recovery or inherence & not recovery)) within 12h"
    );
}

#[test]
fn each_assurance_level_asks_for_more_than_the_one_below() {
    for (low, high) in [("aal1", "aal2"), ("aal2", "aal3")] {
        let relation = compare(&requirement(low), &requirement(high), &VOCABULARY);
        assert!(matches!(relation, Relation::Stronger(_)), "{low} {high} {relation:?}");
    }
}

#[test]
fn neither_mail_nor_a_recovery_code_makes_a_second_factor() {
    let accepts = |two: &str| {
        let relation = compare(&requirement(two), &requirement("aal2"), &VOCABULARY);
        matches!(relation, Relation::Same | Relation::Weaker(_))
    };
    assert!(accepts("password and totp"));
    assert!(accepts("webauthn & user_verified"));
    assert!(!accepts("password and email"));
    assert!(!accepts("password and recovery_codes"));
    assert!(!accepts("totp and sms"));
    assert!(!accepts("webauthn"));
}

#[test]
fn the_revision_changes_with_the_meaning_only() {
    let revision = |text: &str| requirement(text).revision().to_owned();
    assert_eq!(revision("totp or (sms)"), revision(" totp   or sms "));
    assert_ne!(revision("totp or sms"), revision("totp and sms"));
    assert_eq!(revision("totp").len(), 12);
}

#[test]
fn the_kinds_that_are_built_in_and_external_methods_can_be_named() {
    let vocabulary = Vocabulary::parse(crate::kinds::infos(), &[("password", Strength::default())]).unwrap();
    let set = Requirements::parse(&[("all", "totp or hotp or recovery_codes or password")], vocabulary);
    assert!(set.is_ok());
}

#[test]
fn the_guards_of_the_sidecar_are_requirements() {
    use crate::assurance::presets::{GUARDS, default_guard};
    let vocabulary = Vocabulary::of_kinds(crate::kinds::infos());
    let text = default_guard(&vocabulary);
    let texts: Vec<(&str, &str)> = GUARDS.iter().map(|name| (*name, text.as_str())).collect();
    let set = Requirements::parse(&texts, vocabulary).unwrap();
    let guard = set.named("countersign.enroll").unwrap();
    assert_eq!(guard.text(), "(totp or hotp or recovery_codes) within 10m");
}
