//! `countersign evidence`: one file a command.

mod list;
mod record;
mod revoke;

use std::io::Write;

use clap::{Args, Subcommand};

use super::environment::Environment;
use super::exchange::{Connection, Exchange};
use super::failure::Failure;
use super::{Answer, print};

/// What a user has proved, and where.
#[derive(Debug, Args)]
pub(super) struct Evidence {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    pub(super) connection: Connection,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the evidence that counts: in a place, or anywhere
    List(list::List),
    /// Record what was proved elsewhere, like a password (role assert)
    Record(record::Record),
    /// Take evidence back: one piece, a session's, or all of it
    Revoke(revoke::Revoke),
}

impl Evidence {
    pub(super) fn run(self, environment: &Environment, out: &mut dyn Write) -> Result<Answer, Failure> {
        let Self { what, connection } = self;
        connection.run(environment, out, async |exchange| match what {
            What::List(command) => command.run(exchange).await,
            What::Record(command) => command.run(exchange).await,
            What::Revoke(command) => command.run(exchange).await,
        })
    }
}
