//! `countersign client`: one file a command.

mod forget;
mod list;
mod remember;

use std::io::Write;

use clap::{Args, Subcommand};

use super::environment::Environment;
use super::exchange::{Connection, Exchange};
use super::failure::Failure;
use super::{Answer, print};

/// Browsers and apps in which evidence is found again. To be remembered proves nothing.
#[derive(Debug, Args)]
pub(super) struct Remembered {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    pub(super) connection: Connection,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the clients that are remembered
    List(list::List),
    /// Remember a client, and show its token, once
    Remember(remember::Remember),
    /// Forget clients: these, or all
    Forget(forget::Forget),
}

impl Remembered {
    pub(super) fn run(self, environment: &Environment, out: &mut dyn Write) -> Result<Answer, Failure> {
        let Self { what, connection } = self;
        connection.run(environment, out, async |exchange| match what {
            What::List(command) => command.run(exchange).await,
            What::Remember(command) => command.run(exchange).await,
            What::Forget(command) => command.run(exchange).await,
        })
    }
}
