//! The command as its users run it: the real binary, its answers and its exit status.

mod binary;
mod callers;
mod data_dir;
mod demo;
mod descriptors;
mod infeasible;
mod reload;
mod requirements;

use countersign::domain::secret::Secret;
use countersign::kinds::oath::Generator;
use countersign::kinds::oath::algorithm::Algorithm;
use countersign::kinds::oath::parameters::Digits;

use self::binary::{Done, Place, Server};

/// A secret that was made elsewhere.
const SECRET: &[u8] = b"12345678901234567890";
/// It as an app shows it: in groups, in lower case.
const BASE32: &str = "gezd gnbv gy3t qojq gezd gnbv gy3t qojq\n";

fn code(counter: u64) -> String {
    let generator = Generator::new(Algorithm::Sha1, &Secret::new(SECRET.to_vec()), Digits::default());
    generator.code(counter).expose().to_owned()
}

/// A server, and a token that was brought along and is in use for alice. Its next counter is 1.
fn with_a_token() -> (Place, Server, String) {
    let place = Place::new();
    let server = place.serve();
    let file = place.path().join("secret");
    std::fs::write(&file, BASE32).unwrap();
    let file = file.to_str().unwrap();
    let enrolled =
        place.run(&["device", "enroll", "alice", "--kind", "hotp", "--secret-base32-file", file, "--json"]);
    let device = enrolled.json()["device"]["id"].as_str().unwrap().to_owned();
    let confirmed = place.run_with_input(&["device", "confirm", "alice", &device, "-"], &code(0));
    assert_eq!(confirmed.status, 0, "{confirmed:?}");
    (place, server, device)
}

#[test]
fn a_code_is_accepted_once_and_the_status_says_so() {
    let (place, _server, device) = with_a_token();
    let verify = |code: &str| place.run(&["verify", "alice", "--device", &device, code]);
    let first = verify(&code(1));
    assert_eq!((first.status, first.lines()[0]), (0, "accepted"));
    let second = verify(&code(1));
    assert_eq!(second.status, 1, "{second:?}");
    assert!(second.out.starts_with("rejected: the code was used before, next try at 20"), "{second:?}");
    let third = place.run(&["verify", "alice", "--device", &device, &code(2), "--json"]);
    assert_eq!(third.status, 1);
    assert_eq!(third.json()["verdict"]["outcome"], "OUTCOME_THROTTLED");

    let unlocked = place.run(&["device", "unlock", "alice", &device, "--json"]);
    assert_eq!(unlocked.json()["device"]["throttle"]["failure_count"], 0);
    assert_eq!(verify(&code(2)).status, 0);
}

#[test]
fn a_device_is_changed_listed_and_removed() {
    let (place, _server, device) = with_a_token();
    let change = |words: &[&str]| {
        let done = place.run(&[&["device", words[0], "alice", &device], &words[1..], &["--json"]].concat());
        assert_eq!(done.status, 0, "{done:?}");
        done.json()["device"].clone()
    };
    assert_eq!(change(&["rename", "old token"])["name"], "old token");
    assert_eq!(change(&["prefer"])["preferred"], true);
    assert_eq!(change(&["suspend"])["state"], "DEVICE_STATE_SUSPENDED");
    let refused = place.run(&["verify", "alice", "--device", &device, &code(1)]);
    assert_eq!((refused.status, refused.lines()[0]), (1, "unavailable: the device is locked or suspended"));
    assert_eq!(place.run(&["device", "list", "alice", "--json"]).json()["devices"], serde_json::json!([]));
    let all = place.run(&["device", "list", "alice", "--all-states"]);
    assert!(all.lines()[1].starts_with(&format!("{device}  *  hotp  suspended  20")), "{all:?}");
    assert!(all.lines()[1].ends_with("Z  old token"), "{all:?}");
    assert_eq!(change(&["resume"])["state"], "DEVICE_STATE_ACTIVE");

    let found = place.run(&["device", "resync", "alice", &device, &code(40), &code(41)]);
    assert_eq!((found.status, found.lines()[0]), (0, "accepted"));
    let shown = place.run(&["device", "show", "alice", &device]);
    assert!(shown.out.contains("\ncounter:    42\n"), "{shown:?}");
    assert!(!shown.out.to_uppercase().contains("GEZD"), "a secret is shown once");

    assert_eq!(place.run(&["device", "delete", "alice", &device]).status, 0);
    let gone = place.run(&["device", "show", "alice", &device]);
    assert_eq!(gone.status, 2);
    assert!(gone.err.contains("ERROR_REASON_DEVICE_NOT_FOUND (NOT_FOUND)"), "{gone:?}");
    let gone = place.run(&["device", "show", "alice", &device, "--json"]);
    assert_eq!(gone.json()["error"]["reason"], "ERROR_REASON_DEVICE_NOT_FOUND");
}

