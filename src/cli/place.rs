//! Where a user is: the options of commands that ask what counts there.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::failure::Failure;
use super::typed;
use crate::wire::pb;

/// Where the user is. Evidence counts only where it was given.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Where")]
pub(super) struct Place {
    /// The session that the user is in
    #[arg(long, value_name = "SESSION")]
    session: Option<String>,
    /// A file that holds the token of the user's browser or app, as `client remember` gave it; - for standard
    /// input
    #[arg(long, value_name = "FILE")]
    client_token_file: Option<PathBuf>,
    /// What the user is asked to approve: its SHA-256, 64 hexadecimal digits
    #[arg(long, value_name = "HEX", value_parser = typed::digest)]
    transaction: Option<[u8; 32]>,
}

impl Place {
    /// It as a message. `None`: nothing was said of it.
    pub(super) fn context(&self) -> Result<Option<pb::Context>, Failure> {
        let Self { session, client_token_file, transaction } = self;
        if session.is_none() && client_token_file.is_none() && transaction.is_none() {
            return Ok(None);
        }
        let client_token = client_token_file.as_deref().map(typed::token).transpose()?;
        Ok(Some(pb::Context {
            session: session.clone().unwrap_or_default(),
            client_token: client_token.unwrap_or_default(),
            transaction_digest: transaction.map(Vec::from).unwrap_or_default(),
        }))
    }
}

/// How far evidence may be used, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Scope {
    Session,
    Client,
    Transaction,
}

impl From<Scope> for pb::EvidenceScope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Session => Self::Session,
            Scope::Client => Self::Client,
            Scope::Transaction => Self::Transaction,
        }
    }
}

/// The number of a scope; left out, it is the server's to choose.
pub(super) fn scope(scope: Option<Scope>) -> i32 {
    scope.map_or(pb::EvidenceScope::Unspecified, pb::EvidenceScope::from).into()
}
