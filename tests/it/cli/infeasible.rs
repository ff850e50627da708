//! A requirement that can never be satisfied is a warning: when a file is checked, when the server starts, and when it
//! reads the file again.

use super::binary::Place;
use crate::harness::eventually;

fn asking(login: &str) -> String {
    format!("[methods.password]\nfactor_types = [\"knowledge\"]\n[requirements]\nlogin = \"{login}\"\n")
}

const WARNING: &str = "the requirement login can never be satisfied: no kind of device and no method here is \
                       `phishing_resistant`";

#[test]
fn a_file_is_right_and_says_what_nothing_can_satisfy() {
    let place = Place::new();
    let write = |text: &str| std::fs::write(place.path().join("a.toml"), text).unwrap();
    write(&asking("password and phishing_resistant"));
    let checked = place.run(&["requirements", "check", "a.toml"]);
    assert_eq!(checked.status, 0, "{checked:?}");
    assert_eq!(checked.lines().last(), Some(&format!("warning: {WARNING}").as_str()));
    let json = place.run(&["requirements", "check", "a.toml", "--json"]);
    assert_eq!((json.status, &json.json()["warnings"][0]), (0, &WARNING.into()));
    let config = place.run(&["config", "check", "--config", "a.toml"]);
    assert!(config.out.contains(&format!("\n# warning: {WARNING}\n")), "{config:?}");

    let able =
        asking("password and phishing_resistant").replace("factor", "phishing_resistant = true\nfactor");
    write(&able);
    assert!(!place.run(&["requirements", "check", "a.toml"]).out.contains("warning"));
    assert!(place.run(&["requirements", "check", "a.toml", "--json"]).json()["warnings"].is_null());
}

#[test]
fn a_duration_of_nothing_is_answered_by_what_is_taken() {
    let place = Place::new();
    std::fs::write(place.path().join("a.toml"), asking("totp within 0")).unwrap();
    let checked = place.run(&["requirements", "check", "a.toml"]);
    assert_eq!(checked.status, 2, "{checked:?}");
    let shown = "error: nothing can be done within `0`\n --> requirements.login:1:13\n  |\n\
                 1 | totp within 0\n  |             ^ at least one second, 1s";
    assert!(checked.err.contains(shown), "{}", checked.err);
}

#[tokio::test]
async fn a_server_says_it_once_at_the_start_and_once_for_each_new_file() {
    let place = Place::new();
    let settings = place.path().join("settings.toml");
    std::fs::write(&settings, asking("phishing_resistant")).unwrap();
    let _server = place.serve_with(&["--config", settings.to_str().unwrap(), "--log-level", "info"]);
    let told = || place.log().matches(WARNING).count();
    assert_eq!(told(), 1, "{}", place.log());
    std::fs::write(&settings, asking("password")).unwrap();
    let reads = |count| {
        let place = &place;
        eventually("the file is read again", async move || {
            place.log().matches("the requirements were read again").count() == count
        })
    };
    reads(1).await;
    assert_eq!(told(), 1, "{}", place.log());
    std::fs::write(&settings, asking("phishing_resistant")).unwrap();
    eventually("it is told again", async || told() == 2).await;
}
