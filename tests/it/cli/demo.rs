//! The demonstration.

use super::binary::{Place, read_until, rest, signal};

/// A place whose temporary directory is its own, so that what is left behind is seen.
fn place() -> (Place, String) {
    let place = Place::new();
    let temporary = place.path().to_str().unwrap().to_owned();
    (place, temporary)
}

fn is_empty(place: &Place) -> bool {
    std::fs::read_dir(place.path()).unwrap().next().is_none()
}

#[test]
fn it_keeps_its_promises_and_leaves_nothing_behind() {
    let (place, temporary) = place();
    // Settings of the environment, wrong ones too, are none of its business.
    let variables = [("TMPDIR", temporary.as_str()), ("COUNTERSIGN_LISTEN", "nowhere")];
    let done = place.run_in(&variables, &["demo", "--once"], "");
    assert_eq!(done.status, 0, "{done:?}");
    let steps = [
        "-> accepted\n",
        "-> evidence ",
        "-> login: step-up required\n     plan 1: totp (",
        "-> login: satisfied until 20",
        "-> rejected: the code was used before",
        "-> throttled: ",
        "-> login: step-up required\n     plan 1: password\n",
        "     countersign.enroll: step-up required\n       plan 1: totp (",
        "ERROR_REASON_STEP_UP_REQUIRED",
        "9 recovery codes",
    ];
    let mut rest = done.out.as_str();
    for step in steps {
        rest = rest.split_once(step).unwrap_or_else(|| panic!("{step} comes in order: {}", done.out)).1;
    }
    assert!(!done.out.contains("csc_"), "a client's token is not shown");
    assert!(done.out.ends_with("Everything was as promised.\n"), "{}", done.out);
    assert!(is_empty(&place));
}

#[test]
fn without_once_it_serves_until_it_is_interrupted() {
    let (place, temporary) = place();
    let mut child = place.command().arg("demo").env("TMPDIR", &temporary).spawn().unwrap();
    let told = read_until(&mut child, " device list alice\n");
    let word = |before: &str| {
        let (_, after) = told.split_once(before).unwrap_or_else(|| panic!("{before}: {told}"));
        after.split_whitespace().next().unwrap().to_owned()
    };
    let (token, server) = (word("export TOKEN="), word("COUNTERSIGN_SERVER="));
    let variables = [("COUNTERSIGN_TOKEN", token.as_str()), ("COUNTERSIGN_SERVER", &server)];
    // What it says to paste, of this program.
    let line = |begins: &str| {
        let line = told.lines().find_map(|line| line.split_once(begins)).unwrap();
        let words: Vec<&str> = begins.split_whitespace().chain(line.1.split_whitespace()).collect();
        place.run_in(&variables, &words, "")
    };
    let explained = line("requirements explain ");
    assert_eq!(explained.status, 1, "{explained:?}");
    assert!(explained.out.contains("): it was given in another client\n"), "{explained:?}");
    let verified = line("verify alice ");
    assert_eq!(verified.status, 0, "{verified:?}");
    assert!(verified.out.contains("\nlogin: satisfied until "), "{verified:?}");
    assert_eq!(line("device list alice").lines().len(), 3);
    assert!(told.contains("countersign.v1.AssuranceService/Evaluate\n"), "{told}");
    signal(&child, "-INT");
    assert_eq!(rest(child).1, Some(0));
    assert!(is_empty(&place));
}
