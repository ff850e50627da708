//! `countersign requirements`: one file a command. `check` and `compare` look at files and speak to no server.

mod check;
mod compare;
mod explain;
mod list;

use std::io::{self, Write};

use clap::{Args, Subcommand};

use super::environment::Environment;
use super::failure::Failure;
use super::{Answer, print};

/// What has to be proved for what.
#[derive(Debug, Args)]
pub(super) struct Requirements {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Check a file of requirements, and show each expanded
    Check(check::Check),
    /// Say of each requirement whether a new file asks for more or for less
    Compare(compare::Compare),
    /// List the requirements that a server goes by
    List(list::List),
    /// Show a decision leaf by leaf: what meets each, and what is missing
    Explain(explain::Explain),
}

impl Requirements {
    pub(super) fn run(self, environment: &Environment, out: &mut dyn Write) -> Result<Answer, Failure> {
        match self.what {
            What::Check(command) => command.run(out),
            What::Compare(command) => command.run(out),
            What::List(command) => command.run(environment, out),
            What::Explain(command) => command.run(environment, out),
        }
    }

    pub(super) fn wants_json(&self) -> bool {
        match &self.what {
            What::Check(command) => command.json,
            What::Compare(command) => command.json,
            What::List(command) => command.connection.json,
            What::Explain(command) => command.connection.json,
        }
    }
}

/// Requirements in rows: name, revision, text.
fn show(out: &mut dyn Write, rows: &[[String; 3]]) -> io::Result<()> {
    print::table(out, ["REQUIREMENT", "REVISION", "EXPANDED"], rows)
}
