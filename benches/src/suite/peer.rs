//! django-otp's `verify_token` behind gunicorn, on the same PostgreSQL and the same processors, in turn with the
//! product.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::book::{Book, Figure};
use super::stage::Stage;
use crate::database::{Engine, run as carry_out};
use crate::load::What;
use crate::noise::Ours;
use crate::process;
use crate::raw::Limit;
use crate::report::{Report, Target};
use crate::{Failed, Options};

const IN_FLIGHT: [usize; 3] = [1, 8, 32];
/// Where the peer's program lies.
const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peer");
/// How many processes and threads serve: two processors, and each thread waits for the database now and then.
const GUNICORN: [&str; 6] = ["-k", "gthread", "-w", "2", "--threads", "4"];

/// Measures both.
pub fn run(dir: &Path, options: &Options) -> Result<Report, Failed> {
    let programs = install(dir)?;
    let mut stage = Stage::set_up(Engine::Postgres, "peer", dir, options)?;
    stage.load(What::Verify, 32)?;
    stage.database.ask("CREATE DATABASE peer")?;
    let postgres = stage.database.port().to_string();
    let mut fill = Command::new(programs.join("python"));
    fill.args(["peer.py", "fill", &options.devices.to_string()]).current_dir(SOURCE);
    fill.env("PEER_PORT", &postgres).env("PYTHONDONTWRITEBYTECODE", "1");
    carry_out(fill)?;
    stage.database.ask("VACUUM ANALYZE")?;
    let peer = Peer::start(&programs, &postgres)?;

    let mut book = Book::new(dir, options);
    let mut made = 0;
    for run in 1..=options.runs {
        eprintln!("run {run} of {}", options.runs);
        for in_flight in IN_FLIGHT {
            let ours = Ours { server: Some(peer.child.id()), ..stage.ours() };
            book.measure(&format!("django-otp, {in_flight} in flight"), ours, || {
                let limit: Limit = process::run(&[
                    "peer-load",
                    "--port",
                    &peer.port.to_string(),
                    "--in-flight",
                    &in_flight.to_string(),
                    "--seconds",
                    &options.seconds.to_string(),
                    "--devices",
                    &options.devices.to_string(),
                    "--made",
                    &made.to_string(),
                ])?;
                made += limit.operations;
                Ok(Figure::from(&limit))
            })?;
            book.measure(&format!("verify, {in_flight} in flight"), stage.ours(), || {
                Ok(Figure::from(&stage.load(What::Verify, in_flight)?))
            })?;
        }
    }
    drop(peer);
    let title = format!("Verify against django-otp, {}", stage.database.version()?);
    stage.stop()?;
    let note = format!(
        "django-otp: HOTP devices, no middleware, no session, no query for the user; gunicorn {}, connections kept. \
         Versions: benches/peer/requirements.txt.",
        GUNICORN.join(" ")
    );
    let mut report = book.report(title, &[&note]);
    for in_flight in IN_FLIGHT {
        let target = (in_flight == 32).then_some(Target::AtLeast(20.0));
        let (ours, theirs) =
            (format!("verify, {in_flight} in flight"), format!("django-otp, {in_flight} in flight"));
        report.ratio(&ours, &theirs, target);
        report.latency_ratio(&ours, &theirs, None);
    }
    Ok(report)
}

/// Makes a virtual environment with what the peer needs, once for each build directory. Gives its programs.
fn install(dir: &Path) -> Result<PathBuf, Failed> {
    let beside = dir.parent().ok_or("a directory in no other")?.join("peer-environment");
    let programs = beside.join("bin");
    let mut make = Command::new("python3");
    make.arg("-m").arg("venv").arg(&beside);
    carry_out(make)?;
    let mut pip = Command::new(programs.join("pip"));
    pip.args(["install", "-q", "-r"]).arg(Path::new(SOURCE).join("requirements.txt"));
    carry_out(pip)?;
    Ok(programs)
}

/// The peer, as it serves.
struct Peer {
    child: Child,
    port: u16,
}

impl Peer {
    fn start(programs: &Path, postgres: &str) -> Result<Self, Failed> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = Command::new(programs.join("gunicorn"));
        command.args(GUNICORN).args(["-b", &format!("127.0.0.1:{port}"), "--log-level", "error"]);
        command.arg("peer:application").current_dir(SOURCE);
        command.env("PEER_PORT", postgres).env("PYTHONDONTWRITEBYTECODE", "1");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
        let peer = Self { child, port };
        let begin = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            if begin.elapsed() > Duration::from_secs(30) {
                return Err("the peer did not start; what it said is above".into());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(peer)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Its workers end with it, if it is asked and not killed.
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}
