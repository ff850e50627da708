//! The whole flow by a client in Python, over TCP and over the Unix socket.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use countersign::config::BookFile;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

use crate::harness::python::{goes_through, script};
use crate::harness::{Harness, START};

#[tokio::test]
async fn a_python_client_goes_through_the_whole_flow_over_tcp() {
    let harness = Harness::start().await;
    for script in ["flow.py", "step_up.py"] {
        goes_through(script, harness.tcp_address(), harness.token(), START.secs()).await;
    }
    harness.stop().await;
}

#[tokio::test]
async fn a_python_client_goes_through_the_whole_flow_over_the_unix_socket() {
    let harness = Harness::start().await;
    for script in ["flow.py", "step_up.py"] {
        let target = format!("unix:{}", harness.socket().display());
        goes_through(script, &target, harness.token(), START.secs()).await;
    }
    harness.stop().await;
}

#[tokio::test]
async fn the_guide_s_example_does_what_it_shows() {
    does_what_it_shows("proto/README.md", 25).await;
}

#[tokio::test]
async fn the_readme_s_example_does_what_it_shows() {
    does_what_it_shows("README.md", 6).await;
}

/// The worked example of a page, with the requirements that it shows, as the page has both.
async fn does_what_it_shows(page: &str, least: usize) {
    let harness = Harness::start().await;
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let page = std::fs::read_to_string(&guide).unwrap();
    let section = page.split("\n## Has this user proved enough?\n").nth(1).unwrap();
    let requirements = section.split("```toml\n").nth(1).unwrap().split("```\n").next().unwrap();
    let book = BookFile { path: "guide.toml".into(), is_its_own: true }.parse(requirements).unwrap();
    harness.service.replace_rulebook(book);
    let dir = tempfile::tempdir().unwrap();
    let mut run = script("guide.py")
        .args([harness.tcp_address(), harness.token(), &START.secs().to_string()])
        .arg(guide)
        .arg(least.to_string())
        .current_dir(dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut answers = run.stdin.take().unwrap();
    let mut lines = BufReader::new(run.stdout.take().unwrap()).lines();
    let mut told = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        // It says when the server's clock is to move, and waits until it has.
        if let Some(seconds) = line.strip_prefix("later ") {
            harness.clock.advance(Duration::from_secs(seconds.parse().unwrap()));
            answers.write_all(b"\n").await.unwrap();
        }
        told.push(line);
    }
    assert!(run.wait().await.unwrap().success() && told.last().unwrap() == "done", "{}", told.join("\n"));
    harness.stop().await;
}
