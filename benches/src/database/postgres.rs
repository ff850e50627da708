//! PostgreSQL.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{as_nobody, run};
use crate::Failed;

/// One of PostgreSQL's programs, which Debian does not put in the PATH: of the newest that is installed.
pub fn program(name: &str) -> PathBuf {
    let version = |bin: &PathBuf| -> Option<u32> { bin.parent()?.file_name()?.to_str()?.parse().ok() };
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest =
        installed.map(|entry| entry.path().join("bin")).filter(|bin| bin.exists()).max_by_key(version);
    newest.map_or_else(|| name.into(), |bin| bin.join(name))
}

/// Makes an empty one.
pub(super) fn init(dir: &Path) -> Result<(), Failed> {
    let mut command = Command::new(program("initdb"));
    command.arg("-D").arg(dir.join("data"));
    command.args(["-U", "test", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]);
    as_nobody(&mut command)?;
    run(command)?;
    let mut settings = OpenOptions::new().append(true).open(dir.join("data/postgresql.conf"))?;
    settings.write_all(b"pg_stat_statements.track = none\n")?;
    Ok(())
}

/// What serves it. It can count statements, and does so only while it is told to.
pub(super) fn serve(dir: &Path, port: u16, settings: &[&str]) -> Command {
    let mut command = Command::new(program("postgres"));
    command.arg("-D").arg(dir.join("data"));
    command.arg("-c").arg(format!("unix_socket_directories={}", dir.display()));
    let all =
        ["listen_addresses=127.0.0.1", "max_connections=300", "shared_preload_libraries=pg_stat_statements"];
    command.args(["-p", &port.to_string()]);
    command.args(all.iter().chain(settings).flat_map(|setting| ["-c", setting]));
    command
}

/// What has it carry statements out.
pub(super) fn client(port: u16, sql: &str) -> Command {
    let mut command = Command::new(program("psql"));
    command.args(["-h", "127.0.0.1", "-p", &port.to_string(), "-U", "test", "-d", "postgres"]);
    command.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql]);
    command
}
