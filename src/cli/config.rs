//! `countersign config check`.

use std::io::Write;

use clap::{Args, Subcommand};
use serde_json::json;

use super::Answer;
use super::environment::Environment;
use super::failure::Failure;
use super::settings::Settings;
use crate::app;

/// Looks at the settings.
#[derive(Debug, Args)]
pub(super) struct Config {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Check the settings, and show those in force, without secrets
    #[command(after_help = EXAMPLES)]
    Check {
        /// Answer with one JSON object
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        settings: Box<Settings>,
    },
}

const EXAMPLES: &str = "\
Prints the settings in force as TOML: a file of settings may hold any of them. In the environment they are upper \
case, with _ for the dot: limits.concurrency is COUNTERSIGN_LIMITS_CONCURRENCY. What the throttle allows an \
attacker stands above them.

Examples:
  countersign config check --config countersign.toml
  COUNTERSIGN_LOG_LEVEL=debug countersign config check";

impl Config {
    pub(super) fn run(self, environment: &Environment, out: &mut dyn Write) -> Result<Answer, Failure> {
        let What::Check { json, settings } = self.what;
        let config = settings.load(environment)?;
        let notes = app::notes(&config);
        let in_force = config.redacted_toml();
        if json {
            writeln!(out, "{}", json!({ "notes": notes, "settings_toml": in_force }))?;
            return Ok(Answer::Yes);
        }
        for note in notes {
            writeln!(out, "# {note}")?;
        }
        writeln!(out, "\n{}", in_force.trim_end())?;
        Ok(Answer::Yes)
    }

    pub(super) fn wants_json(&self) -> bool {
        let What::Check { json, .. } = self.what;
        json
    }
}
