//! Requirements that change while the server runs.

use std::os::unix::fs::symlink;
use std::path::Path;

use super::binary::Place;
use crate::harness::eventually;

/// A file of requirements with this one.
fn asking(login: &str) -> String {
    format!("[methods.password]\nfactor_types = [\"knowledge\"]\n[requirements]\nlogin = \"{login}\"\n")
}

/// What the server asks for a login, over the wire.
fn login(place: &Place) -> Option<String> {
    let listed = place.run(&["requirements", "list", "--json"]).json();
    let all = listed["requirements"].as_array().unwrap().clone();
    let login = all.iter().find(|one| one["name"] == "login")?;
    Some(login["expression"].as_str().unwrap().to_owned())
}

async fn until_asks(place: &Place, text: &str) {
    eventually(&format!("login asks for {text}"), async || login(place).as_deref() == Some(text)).await;
}

async fn until_logs(place: &Place, text: &str) {
    eventually(&format!("the log says {text}"), async || place.log().contains(text)).await;
}

/// Writes a new version of a ConfigMap's volume, as the kubelet does: a directory of its own, and one rename.
fn publish(volume: &Path, version: &str, text: &str) {
    std::fs::create_dir(volume.join(version)).unwrap();
    std::fs::write(volume.join(version).join("requirements.toml"), text).unwrap();
    symlink(version, volume.join("..data_tmp")).unwrap();
    std::fs::rename(volume.join("..data_tmp"), volume.join("..data")).unwrap();
}

#[tokio::test]
async fn a_config_map_is_taken_when_it_is_good_and_left_when_it_is_bad() {
    let place = Place::new();
    let volume = place.path().join("config");
    std::fs::create_dir(&volume).unwrap();
    symlink("..data/requirements.toml", volume.join("requirements.toml")).unwrap();
    publish(&volume, "..1", &asking("password"));
    let settings = place.path().join("settings.toml");
    std::fs::write(&settings, "requirements_file = \"config/requirements.toml\"\n").unwrap();
    let _server = place.serve_with(&["--config", settings.to_str().unwrap(), "--log-level", "info"]);
    let explained =
        || place.run(&["requirements", "explain", "login", "--subject", "alice", "--session", "s-1"]).status;
    assert_eq!(place.run(&["evidence", "record", "alice", "password", "--session", "s-1"]).status, 0);
    assert_eq!(explained(), 0);

    publish(&volume, "..2", &asking("password and totp"));
    until_asks(&place, "password and totp").await;
    assert_eq!(explained(), 1, "it is decided by the new ones");

    publish(&volume, "..3", &asking("password and topt"));
    until_logs(&place, "did you mean `totp`?").await;
    assert_eq!(login(&place).as_deref(), Some("password and totp"), "the old ones stay");
    assert_eq!(explained(), 1);

    publish(&volume, "..4", &asking("password within 1h"));
    until_asks(&place, "password within 1h").await;
    assert_eq!(explained(), 0);
    let log = place.log();
    assert_eq!(log.matches("the requirements were not taken").count(), 1, "{log}");
    assert_eq!(log.matches("the requirements were read again: 1 changed (login)").count(), 2, "{log}");
}

#[tokio::test]
async fn a_file_is_taken_however_it_is_written() {
    let place = Place::new();
    let settings = place.path().join("settings.toml");
    let write =
        |login: &str| std::fs::write(&settings, format!("[policy]\nissuer = \"x\"\n{}", asking(login)));
    write("password").unwrap();
    let _server = place.serve_with(&["--config", settings.to_str().unwrap(), "--log-level", "info"]);
    assert_eq!(login(&place).as_deref(), Some("password"));
    // In place.
    write("totp").unwrap();
    until_asks(&place, "totp").await;
    // By an editor, which moves another file there.
    let beside = place.path().join(".settings.toml.swp");
    std::fs::write(&beside, asking("hotp")).unwrap();
    std::fs::rename(&beside, &settings).unwrap();
    until_asks(&place, "hotp").await;
    // Gone, and there again.
    std::fs::remove_file(&settings).unwrap();
    until_logs(&place, "settings.toml: cannot be read: ").await;
    assert_eq!(login(&place).as_deref(), Some("hotp"), "the old ones stay");
    write("recovery_codes").unwrap();
    until_asks(&place, "recovery_codes").await;
}
