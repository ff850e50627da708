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
    for step in ["accepted", "rejected: the code was used before", "throttled: ", "9 recovery codes"] {
        assert!(done.out.contains(step), "{step}: {}", done.out);
    }
    assert!(done.out.ends_with("Everything was as promised.\n"), "{}", done.out);
    assert!(is_empty(&place));
}

#[test]
fn without_once_it_serves_until_it_is_interrupted() {
    let (place, temporary) = place();
    let mut child = place.command().arg("demo").env("TMPDIR", &temporary).spawn().unwrap();
    let told = read_until(&mut child, "device list alice --server unix:");
    let word = |before: &str| {
        let (_, after) = told.split_once(before).unwrap();
        after.split_whitespace().next().unwrap().to_owned()
    };
    let (token, server) = (word("export TOKEN="), word("device list alice --server "));
    let code = word("\"proof\": {\"code\": \"");
    let code = code.split('"').next().unwrap();
    let variables = [("COUNTERSIGN_TOKEN", token.as_str()), ("COUNTERSIGN_SERVER", &server)];
    let verified = place.run_in(&variables, &["verify", "alice", code], "");
    assert_eq!(verified.status, 0, "{verified:?}");
    signal(&child, "-INT");
    assert_eq!(rest(child).1, Some(0));
    assert!(is_empty(&place));
}
