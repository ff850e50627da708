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
    let totp = |id| Candidate::new(device("totp", id), held(), Effort::Code);
    let world = world(evidence, vec![totp("a"), totp("b")]);
    let set = Requirements::parse(&[("login", text)], VOCABULARY.clone()).unwrap();
    let login = set.named("login").unwrap();
    explain(login, &[login], &decide(login, &world.situation()), &world.situation())
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
            not by totp of device a, 20m ago (e2): it is too old
            not by totp of device b, 0s ago (e3): it was given in another session
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
