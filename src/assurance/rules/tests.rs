mod spoiling;

use proptest::prelude::*;

use super::{RuleText, Rules};
use crate::assurance::requirement::Requirement;
use crate::assurance::requirement::mistake::Mistakes;
use crate::assurance::requirement::set::Requirements;
use crate::assurance::tests::worlds::VOCABULARY;

fn requirements() -> Requirements {
    let texts = [
        ("payout", "totp or webauthn"),
        ("payout_large", "webauthn within 5m"),
        ("payout_abroad", "webauthn & user_verified within 5m"),
        ("login", "password or totp or webauthn"),
    ];
    Requirements::parse(&texts, VOCABULARY.clone()).unwrap()
}

fn rules(when: &[(&str, &str)]) -> Result<Rules, Mistakes> {
    let texts: Vec<_> =
        when.iter().map(|(when, instead)| RuleText { requirement: "payout", when, instead }).collect();
    Rules::parse(&texts, &requirements())
}

/// The names of the requirements that apply where that one is asked for.
fn applied<'b>(rules: &Rules, requirement: &str, attribute: impl Fn(&str) -> Option<&'b str>) -> Vec<String> {
    let requirements = requirements();
    let asked = requirements.named(requirement).unwrap();
    rules.applied(asked, attribute).into_iter().map(Requirement::name).map(str::to_owned).collect()
}

fn large(when: &str, attributes: &[(&str, &str)]) -> bool {
    let rules = rules(&[(when, "payout_large")]).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let applied = applied(&rules, "payout", |name| {
        attributes.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    });
    applied == ["payout_large"]
}

fn message(when: &str) -> String {
    rules(&[(when, "payout_large")]).unwrap_err().to_string()
}

#[test]
fn the_first_rule_that_is_true_ends_the_walk_and_other_requirements_are_left_alone() {
    let rules = rules(&[("amount > 100000", "payout_large"), ("country != 'SE'", "payout_abroad")]).unwrap();
    let applied = |requirement, amount, country| {
        applied(&rules, requirement, |name| if name == "amount" { Some(amount) } else { Some(country) })
    };
    assert_eq!(applied("payout", "100000", "SE"), ["payout"]);
    assert_eq!(applied("payout", "100001", "NO"), ["payout_large"]);
    assert_eq!(applied("payout", "5", "NO"), ["payout_abroad"]);
    assert_eq!(applied("login", "5000000", "NO"), ["login"]);
}

#[test]
fn a_rule_that_cannot_be_evaluated_applies_and_hides_no_rule_behind_it() {
    let rules = rules(&[
        ("amount > 100000", "payout_large"),
        ("country != 'SE'", "payout_abroad"),
        ("amount > 5", "payout_large"),
    ])
    .unwrap();
    let applied =
        |amount, country| applied(&rules, "payout", |name| if name == "amount" { amount } else { country });
    for unread in [None, Some("5,00"), Some("")] {
        assert_eq!(applied(unread, Some("FR")), ["payout_large", "payout_abroad"]);
        // Each once.
        assert_eq!(applied(unread, Some("SE")), ["payout_large"]);
        assert_eq!(applied(unread, None), ["payout_large", "payout_abroad"]);
    }
    let long = "x".repeat(4097);
    assert_eq!(applied(Some("5"), Some(&long)), ["payout_abroad"]);
    assert_eq!(applied(Some("6"), None), ["payout_abroad", "payout_large"]);
    assert_eq!(applied(Some("100001"), None), ["payout_large"]);
}