#[test]
fn recovery_codes_are_issued_added_and_counted() {
    let place = Place::new();
    let _server = place.serve();
    let issued = place.run(&["recovery-codes", "issue", "bob", "--count", "2"]);
    let lines = issued.lines();
    assert_eq!(lines.len(), 3, "{issued:?}");
    assert!(lines[2].starts_with("2 of bob left in "), "{issued:?}");
    assert_eq!(place.run(&["verify", "bob", lines[0]]).status, 0);
    let added = place.run(&["recovery-codes", "add", "bob"]);
    assert!(added.lines()[1].starts_with("2 of bob left in "), "{added:?}");
    let chosen = place.run_with_input(&["recovery-codes", "add", "bob", "--code", "-"], "desk 42!\n");
    assert!(chosen.out.starts_with("3 of bob left in ") && !chosen.out.contains("desk"), "{chosen:?}");
    assert_eq!(place.run(&["verify", "bob", "desk 42!"]).status, 0);
    let summary = place.run(&["subject", "show", "bob", "--json"]).json();
    assert_eq!(summary["recovery_codes_remaining"], 2);
    assert_eq!(summary["active_kinds"], serde_json::json!(["DEVICE_KIND_RECOVERY_CODES"]));
}

#[test]
fn an_enrollment_shows_the_code_to_scan_and_what_to_do_next() {
    let place = Place::new();
    let _server = place.serve();
    let enrolled = place.run(&["device", "enroll", "carol's", "--kind", "totp", "--name", "phone"]);
    assert!(
        enrolled.out.contains("█▀") && enrolled.out.contains("uri:    otpauth://totp/carol"),
        "{enrolled:?}"
    );
    let last = *enrolled.lines().last().unwrap();
    assert!(last.starts_with(r"confirm it with: countersign device confirm 'carol'\''s' "), "{last}");
    let wrong =
        place.run(&["device", "enroll", "carol", "--kind", "totp", "--digits", "9", "--period", "5s"]);
    assert_eq!(wrong.status, 2);
    for line in ["\n  totp.digits: must be", "\n  totp.period: must be"] {
        assert!(wrong.err.contains(line), "{wrong:?}");
    }
}

#[test]
fn who_is_not_known_is_told_which_token_was_sent() {
    let place = Place::new();
    let server = place.serve();
    let asked = |variable: (&str, &str), data_dir: &str| -> Done {
        let arguments = ["subject", "show", "alice", "--server", &server.tcp, "--data-dir", data_dir];
        place.run_in(&[variable], &arguments, "")
    };
    let wrong = asked(("COUNTERSIGN_TOKEN", "cs_wrong"), "data");
    assert_eq!(wrong.status, 2);
    assert!(wrong.err.contains("hint: the token of COUNTERSIGN_TOKEN was sent"), "{wrong:?}");
    assert!(!wrong.err.contains("cs_wrong"), "{wrong:?}");
    let none = asked(("UNUSED", ""), "elsewhere");
    assert!(none.err.contains("hint: no token was sent: name its file with --token-file"), "{none:?}");
}

#[test]
fn a_server_is_found_by_its_data_directory_until_it_stops() {
    let place = Place::new();
    let server = place.serve();
    assert_eq!(place.run(&["probe"]).out, "serving\n");
    let other = place.run(&["probe", "--service", "another.Service"]);
    assert_eq!((other.status, other.out.as_str()), (1, "service unknown\n"));
    // A second server on the same address must not take the first one's note away.
    let taken = place.run(&["serve", "--listen", &server.tcp, "--data-dir", "data"]);
    assert_eq!(taken.status, 2, "{taken:?}");
    assert_eq!(place.run(&["probe"]).out, "serving\n");
    assert_eq!(server.stop(), 0);
    assert!(!place.path().join("data/address").exists());
}
