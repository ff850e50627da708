//! The whole flow by a client in Python, over TCP and over the Unix socket.
//!
//! `tests/run` names the interpreter, with grpcio in it, in `COUNTERSIGN_TEST_PYTHON`.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tokio::process::Command;

use crate::harness::{Harness, START};

#[tokio::test]
async fn a_python_client_goes_through_the_whole_flow_over_tcp() {
    let harness = Harness::start().await;
    flow(&harness, harness.tcp_address()).await;
    harness.stop().await;
}

#[tokio::test]
async fn a_python_client_goes_through_the_whole_flow_over_the_unix_socket() {
    let harness = Harness::start().await;
    flow(&harness, &format!("unix:{}", harness.socket().display())).await;
    harness.stop().await;
}

async fn flow(harness: &Harness, target: &str) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/flow.py");
    let run = Command::new(python())
        .arg(script)
        .args([target, harness.token(), &START.secs().to_string()])
        .env("PYTHONPATH", stubs())
        .output()
        .await
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success() && out.ends_with("done\n"), "{out}\n{err}");
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