#[test]
fn the_results_of_all_rules_of_a_requirement_together_are_within_its_bounds() {
    // Four leaves and four ways each.
    let tier = |minutes: u32| format!("(totp or webauthn) and (sms or email) within {minutes}m");
    let names = ["t1", "t2", "t3", "t4"];
    let texts: Vec<String> = [40, 30, 20, 10].map(tier).to_vec();
    let mut all: Vec<(&str, &str)> = names.into_iter().zip(texts.iter().map(String::as_str)).collect();
    all.push(("payout", "totp or webauthn"));
    all.push(("other", "totp or webauthn"));
    all.push(("ten", "webauthn and (totp or sms or email or password or sso or any or aal1 or aal1)"));
    let set = Requirements::parse(&all, VOCABULARY.clone()).unwrap();
    let rule = |requirement, instead| RuleText { requirement, when: "amount > 5", instead };
    let parse = |rules: &[(&'static str, &'static str)]| {
        let texts: Vec<_> = rules.iter().map(|(requirement, instead)| rule(requirement, instead)).collect();
        Rules::parse(&texts, &set).map(drop)
    };
    // The same result twice, and the results of another requirement, do not count.
    let some = [("payout", "t1"), ("payout", "t2"), ("payout", "t3"), ("payout", "t2"), ("other", "t4")];
    assert_eq!(parse(&some), Ok(()));
    let many = [("payout", "t1"), ("payout", "t2"), ("payout", "t3"), ("payout", "t4")];
    let expected = "\
error: the results of the rules of `payout` together can be met in 256 ways, and at most 64 are allowed
 --> rules[3].use:1:1
  |
1 | t4
  | ^^ without the attributes, all of them apply";
    assert_eq!(parse(&many).unwrap_err().to_string(), expected);
    let message = parse(&[("payout", "t1"), ("payout", "t2"), ("payout", "ten")]).unwrap_err().to_string();
    assert!(message.contains("together name evidence 19 times, and at most 16 are allowed"), "{message}");
    assert!(message.contains("rules[2].use:1:1"), "{message}");
}

#[test]
fn an_attribute_that_is_missing_takes_the_stricter_branch() {
    assert!(large("amount > 100000", &[]));
    assert!(large("!(amount > 100000)", &[]));
    assert!(large("amount > 100000 && country == 'SE'", &[("country", "SE")]));
    // Whatever the amount is, this is a no.
    assert!(!large("amount > 100000 && country == 'SE'", &[("country", "NO")]));
    assert!(!large("amount > 100000", &[("amount", "5")]));
}

#[test]
fn an_attribute_that_is_not_what_it_is_compared_with_takes_the_stricter_branch() {
    for amount in ["", " 5", "five", "0x5", "nan", "NaN", "inf", "-inf", "1e999", "5,0", "'5'", "true"] {
        assert!(large("amount > 100000", &[("amount", amount)]), "{amount}");
    }
    assert!(large("internal", &[("internal", "yes")]));
    assert!(large("size(note) > 9000", &[("note", &"x".repeat(4097))]));
}

#[test]
fn numbers_are_whole_or_decimal_and_equal_either_way() {
    for amount in ["100000.5", "100001", "1e6"] {
        assert!(large("amount > 100000", &[("amount", amount)]), "{amount}");
    }
    for amount in ["-7", "0", "99999.999", "100000"] {
        assert!(!large("amount > 100000", &[("amount", amount)]), "{amount}");
    }
    for amount in ["100", "100.0", "1e2"] {
        assert!(large("amount == 100", &[("amount", amount)]), "{amount}");
        assert!(large("amount in [7, 100]", &[("amount", amount)]), "{amount}");
        assert!(large("amount == 100.0", &[("amount", amount)]), "{amount}");
    }
}

#[test]
fn what_looks_like_a_number_and_is_compared_with_a_text_is_a_text() {
    assert!(large("tier == '1'", &[("tier", "1")]));
    assert!(!large("tier == '1'", &[("tier", "01")]));
    assert!(large("account in ['0123', '77']", &[("account", "77")]));
    assert!(large("account.startsWith('00')", &[("account", "0012")]));
    assert!(large("flag == 'true'", &[("flag", "true")]));
    assert!(large("from_account != to_account", &[("from_account", "1.0"), ("to_account", "1")]));
    assert!(!large("amount > limit", &[("amount", "9"), ("limit", "10.5")]));
}

#[test]
fn a_choice_and_a_flag_are_understood() {
    let when = "vip ? amount > 1000000 : amount > 100";
    assert!(large(when, &[("vip", "false"), ("amount", "500")]));
    assert!(!large(when, &[("vip", "true"), ("amount", "500")]));
    assert!(large(when, &[("amount", "500")]));
}

