//! `countersign requirements`, and what `verify`, `evidence` and `client` come to with it.

use serde_json::{Value, json};

use super::binary::{Place, Server};

/// Settings of a server that knows passwords.
const SETTINGS: &str = r#"
[methods.password]
factor_types = ["knowledge"]
amr = ["pwd"]

[requirements]
login = "password and (totp or recovery_codes)"
payout = "any"
payout_large = "recovery_codes within 5m for transaction"

[[rules]]
requirement = "payout"
when = "amount > 1000"
use = "payout_large"
"#;
/// What alice is asked to approve, as hexadecimal digits.
const TRANSACTION: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn file(place: &Place, name: &str, text: &str) -> String {
    let path = place.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A server with those settings, and recovery codes of alice.
fn with_codes() -> (Place, Server, Vec<String>) {
    let place = Place::new();
    let settings = file(&place, "settings.toml", SETTINGS);
    let server = place.serve_with(&["--config", &settings]);
    let issued = place.run(&["recovery-codes", "issue", "alice", "--json"]).json();
    let codes = issued["recovery_codes"]["codes"].as_array().unwrap().iter();
    let codes = codes.map(|code| code.as_str().unwrap().to_owned()).collect();
    (place, server, codes)
}

#[test]
fn a_file_is_checked_and_each_requirement_shown_expanded() {
    let place = Place::new();
    let checked = place.run(&["requirements", "check", &file(&place, "a.toml", SETTINGS)]);
    assert_eq!(checked.status, 0, "{checked:?}");
    assert_eq!(checked.lines()[0], "REQUIREMENT          REVISION      EXPANDED");
    let login = checked.lines().into_iter().find(|line| line.starts_with("login ")).unwrap();
    assert!(login.ends_with("  password and (totp or recovery_codes)"), "{login}");
    let json = place.run(&["requirements", "check", "a.toml", "--json"]).json();
    assert_eq!(json["requirements"][4]["name"], "payout");
    assert_eq!(json["requirements"][4]["expression"], "any");
    assert_eq!(json["requirements"][4]["revision"].as_str().unwrap().len(), 12);
}

#[test]
fn every_mistake_of_a_file_is_shown_with_a_caret() {
    let place = Place::new();
    let text = SETTINGS.replace("(totp or", "(topt or").replace("amount >", "amount >>");
    let wrong = file(&place, "wrong.toml", &text.replace("\"any\"", "\"any within 5\""));
    let checked = place.run(&["requirements", "check", &wrong]);
    assert_eq!((checked.status, checked.out.as_str()), (2, ""), "{checked:?}");
    for shown in [
        "1 | password and (topt or recovery_codes)\n  |               ^^^^ did you mean `totp`?",
        "1 | any within 5\n  |            ^ write `5s`, `5m`, `5h` or `5d`",
    ] {
        assert!(checked.err.contains(shown), "{}", checked.err);
    }
    let json = place.run(&["requirements", "check", &wrong, "--json"]);
    assert_eq!(json.status, 2);
    let mistakes = json.json()["error"]["mistakes"].as_array().unwrap().clone();
    assert_eq!(mistakes.len(), 2, "{mistakes:?}");
    assert!(mistakes[0]["problem"].as_str().unwrap().contains("--> requirements.login:1:15"), "{mistakes:?}");
    // What is wrong with a rule is looked at when the requirements are right.
    let rule = file(&place, "rule.toml", &SETTINGS.replace("amount >", "amount >>"));
    let checked = place.run(&["requirements", "check", &rule]);
    assert!(checked.err.contains(" --> rules[0].when:1:"), "{}", checked.err);
}

#[test]
fn a_new_file_is_compared_with_an_old_one() {
    let place = Place::new();
    let compare = |text: &str, json: &[&str]| {
        file(&place, "old.toml", SETTINGS);
        file(&place, "new.toml", text);
        place.run(&[&["requirements", "compare", "old.toml", "new.toml"], json].concat())
    };
    let same = compare(SETTINGS, &[]);
    assert_eq!(same.status, 0);
    assert!(same.lines().iter().all(|line| line.ends_with(": same")), "{same:?}");

    let stronger = compare(&SETTINGS.replace("(totp or recovery_codes)", "totp"), &[]);
    assert_eq!(stronger.status, 0, "{stronger:?}");
    let witness = "login: stronger\n  was enough, and is not now: recovery_codes of device 1 \
                   (possession, not restricted_channel); password (knowledge, not recovery, \
                   not restricted_channel)\n";
    assert!(stronger.out.contains(witness), "{}", stronger.out);

    let weaker = SETTINGS.replace("(totp or recovery_codes)", "(totp or hotp or recovery_codes)");
    let weaker = compare(
        &weaker.replace("payout = \"any\"", "payout = \"recovery_codes\"\nnew = \"any\""),
        &["--json"],
    );
    assert_eq!(weaker.status, 1, "{weaker:?}");
    let json = weaker.json();
    assert_eq!(json["harmless"], false);
    let named = |name: &str| {
        let all = json["requirements"].as_array().unwrap();
        all.iter().find(|one| one["name"] == name).unwrap().clone()
    };
    assert_eq!(named("login")["standing"], "weaker");
    assert!(named("login")["new_only"].as_str().unwrap().starts_with("hotp of device 1"), "{json}");
    assert_eq!(named("login")["old_only"], Value::Null);
    assert_eq!(named("payout")["standing"], "stronger");
    assert_eq!(named("new")["standing"], "added");
    assert_eq!(named("countersign.enroll")["standing"], "same");

    let gone = compare(SETTINGS.split("payout_large = ").next().unwrap(), &[]);
    assert_eq!(gone.status, 1, "{gone:?}");
    assert!(gone.out.contains("\npayout_large: removed\n"), "{gone:?}");
    let rules = "rules of payout: undecided\n  applies no more: payout_large when amount > 1000\n";
    assert!(gone.out.ends_with(rules), "{gone:?}");

    let worth_more = compare(&SETTINGS.replace("amr =", "phishing_resistant = true\namr ="), &[]);
    assert_eq!(worth_more.status, 1, "{worth_more:?}");
    let method = "method password: weaker\n  is worth now: phishing_resistant\n";
    assert!(worth_more.out.ends_with(method), "{worth_more:?}");
}

#[test]
fn a_server_lists_what_it_goes_by_as_a_file_is_checked() {
    let (place, _server, _) = with_codes();
    let listed = place.run(&["requirements", "list"]);
    let checked = place.run(&["requirements", "check", "settings.toml"]);
    assert_eq!((listed.status, listed.out), (0, checked.out));
    let listed = place.run(&["requirements", "list", "--json"]).json();
    assert_eq!(listed, place.run(&["requirements", "check", "settings.toml", "--json"]).json());
}

#[test]
fn a_decision_is_explained_leaf_by_leaf_until_it_is_satisfied() {
    let (place, _server, codes) = with_codes();
    let explain = |more: &[&str]| {
        place.run(&[&["requirements", "explain", "login", "--subject", "alice"], more].concat())
    };
    let nothing = explain(&["--session", "s-1"]);
    assert_eq!(nothing.status, 1, "{nothing:?}");
    assert_eq!(nothing.lines()[0], "login: step-up required");
    assert!(nothing.lines()[1].starts_with("  plan 1: password, then recovery_codes ("), "{nothing:?}");

    let recorded = place.run(&["evidence", "record", "alice", "password", "--session", "s-1"]);
    assert_eq!(recorded.status, 0, "{recorded:?}");
    assert!(recorded.out.contains(": password, for this session until 20"), "{recorded:?}");
    let half = explain(&["--session", "s-1"]);
    for line in ["    [x] password", "      [ ] totp: missing", "      [ ] recovery_codes: missing"] {
        assert!(half.lines().contains(&line), "{line}: {half:?}");
    }
    let elsewhere = explain(&["--session", "s-2"]);
    assert!(elsewhere.out.contains("): it was given in another session\n"), "{elsewhere:?}");

    let verified = place.run(&["verify", "alice", &codes[0], "--session", "s-1", "--require", "login"]);
    assert_eq!(verified.status, 0, "{verified:?}");
    assert_eq!(verified.lines()[0], "accepted");
    assert!(verified.lines()[2].ends_with("Z") && verified.lines()[2].starts_with("evidence "));
    assert!(verified.lines()[3].starts_with("login: satisfied until 20"), "{verified:?}");

    let whole = explain(&["--session", "s-1"]);
    assert_eq!(whole.status, 0, "{whole:?}");
    assert!(whole.lines()[0].starts_with("login: satisfied for "), "{whole:?}");
    assert!(whole.lines().last().unwrap().starts_with("satisfied until 20"), "{whole:?}");
    let json = explain(&["--session", "s-1", "--json"]).json();
    assert_eq!(json["decisions"][0]["outcome"], "DECISION_OUTCOME_SATISFIED");
    assert_eq!(json["decisions"][0]["evidence_ids"].as_array().unwrap().len(), 2);

    let unknown = place.run(&["requirements", "explain", "logon", "--subject", "alice"]);
    assert_eq!(unknown.status, 2, "{unknown:?}");
    assert!(unknown.err.contains("ERROR_REASON_REQUIREMENT_NOT_FOUND"), "{unknown:?}");
}

#[test]
fn a_rule_chooses_by_attributes_and_evidence_is_for_one_transaction() {
    let (place, _server, codes) = with_codes();
    let explain = |more: &[&str]| {
        let fixed = ["requirements", "explain", "payout", "--subject", "alice", "--session", "s-1"];
        place.run(&[&fixed, more].concat())
    };
    let large = ["--attribute", "amount=5000", "--transaction", TRANSACTION];
    let missing = explain(&large);
    assert_eq!(missing.status, 1, "{missing:?}");
    assert_eq!(missing.lines()[0], "payout: step-up required");
    assert!(missing.lines().contains(&"  payout_large applies"), "{missing:?}");
    // Without the attribute, the rule applies.
    assert!(explain(&[]).lines().contains(&"  payout_large applies"), "{missing:?}");
    let small = explain(&["--attribute", "amount=5"]);
    assert!(small.out.starts_with("payout: step-up required\n"), "{small:?}");

    let fixed = ["verify", "alice", &codes[0], "--session", "s-1", "--require", "payout"];
    let approved = place.run(&[&fixed[..], &large].concat());
    assert_eq!(approved.status, 0, "{approved:?}");
    assert!(approved.out.contains(", for this transaction until 20"), "{approved:?}");
    assert!(approved.out.contains("\npayout (payout_large): satisfied until 20"), "{approved:?}");
    // That decision has used the evidence up.
    assert!(explain(&large).out.contains("it was used up"), "{:?}", explain(&large));
}

#[test]
fn an_accepted_code_that_is_not_enough_is_a_no() {
    let (place, _server, codes) = with_codes();
    let require = ["--session", "s-1", "--require", "login", "--require", "countersign.remove"];
    let verified = place.run(&[&["verify", "alice", &codes[0]], &require[..]].concat());
    assert_eq!((verified.status, verified.lines()[0]), (1, "accepted"), "{verified:?}");
    let told = "login: step-up required\n  plan 1: password\n";
    assert!(verified.out.contains(told), "{verified:?}");
    assert!(verified.out.contains("\ncountersign.remove: satisfied until 20"), "{verified:?}");
    assert!(verified.out.contains("\nall together: step-up required\n  plan 1: password\n"), "{verified:?}");
}

#[test]
fn a_remembered_client_carries_evidence_into_another_session() {
    let (place, _server, codes) = with_codes();
    let remembered = place.run(&["client", "remember", "alice", "Firefox", "--for", "90m"]);
    assert!(remembered.status == 0 && remembered.out.starts_with("csc_"), "{remembered:?}");
    let token = file(&place, "client.token", &remembered.out);
    let listed = place.run(&["client", "list", "alice"]);
    assert!(listed.lines()[1].ends_with("  Firefox"), "{listed:?}");

    let verify = |code: &str, more: &[&str]| {
        let fixed = ["verify", "alice", code, "--session", "s-1", "--client-token-file", &token];
        place.run(&[&fixed, more].concat())
    };
    let verified = verify(&codes[0], &["--scope", "client"]);
    assert!(verified.out.contains(", for this client until 20"), "{verified:?}");
    let second = place.run(&["evidence", "list", "alice", "--session", "s-2", "--client-token-file", &token]);
    assert_eq!(second.lines().len(), 2, "{second:?}");
    let row = second.lines()[1];
    assert!(row.contains("  recovery-codes  ") && row.contains("Z  client  "), "{row}");
    let by_input = ["evidence", "list", "alice", "--session", "s-2", "--client-token-file", "-", "--json"];
    let by_input = place.run_with_input(&by_input, &remembered.out).json();
    assert_eq!(by_input["evidence"][0]["scope"], "EVIDENCE_SCOPE_CLIENT");
    let stranger = place.run(&["evidence", "list", "alice", "--session", "s-2"]);
    assert_eq!(stranger.out, "no evidence\n");

    let forgotten = place.run(&["client", "forget", "alice", "--all", "--json"]).json();
    assert_eq!(forgotten, json!({ "forgotten_count": "1" }));
    assert_eq!(place.run(&["client", "list", "alice"]).out, "no clients\n");
    let after = place.run(&["evidence", "list", "alice", "--session", "s-2", "--client-token-file", &token]);
    assert_eq!(after.out, "no evidence\n");
}

#[test]
fn evidence_is_taken_back_one_by_one_by_session_and_all_at_once() {
    let (place, _server, codes) = with_codes();
    let record = |session: &str| {
        let fixed = ["evidence", "record", "alice", "password", "--session", session, "--source", "shop"];
        let recorded = place.run(&[&fixed[..], &["--amr", "pwd", "--json"]].concat()).json();
        recorded["evidence"]["id"].as_str().unwrap().to_owned()
    };
    let (one, _) = (record("s-1"), record("s-2"));
    place.run(&["verify", "alice", &codes[0], "--session", "s-2"]);
    let count =
        || place.run(&["evidence", "list", "alice", "--json"]).json()["evidence"].as_array().unwrap().len();
    assert_eq!(count(), 3);
    let revoke = |selection: &[&str]| place.run(&[&["evidence", "revoke", "alice"], selection].concat()).out;
    assert_eq!(revoke(&[&one]), "1 revoked\n");
    assert_eq!(revoke(&["--session", "s-2"]), "2 revoked\n");
    record("s-3");
    assert_eq!(revoke(&["--everything"]), "1 revoked\n");
    assert_eq!(count(), 0);
    let unknown = place.run(&["evidence", "record", "alice", "passwort", "--session", "s-1"]);
    assert_eq!(unknown.status, 2);
    assert!(
        unknown.err.contains("\n  method: must be a method of the configuration: password\n"),
        "{unknown:?}"
    );
}
