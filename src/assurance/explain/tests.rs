use std::time::Duration;

use super::explain;
use crate::assurance::candidate::Candidate;
use crate::assurance::decide::decide;
use crate::assurance::requirement::set::Requirements;
use crate::assurance::tests::deciding::{device, world};
use crate::assurance::tests::worlds::{NOW, VOCABULARY, evidence, held, known, name};
use crate::domain::evidence::Evidence;
use crate::domain::ids::SessionId;
use crate::domain::kind::Effort;
use crate::domain::method::Method;

const LOGIN: &str = "webauthn & user_verified or password and (totp within 15m or recovery_codes)";

fn explained(text: &str, evidence: Vec<Evidence>) -> String {
    explained_in(16 << 10, text, evidence)
}

fn explained_in(most: usize, text: &str, evidence: Vec<Evidence>) -> String {
    let totp = |id| Candidate::new(device("totp", id), held(), Effort::Code);
    let world = world(evidence, vec![totp("a"), totp("b")]);
    let set = Requirements::parse(&[("login", text)], VOCABULARY.clone()).unwrap();
    let login = set.named("login").unwrap();
    explain(login, &[login], &decide(login, &world.situation()), &world.situation(), most)
}

fn aged(evidence: Evidence, minutes: u64) -> Evidence {
    Evidence { verified_at: NOW.minus(Duration::from_secs(minutes * 60)), ..evidence }
}

#[test]
fn what_meets_each_leaf_and_what_is_missing_is_said() {
    let password = aged(evidence("e1", Method::External(name("password")), known()), 3);
    let old = aged(evidence("e2", device("totp", "a"), held()), 20);
    let mut elsewhere = evidence("e3", device("totp", "b"), held());
    elsewhere.binding.session = Some(SessionId::trusted("other"));
    let expected = "\
login: step-up required
  plan 1: totp (a or b)
  [ ] one of
    [ ] webauthn & user_verified: missing
    [ ] all of
      [x] password
          by password, 3m ago (e1), for 1h more
      [ ] one of
        [ ] totp within 15m: missing
            not by totp of device b, 0s ago (e3): it was given in another session
            not by totp of device a, 20m ago (e2): it is too old
        [ ] recovery_codes: missing
";
    assert_eq!(explained(LOGIN, vec![password, old, elsewhere]), expected);
}

#[test]
fn one_device_for_two_is_shown_as_not_enough() {
    let totp = aged(evidence("e1", device("totp", "a"), held()), 1);
    let expected = "\
login: step-up required
  plan 1: totp (b)
  [ ] each by another device or method
    [x] totp
        by totp of device a, 1m ago (e1), for 1h more
    [x] possession
        by totp of device a, 1m ago (e1), for 1h more
";
    assert_eq!(explained("distinct(totp, possession)", vec![totp]), expected);
}

#[test]
fn what_is_satisfied_says_for_how_long() {
    let totp = aged(evidence("e1", device("totp", "a"), held()), 10);
    let expected = "\
login: satisfied for 5m
  [x] totp within 15m
      by totp of device a, 10m ago (e1), for 5m more
";
    assert_eq!(explained("totp within 15m", vec![totp]), expected);
}

#[test]
fn what_must_be_enrolled_is_named() {
    let text = explained("phishing_resistant", vec![]);
    assert!(text.starts_with("login: enrollment required: webauthn\n"), "{text}");
}

/// Evidence of the password, one piece a minute, in this session or in others.
fn passwords(count: u64, is_here: bool) -> Vec<Evidence> {
    let piece = |number: u64| {
        let id = Box::leak(format!("e{number}").into_boxed_str());
        let mut piece = aged(evidence(id, Method::External(name("password")), known()), number);
        if !is_here {
            piece.binding.session = Some(SessionId::trusted("other"));
        }
        piece
    };
    (0..count).map(piece).collect()
}

#[test]
fn of_many_pieces_the_newest_are_listed_and_the_others_counted() {
    let mut pieces = passwords(50, true);
    pieces.reverse();
    let expected = "\
login: satisfied for 1h
  [x] password
      by password, 0s ago (e0), for 1h more
      by password, 1m ago (e1), for 1h more
      by password, 2m ago (e2), for 1h more
      by password, 3m ago (e3), for 1h more
      … and 46 more
";
    assert_eq!(explained("password", pieces), expected);
    let elsewhere = explained("password", passwords(5, false));
    assert!(
        elsewhere.contains("not by password, 3m ago (e3): it was given in another session\n"),
        "{elsewhere}"
    );
    assert!(elsewhere.ends_with("      … and 1 more\n"), "{elsewhere}");
}

#[test]
fn an_explanation_that_is_too_long_ends_with_the_number_of_lines_that_are_left_out() {
    let whole = explained(LOGIN, passwords(9, true));
    let lines: Vec<&str> = whole.lines().collect();
    for most in 0..whole.len() + 60 {
        let text = explained_in(most, LOGIN, passwords(9, true));
        assert!(text.len() <= most.max(48), "{most}: {text}");
        if text != whole {
            let kept = text.lines().count() - 1;
            let rest = match lines.len() - kept {
                1 => "  … and 1 more line".to_owned(),
                more => format!("  … and {more} more lines"),
            };
            assert_eq!(text.lines().collect::<Vec<_>>(), [&lines[..kept], &[&rest]].concat(), "{most}");
        }
    }
}
