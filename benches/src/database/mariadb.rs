//! MariaDB.

use std::path::Path;
use std::process::Command;

use super::{as_nobody, run};
use crate::Failed;

/// Makes an empty one.
pub(super) fn init(dir: &Path) -> Result<(), Failed> {
    // Its own: a server that starts removes what others left in the one that all share.
    let temporary = dir.join("tmp");
    let mut make = Command::new("mkdir");
    make.arg(&temporary);
    as_nobody(&mut make)?;
    run(make)?;
    // It makes a database of the name test, too.
    let mut command = Command::new("mariadb-install-db");
    command.args(["--no-defaults", "--auth-root-authentication-method=normal"]);
    command.arg(format!("--datadir={}", dir.join("data").display()));
    as_nobody(&mut command)?;
    run(command).map(drop)
}

/// What serves it.
pub(super) fn serve(dir: &Path, port: u16, settings: &[&str]) -> Command {
    let mut command = Command::new("mariadbd");
    command.args(["--no-defaults", "--bind-address=127.0.0.1", "--max-connections=400"]);
    command.arg(format!("--datadir={}", dir.join("data").display()));
    command.arg(format!("--tmpdir={}", dir.join("tmp").display()));
    command.arg(format!("--socket={}", dir.join("s").display()));
    command.arg(format!("--port={port}"));
    command.args(settings);
    command
}

/// What has it carry statements out.
pub(super) fn client(port: u16, sql: &str) -> Command {
    let mut command = Command::new("mariadb");
    command.args(["--no-defaults", "--protocol=tcp", "-h", "127.0.0.1", "-P", &port.to_string()]);
    command.args(["-u", "root", "-N", "-B", "test", "-e", sql]);
    command
}
