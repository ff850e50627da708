//! What is measured, in turn: every case once, then every case again.

mod book;
mod evaluate;
mod flood;
mod growth;
mod mariadb;
mod peer;
mod postgres;
mod profile;
mod shed;
mod size;
mod sqlite;
mod stage;

use std::path::Path;

use crate::report::Report;
use crate::{Failed, Options};

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Suite {
    /// Verify on SQLite, against the same rows written raw.
    Sqlite,
    /// Verify on PostgreSQL, against pgbench.
    Postgres,
    /// Verify on MariaDB, against one transaction for each code.
    Mariadb,
    /// Evaluate on SQLite and PostgreSQL, against an empty call and against pgbench.
    Evaluate,
    /// The shipped program's size, its start and its idle memory.
    Size,
    /// Attempts that are not looked at, many of them, on one device.
    Flood,
    /// Twice the load that the server can bear.
    Shed,
    /// Ten million devices against ten thousand.
    Growth,
    /// django-otp behind gunicorn, on the same PostgreSQL.
    Peer,
    /// Where the instructions of one accepted Verify go; under valgrind, so nothing of it is timed.
    Profile,
}

impl Suite {
    /// Measures it.
    pub fn run(self, dir: &Path, options: &Options) -> Result<Vec<Report>, Failed> {
        Ok(match self {
            Self::Sqlite => vec![sqlite::run(dir, options)?],
            Self::Postgres => vec![postgres::run(dir, options)?],
            Self::Mariadb => vec![mariadb::run(dir, options)?],
            Self::Evaluate => evaluate::run(dir, options)?,
            Self::Size => vec![size::run(dir, options)?],
            Self::Flood => flood::run(dir, options)?,
            Self::Shed => shed::run(dir, options)?,
            Self::Growth => growth::run(dir, options)?,
            Self::Peer => vec![peer::run(dir, options)?],
            Self::Profile => profile::run(dir, options)?,
        })
    }
}
