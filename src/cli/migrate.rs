//! `countersign migrate`.

use std::io::Write;

use clap::Args;
use serde_json::json;

use super::environment::Environment;
use super::failure::Failure;
use super::settings::Settings;
use super::{Answer, block_on};
use crate::app;

/// Brings the database's schema up to date. A server that starts does so too.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Migrate {
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Answer with one JSON object
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    settings: Settings,
}

const EXAMPLES: &str = "\
Examples:
  countersign migrate --dry-run
  countersign migrate --database-url sqlite:/var/lib/countersign/countersign.db";

impl Migrate {
    pub(super) fn run(self, environment: &Environment, out: &mut dyn Write) -> Result<Answer, Failure> {
        let config = self.settings.load(environment)?;
        let dry = self.dry_run;
        let migrations = block_on(async { app::migrate(&config, dry).await.map_err(Failure::error) })?;
        if self.json {
            let key = if dry { "pending" } else { "applied" };
            writeln!(out, "{}", json!({ key: migrations }))?;
            return Ok(Answer::Yes);
        }
        if migrations.is_empty() {
            writeln!(out, "the schema is up to date")?;
        }
        let did = if dry { "to be applied" } else { "applied" };
        for migration in migrations {
            writeln!(out, "{did}: {migration}")?;
        }
        Ok(Answer::Yes)
    }
}
