//! The program, as a site's tests start it, and a client in Python that moves time by a day.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

#[cfg(test)]
#[path = "../../it/harness/python.rs"]
mod python;

/// A whole step of 30 seconds.
const START: i64 = 1_700_000_010;

const SETTINGS: &str = "[requirements]\ntotp_now = \"totp within 1h\"\n";

#[tokio::test]
async fn a_python_client_moves_time_by_a_day() {
    let dir = tempfile::tempdir().unwrap();
    let settings = dir.path().join("settings.toml");
    std::fs::write(&settings, SETTINGS).unwrap();
    let mut server = Command::new(env!("CARGO_BIN_EXE_countersign-test-server"))
        .args(["--listen", "127.0.0.1:0", "--log-format", "json", "--data-dir"])
        .arg(dir.path().join("data"))
        .arg("--config")
        .arg(&settings)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut out = BufReader::new(server.stdout.take().unwrap()).lines();
    let ready = out.next_line().await.unwrap().unwrap();
    assert!(ready.starts_with("countersign-test-server "), "{ready}");
    let token = std::fs::read_to_string(dir.path().join("data/caller-token")).unwrap();
    python::goes_through("day.py", ready.rsplit(' ').next().unwrap(), token.trim(), START).await;
    let pid = server.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
    assert!(server.wait().await.unwrap().success(), "it must end with status 0");
}
