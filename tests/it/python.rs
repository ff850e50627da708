//! The whole flow by a client in Python, over TCP and over the Unix socket.
//!
//! `tests/run` names the interpreter, with grpcio in it, in `COUNTERSIGN_TEST_PYTHON`.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;

use countersign::config::BookFile;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;

use crate::harness::{Harness, START};

#[tokio::test]
async fn a_python_client_goes_through_the_whole_flow_over_tcp() {
    let harness = Harness::start().await;
    for script in ["flow.py", "step_up.py"] {
        goes_through(&harness, script, harness.tcp_address()).await;
    }
    harness.stop().await;
}

#[tokio::test]
async fn a_python_client_goes_through_the_whole_flow_over_the_unix_socket() {
    let harness = Harness::start().await;
    for script in ["flow.py", "step_up.py"] {
        goes_through(&harness, script, &format!("unix:{}", harness.socket().display())).await;
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

fn script(name: &str) -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(name);
    let mut command = Command::new(python());
    // Nothing is written beside the sources.
    command.arg(script).env("PYTHONPATH", stubs()).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

async fn goes_through(harness: &Harness, name: &str, target: &str) {
    let run = script(name).args([target, harness.token(), &START.secs().to_string()]).output().await.unwrap();
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success() && out.ends_with("done\n"), "{name}: {out}\n{err}");
}

fn python() -> String {
    #[expect(clippy::disallowed_methods, reason = "the tests are told by their environment where tools are")]
    std::env::var("COUNTERSIGN_TEST_PYTHON")
        .expect("COUNTERSIGN_TEST_PYTHON must name a Python with grpcio-tools: tests/run sets it")
}

/// Where the stubs are that are made from the protobuf files, once for each run of the tests.
fn stubs() -> &'static Path {
    static STUBS: OnceLock<PathBuf> = OnceLock::new();
    STUBS.get_or_init(|| {
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("stubs-{}", std::process::id()));
        std::fs::create_dir_all(&out).unwrap();
        let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto");
        let files = std::fs::read_dir(proto.join("countersign/v1")).unwrap();
        let made = std::process::Command::new(python())
            .args(["-m", "grpc_tools.protoc"])
            .arg(format!("--proto_path={}", proto.display()))
            .arg(format!("--python_out={}", out.display()))
            .arg(format!("--grpc_python_out={}", out.display()))
            .args(files.map(|file| file.unwrap().path()))
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        out
    })
}
