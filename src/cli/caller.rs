//! `countersign caller new-token`.

use std::io::Write;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use serde_json::json;

use super::Answer;
use super::environment::Environment;
use super::failure::Failure;
use crate::auth::Role;
use crate::crypto::token::{self, TokenHash};
use crate::domain::ids::{CallerName, Tenant};
use crate::env::SystemEntropy;

/// Credentials for programs that call the server.
#[derive(Debug, Args)]
pub(super) struct Caller {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make a token, and the lines that make it known to a server
    #[command(after_help = EXAMPLES)]
    NewToken(NewToken),
}

#[derive(Debug, Args)]
struct NewToken {
    /// The caller's name: 1 to 63 of a-z, 0-9 and '-'
    name: String,
    /// Whose subjects and devices it sees
    #[arg(long, default_value = "default", value_name = "TENANT")]
    tenant: String,
    /// What it may do. May be repeated. Left out: verify and manage
    #[arg(long = "role", value_name = "ROLE", value_parser = PossibleValuesParser::new(Role::ALL.map(Role::as_str)))]
    roles: Vec<String>,
    /// Answer with one JSON object
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Speaks to no server. Give the token to the program, and add the lines to the server's file of settings: the \
server keeps only the token's SHA-256, so nobody reads the token back.

Examples:
  countersign caller new-token web-shop
  countersign caller new-token support-desk --role verify --role manage --role admin";

impl Caller {
    pub(super) fn run(self, _: &Environment, out: &mut dyn Write) -> Result<Answer, Failure> {
        let What::NewToken(asked) = self.what;
        let wrong = |field: &str, problem| Failure::Usage(format!("{field} {problem}"));
        let name = CallerName::parse(&asked.name).map_err(|problem| wrong("NAME", problem))?;
        let tenant = Tenant::parse(&asked.tenant).map_err(|problem| wrong("--tenant", problem))?;
        let mut roles = asked.roles;
        if roles.is_empty() {
            roles = [Role::Verify, Role::Manage].map(|role| role.as_str().to_owned()).into();
        }
        let token = token::generate(&SystemEntropy);
        let hash = TokenHash::of(token.expose());
        let settings = format!(
            "[[callers]]\nname = \"{name}\"\ntenant = \"{tenant}\"\nroles = {roles:?}\ntokens_sha256 = [\"{hash}\"]",
        );
        if asked.json {
            let answer = json!({
                "token": token.expose(),
                "sha256": hash.to_string(),
                "settings_toml": settings,
            });
            writeln!(out, "{answer}")?;
            return Ok(Answer::Yes);
        }
        writeln!(out, "{}\n\n# For the server's file of settings:\n{settings}", token.expose())?;
        Ok(Answer::Yes)
    }

    pub(super) fn wants_json(&self) -> bool {
        let What::NewToken(asked) = &self.what;
        asked.json
    }
}
