//! Scripts in Python that call a server. `tests/run` names the interpreter, with grpcio in it, in
//! `COUNTERSIGN_TEST_PYTHON`. The tests of the test server share this file.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tokio::process::Command;

/// A script of `tests/python`.
pub(crate) fn script(name: &str) -> Command {
    let mut command = Command::new(python());
    // No `__pycache__` beside the sources.
    command
        .arg(root().join("tests/python").join(name))
        .env("PYTHONPATH", stubs())
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Runs a script on a server, to its end. `now` is the time for the script, in seconds since 1970.
pub(crate) async fn goes_through(name: &str, target: &str, token: &str, now: i64) {
    let run = script(name).args([target, token, &now.to_string()]).output().await.unwrap();
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success() && out.ends_with("done\n"), "{name}: {out}\n{err}");
}

/// The folder that holds `proto/`: of this package, or of one below it.
fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().find(|folder| folder.join("proto").is_dir()).unwrap()
}

fn python() -> String {
    #[expect(clippy::disallowed_methods, reason = "the tests are told by their environment where tools are")]
    std::env::var("COUNTERSIGN_TEST_PYTHON")
        .expect("COUNTERSIGN_TEST_PYTHON must name a Python with grpcio-tools: tests/run sets it")
}

/// The folder of the stubs, which are made from the protobuf files once for each run of the tests.
fn stubs() -> &'static Path {
    static STUBS: OnceLock<PathBuf> = OnceLock::new();
    STUBS.get_or_init(|| {
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("stubs-{}", std::process::id()));
        std::fs::create_dir_all(&out).unwrap();
        let proto = root().join("proto");
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