#[test]
fn a_rule_may_not_ask_for_less() {
    let text = RuleText { requirement: "payout", when: "amount < 10", instead: "login" };
    let expected = "\
error: `login` must ask for all that `payout` asks for
 --> rules[0].use:1:1
  |
1 | login
  | ^^^^^ this would be enough for it alone: password (knowledge, not recovery, not restricted_channel)";
    assert_eq!(Rules::parse(&[text], &requirements()).unwrap_err().to_string(), expected);
}

#[test]
fn names_that_are_not_known_are_said() {
    let text = RuleText { requirement: "payot", when: "amount < 10", instead: "payout_larg" };
    let message = Rules::parse(&[text], &requirements()).unwrap_err().to_string();
    assert!(message.contains("did you mean `payout`?"), "{message}");
    assert!(message.contains("rules[0].use:1:1"), "{message}");
}

#[test]
fn an_expression_that_cannot_be_read_shows_where() {
    let expected = "\
error: this is no CEL expression
 --> rules[0].when:1:9
  |
1 | amount >
  |         ^ mismatched input end";
    assert_eq!(message("amount >"), expected);
    let expected = "\
error: this is a text, and a number belongs here
 --> rules[0].when:1:26
  |
1 | amount > 5 && (amount == '5')
  |                          ^^^ here";
    assert_eq!(message("amount > 5 && (amount == '5')"), expected);
    let expected = "\
error: `amount` is a text here, and a number elsewhere
 --> rules[0].when:1:16
  |
1 | amount > 5 || (amount.startsWith('5'))
  |                ^^^^^^ an attribute is one of them";
    assert_eq!(message("amount > 5 || (amount.startsWith('5'))"), expected);
}

#[test]
fn loops_fields_maps_and_other_functions_are_refused() {
    for when in [
        "[1, 2].exists(x, x > amount)",
        "[1, 2].all(x, [1, 2].all(y, x > y))",
        "user.amount > 5",
        "{'a': amount}['a'] > 5",
        "has(user.amount)",
        "amount.matches('a+')",
        "timestamp(amount) > timestamp('2026-01-01T00:00:00Z')",
        "amount + 1 > 2",
        "'yes'",
        "amount == null",
        "amount > 5u",
        "",
    ] {
        assert!(rules(&[(when, "payout_large")]).is_err(), "{when}");
    }
    let long = format!("amount > 1{}", " && amount > 1".repeat(64));
    assert!(message(&long).contains("at most 512 bytes"));
}

#[test]
fn no_nesting_brings_the_parser_down() {
    for (open, close) in
        [("(", ")"), ("[", "]"), ("!(", ")"), ("-", ""), ("!", ""), ("a+", ""), ("a?b:", ""), ("a||", "")]
    {
        let depth = 500 / (open.len() + close.len());
        let when = format!("{}a{}", open.repeat(depth), close.repeat(depth));
        let _ = rules(&[(&when, "payout_large")]);
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(when in "[a-z0-9 ()!&|<>=+'.?:\\[\\],-]{0,40}", value in ".{0,12}") {
        if let Ok(rules) = rules(&[(&when, "payout_large")]) {
            let _ = applied(&rules, "payout", |_| Some(&value));
        }
    }

    #[test]
    fn the_larger_amount_is_never_asked_for_less(amount in any::<i64>(), more in any::<u32>(), cents in 0..100_u8) {
        let larger = amount.saturating_add(i64::from(more));
        let texts = [amount.to_string(), format!("{larger}"), format!("{larger}.{cents:02}")];
        let asked: Vec<bool> = texts.iter().map(|text| large("amount > 100000", &[("amount", text)])).collect();
        prop_assert!(asked[1] >= asked[0]);
        prop_assert!(asked[2] >= asked[1] || larger < 0);
    }
}

#[test]
fn rules_are_shared_by_all_workers() {
    fn shared<T: Send + Sync>() {}
    shared::<Rules>();
}
