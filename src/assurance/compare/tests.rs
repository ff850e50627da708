use proptest::prelude::*;

use super::{Relation, Witness, compare};
use crate::assurance::requirement::Requirement;
use crate::assurance::requirement::expression::Expression;
use crate::assurance::tests::oracle::{Fact, Facts, is_among, satisfied, ways};
use crate::assurance::tests::texts::{texts_of, try_requirement};
use crate::assurance::tests::worlds::{held, known, name, passkey};
use crate::assurance::vocabulary::{Entry, Vocabulary};
use crate::domain::ids::DeviceId;
use crate::domain::method::Method;

fn vocabulary() -> Vocabulary {
    Vocabulary::of(vec![
        Entry::kind(name("webauthn"), vec![passkey(true, false), passkey(false, false)]),
        Entry::kind(name("totp"), vec![held()]),
        Entry::external(name("password"), known()),
    ])
}

fn requirement(text: &str) -> Requirement {
    try_requirement(text, &vocabulary()).unwrap()
}

fn related(old: &str, new: &str) -> Relation {
    compare(&requirement(old), &requirement(new), &vocabulary())
}

/// Every fact that can make a difference between requirements of three leaves with `within 10m`.
fn facts() -> Vec<Fact> {
    let device = |kind, n: u8| Method::device(name(kind), DeviceId::trusted(&n.to_string()));
    let mut sources = vec![(Method::External(name("password")), known())];
    for n in 0..3 {
        sources.push((device("totp", n), held()));
        sources.push((device("webauthn", 10 + n), passkey(true, false)));
        sources.push((device("webauthn", 10 + n), passkey(false, false)));
    }
    let mut facts = Vec::new();
    for (method, strength) in sources {
        for age in [0, 600_000_000] {
            for for_transaction in [false, true] {
                let (method, strength) = (method.clone(), strength.clone());
                facts.push(Fact { method, strength, age, left: i64::MAX, for_transaction });
            }
        }
    }
    facts
}

/// Whether all evidence that satisfies one expression satisfies another.
fn implies(one: &Expression, other: &Expression, facts: &[Fact]) -> bool {
    let other = ways(other, facts, 0);
    ways(one, facts, 0).iter().all(|way: &Facts| is_among(&other, *way))
}

fn is_told_apart(witness: &Witness, by: &Requirement, not_by: &Requirement) -> bool {
    let fact = |piece: &super::Piece| Fact {
        method: piece.method.clone(),
        strength: piece.strength.clone(),
        age: i64::try_from(piece.age.as_micros()).unwrap(),
        left: i64::MAX,
        for_transaction: piece.for_transaction,
    };
    let facts: Vec<Fact> = witness.pieces.iter().map(fact).collect();
    satisfied(by.expression(), &facts, 0) && !satisfied(not_by.expression(), &facts, 0)
}

fn leaves() -> BoxedStrategy<String> {
    let leaves = vec![
        "any",
        "password",
        "totp",
        "webauthn",
        "webauthn & user_verified",
        "possession",
        "inherence",
        "possession within 10m",
        "any within 10m",
        "totp for transaction",
        "phishing_resistant within 10m for transaction",
    ];
    prop::sample::select(leaves).prop_map(str::to_owned).boxed()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn compare_agrees_with_brute_force_and_its_witness_separates(
        old in texts_of(leaves(), &[" within 10m", " for transaction"], 3),
        new in texts_of(leaves(), &[" within 10m", " for transaction"], 3),
    ) {
        let (old, new) = (requirement(&old), requirement(&new));
        let facts = facts();
        let demands = implies(new.expression(), old.expression(), &facts);
        let suffices = implies(old.expression(), new.expression(), &facts);
        let relation = compare(&old, &new, &vocabulary());
        match &relation {
            Relation::Same => prop_assert!(demands && suffices),
            Relation::Stronger(witness) => {
                prop_assert!(demands && !suffices);
                prop_assert!(is_told_apart(witness, &old, &new));
            }
            Relation::Weaker(witness) => {
                prop_assert!(!demands && suffices);
                prop_assert!(is_told_apart(witness, &new, &old));
            }
            Relation::Incomparable { old_only, new_only } => {
                prop_assert!(!demands && !suffices);
                prop_assert!(is_told_apart(old_only, &old, &new));
                prop_assert!(is_told_apart(new_only, &new, &old));
            }
            Relation::Undecided => prop_assert!(false, "too many cases"),
        }
    }
}

#[test]
fn a_requirement_is_the_same_as_itself_in_other_words() {
    assert_eq!(related("totp or password", "password or totp"), Relation::Same);
    assert_eq!(related("1 of (totp, webauthn)", "totp or webauthn"), Relation::Same);
    // A kind and an external method are never one source.
    assert_eq!(related("password and totp", "distinct(password, totp)"), Relation::Same);
    assert_eq!(related("possession", "totp or webauthn"), Relation::Same);
}

#[test]
fn an_example_tells_the_stronger_from_the_weaker() {
    let Relation::Stronger(witness) = related("webauthn within 1h", "webauthn & user_verified within 10m")
    else {
        panic!()
    };
    assert_eq!(witness.pieces.len(), 1);
    let (old, new) = ("possession and phishing_resistant", "distinct(possession, phishing_resistant)");
    let Relation::Stronger(witness) = related(old, new) else { panic!() };
    let words = "webauthn of device 1 (possession, inherence, phishing_resistant, user_verified, not recovery, \
                 not restricted_channel)";
    assert_eq!(witness.to_string(), words);
    let Relation::Weaker(witness) = related("totp within 15m for transaction", "totp within 15m") else {
        panic!()
    };
    assert!(!witness.pieces[0].for_transaction);
}

#[test]
fn fresher_and_stronger_in_turn_is_incomparable() {
    let relation = related("webauthn within 1d", "possession within 10m");
    let Relation::Incomparable { old_only, new_only } = relation else { panic!("{relation:?}") };
    assert_eq!(old_only.pieces[0].age.as_secs(), 600);
    assert_eq!(new_only.pieces[0].method.name().as_str(), "totp");
}

#[test]
fn the_largest_requirements_are_compared() {
    let alternatives = (0..4).map(|n| format!("(totp within {}m or webauthn within {}m)", n + 1, n + 2));
    let old = alternatives.collect::<Vec<_>>().join(" and ");
    let parts: Vec<String> = (0..8).map(|n| format!("possession within {}m", n + 1)).collect();
    let new = format!("distinct({})", parts.join(", "));
    let nested = "distinct(any and totp, any and possession, any and webauthn within 5m, password or totp)";
    for text in [&old, &new, nested] {
        assert_eq!(related(text, text), Relation::Same);
    }
    for (one, two) in [(&*old, &*new), (&*new, nested), (nested, &*old)] {
        assert_ne!(related(one, two), Relation::Undecided);
        assert_ne!(related(two, one), Relation::Undecided);
    }
}
