//! `countersign requirements check`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{Answer, Failure, show};
use crate::assurance::feasible::infeasible;
use crate::config;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Check {
    /// A file with [methods], [requirements] and [[rules]]: the server's file of settings, or one of their own
    file: PathBuf,
    /// Answer with one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

const EXAMPLES: &str = "\
Speaks to no server. Every mistake is shown with its place and what was meant. Exit status 0 if there is none, 2 if \
there is one. A requirement that no kind of device and no method here can satisfy is a warning, and no mistake.

Examples:
  countersign requirements check requirements.toml
  countersign requirements check countersign.toml --json";

impl Check {
    pub(super) fn run(self, out: &mut dyn Write) -> Result<Answer, Failure> {
        let book = config::rulebook_of(&self.file).map_err(Failure::Settings)?;
        let requirements = book.requirements();
        let warnings: Vec<String> = infeasible(&book).iter().map(ToString::to_string).collect();
        if self.json {
            let each = requirements.iter().map(|requirement| {
                json!({
                    "name": requirement.name(),
                    "revision": requirement.revision(),
                    "expression": requirement.text(),
                })
            });
            let mut answer = json!({ "requirements": each.collect::<Vec<_>>() });
            if !warnings.is_empty() {
                answer["warnings"] = json!(warnings);
            }
            writeln!(out, "{answer}")?;
            return Ok(Answer::Yes);
        }
        let rows: Vec<_> = requirements
            .iter()
            .map(|one| [one.name(), one.revision(), one.text()].map(str::to_owned))
            .collect();
        show(out, &rows)?;
        for warning in warnings {
            writeln!(out, "warning: {warning}")?;
        }
        Ok(Answer::Yes)
    }
}
