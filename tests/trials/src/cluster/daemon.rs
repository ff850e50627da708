//! A program of a cluster, in the background: as a user that servers accept, with its log in a file.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::database::programs::{NOBODY, is_nobody, is_root, run};
use crate::{Failed, signal};

/// How long a program may take to end when it is told to.
const FAREWELL: Duration = Duration::from_secs(20);
/// Lines of a log that are shown of a program that did not do what it should.
const SHOWN: usize = 30;

/// A program that runs. It is killed when this is dropped, and when the trial itself is killed.
pub struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts one whose files are in that directory, as the owner of it.
    ///
    /// # Errors
    /// There is no such program.
    pub fn start<A: AsRef<OsStr>>(program: &str, arguments: &[A], dir: &Path) -> Result<Self, Failed> {
        let name = Path::new(program).file_name().unwrap_or_default();
        let log = dir.join(name).with_extension("log");
        let out = std::fs::File::options().create(true).append(true).open(&log)?;
        // Not by the standard library alone: what a trial that is killed leaves running would stay.
        let mut command = Command::new("setpriv");
        if is_nobody(dir)? {
            let nobody = NOBODY.to_string();
            command.args(["--reuid", &nobody, "--regid", &nobody, "--clear-groups"]);
        }
        command.args(["--pdeathsig", "KILL", "--", program]).args(arguments).current_dir(dir);
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out).kill_on_drop(true);
        let child = command.spawn().map_err(|e| format!("setpriv {program}: {e}"))?;
        Ok(Self { child, log })
    }

    /// Its process. None: it has ended.
    pub fn process(&mut self) -> Result<Option<u32>, Failed> {
        Ok(if self.child.try_wait()?.is_none() { self.child.id() } else { None })
    }

    /// Kills it, as a crash does.
    ///
    /// # Errors
    /// It cannot be killed.
    pub async fn kill(&mut self) -> Result<(), Failed> {
        Ok(self.child.kill().await?)
    }

    /// Tells it to end, and waits until it has.
    ///
    /// # Errors
    /// It does not; then it is killed.
    pub async fn end(&mut self) -> Result<(), Failed> {
        let Some(process) = self.process()? else { return Ok(()) };
        signal::send("TERM", &[process]).await?;
        if tokio::time::timeout(FAREWELL, self.child.wait()).await.is_err() {
            self.kill().await?;
            return Err(format!("it did not end within {FAREWELL:?}; {}", self.last_words()).into());
        }
        Ok(())
    }

    /// The end of its log.
    #[must_use]
    pub fn last_words(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        let last = lines[lines.len().saturating_sub(SHOWN)..].join("\n");
        format!("the end of {}:\n{last}", self.log.display())
    }
}

/// Makes a directory in another for one program's files, which belongs to whoever the program runs as.
///
/// # Errors
/// The operating system refuses.
pub async fn own_dir(within: &Path, name: &str) -> Result<PathBuf, Failed> {
    let dir = within.join(name);
    std::fs::create_dir(&dir)?;
    if is_root(&dir)? {
        // Who runs in it has to get there.
        run("chmod", &["755", &within.display().to_string()]).await?;
        run("chown", &[&format!("{NOBODY}:{NOBODY}"), &dir.display().to_string()]).await?;
    }
    Ok(dir)
}

/// Ports on loopback that are free now, all different.
///
/// # Errors
/// There are none.
pub async fn free_ports<const N: usize>() -> Result<[u16; N], Failed> {
    let mut held = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}

/// Waits until something holds.
///
/// # Errors
/// It does not within that time; says what was waited for.
pub async fn until(
    what: &str,
    patience: Duration,
    mut holds: impl AsyncFnMut() -> Result<bool, Failed>,
) -> Result<(), Failed> {
    let end = Instant::now() + patience;
    let mut every = tokio::time::interval(Duration::from_millis(100));
    loop {
        every.tick().await;
        let said = match holds().await {
            Ok(true) => return Ok(()),
            Ok(false) => String::new(),
            Err(error) => format!(": {error}"),
        };
        if Instant::now() > end {
            return Err(format!("{what} took longer than {patience:?}{said}").into());
        }
    }
}
