//! Parts that another process plays: this test binary starts itself again and runs one ignored test, which
//! does nothing unless it was started so.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

/// Names the directory that a part plays in.
const DIR: &str = "COUNTERSIGN_TEST_PART_DIR";
/// Says what a part logs.
pub(crate) const LOG: &str = "COUNTERSIGN_TEST_PART_LOG";
/// What a part says begins so: the test runner speaks on the same line.
const MARK: &str = "» ";
/// Whom nobody gives any rights.
const NOBODY: u32 = 65534;

/// The part that is to be played, in that directory. `None`: it was run for its own sake, and has nothing
/// to do.
#[expect(clippy::disallowed_methods, reason = "the process that starts a part tells it where")]
pub(crate) fn stage() -> Option<PathBuf> {
    std::env::var(DIR).ok().map(PathBuf::from)
}

/// What a part logs: warnings, unless it is told otherwise.
#[expect(clippy::disallowed_methods, reason = "the process that starts a part tells it what")]
pub(crate) fn log_filter() -> String {
    std::env::var(LOG).unwrap_or_else(|_| "warn".to_owned())
}

/// Says something to who started the part.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "\n{MARK}{line}").unwrap();
    out.flush().unwrap();
}

/// Waits until who started the part is gone, or has hung up.
pub(crate) fn wait_for_the_end() {
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

/// The command that plays a part, by the path of its test.
pub(crate) fn command(test: &str, dir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(arguments(test)).env(DIR, dir).env("RUST_BACKTRACE", "0");
    command
}

fn arguments(test: &str) -> [&str; 5] {
    ["--exact", test, "--ignored", "--nocapture", "--quiet"]
}

/// The command that plays a part as a user without rights, if this user has too many.
pub(crate) fn command_without_rights(test: &str, dir: &Path) -> Command {
    if !is_root() {
        return command(test, dir);
    }
    // By this name it is found whatever the directories on the way to it let through.
    let mut command = Command::new("/proc/self/exe");
    command.args(arguments(test)).env(DIR, dir).env("RUST_BACKTRACE", "0").uid(NOBODY).gid(NOBODY);
    command
}

/// The command that plays a part after `mounts`, a shell script in a mount namespace of its own, in which
/// `$DIR` is the part's directory. Who is not root is so in a user namespace.
pub(crate) fn command_with_mounts(test: &str, dir: &Path, mounts: &str) -> Command {
    let mut command = Command::new("unshare");
    command
        .args(if is_root() { &["--mount"][..] } else { &["--mount", "--map-root-user"] })
        .args(["sh", "-ec", &format!("{mounts}\nexec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().unwrap())
        .args(arguments(test))
        .env("DIR", dir)
        .env(DIR, dir)
        .env("RUST_BACKTRACE", "0");
    command
}

/// Why there cannot be mounts of one's own here; `None`: there can.
pub(crate) fn no_mounts(dir: &Path) -> Option<String> {
    let mut try_out = Command::new("unshare");
    try_out
        .args(if is_root() { &["--mount"][..] } else { &["--mount", "--map-root-user"] })
        .args(["mount", "-t", "tmpfs", "-o", "size=256k", "none"])
        .arg(dir);
    match try_out.output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Some(error.to_string()),
    }
}

pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Plays a part to its end.
pub(crate) fn play(mut command: Command) -> Output {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("1 passed"), "{out}\n{err}");
    output
}

/// A part that is being played. Killed when it is dropped.
pub(crate) struct Part {
    child: Child,
    says: BufReader<ChildStdout>,
}

impl Part {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let says = BufReader::new(child.stdout.take().unwrap());
        Self { child, says }
    }

    /// What it says next.
    pub(crate) fn hear(&mut self) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            assert!(self.says.read_line(&mut line).unwrap() > 0, "the part ended without a word");
            if let Some(said) = line.strip_prefix(MARK) {
                return said.trim_end().to_owned();
            }
        }
    }

    /// Lets it end by itself, and well.
    pub(crate) fn end(mut self) {
        drop(self.child.stdin.take());
        let mut rest = String::new();
        self.says.read_to_string(&mut rest).unwrap();
        assert!(self.child.wait().unwrap().success(), "{rest}");
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
