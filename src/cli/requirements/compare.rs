//! `countersign requirements compare`.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::{Answer, Failure};
use crate::assurance::compare::books::{Finding, Part, Standing, books};
use crate::config;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Compare {
    /// The file as it was
    old: PathBuf,
    /// The file as it will be
    new: PathBuf,
    /// Answer with one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

const EXAMPLES: &str = "\
Speaks to no server. Of each requirement: same, stronger, weaker, incomparable, undecided, added or removed, with \
evidence that tells the two apart. Methods and rules are named where they differ. Exit status 0 if nothing asks for \
less, 1 if something is weaker, incomparable, undecided or a requirement is removed, 2 for a file that cannot be read: \
for a check before a change is merged.

Examples:
  countersign requirements compare old.toml new.toml
  git show main:requirements.toml > old.toml && countersign requirements compare old.toml requirements.toml";

impl Compare {
    pub(super) fn run(self, out: &mut dyn Write) -> Result<Answer, Failure> {
        let read = |file: &PathBuf| config::rulebook_of(file).map_err(Failure::Settings);
        let (old, new) = (read(&self.old)?, read(&self.new)?);
        let findings = books(&old, &new);
        let is_harmless = findings.iter().all(Finding::is_harmless);
        if self.json {
            let of = |part: Part| -> Vec<Value> {
                findings.iter().filter(|finding| finding.part == part).map(as_json).collect()
            };
            let answer = json!({
                "harmless": is_harmless,
                "requirements": of(Part::Requirement),
                "methods": of(Part::Method),
                "rules": of(Part::Rules),
            });
            writeln!(out, "{answer}")?;
        } else {
            findings.iter().try_for_each(|finding| show(out, finding))?;
        }
        Ok(if is_harmless { Answer::Yes } else { Answer::No })
    }
}

fn as_json(finding: &Finding) -> Value {
    let Finding { name, standing, old_only, new_only, .. } = finding;
    json!({
        "name": name,
        "standing": standing.as_str(),
        "harmless": finding.is_harmless(),
        "old_only": old_only,
        "new_only": new_only,
    })
}

fn show(out: &mut dyn Write, finding: &Finding) -> io::Result<()> {
    let Finding { part, name, standing, old_only, new_only } = finding;
    let name = match part {
        Part::Requirement => name.clone(),
        Part::Method => format!("method {name}"),
        Part::Rules => format!("rules of {name}"),
    };
    writeln!(out, "{name}: {}", standing.as_str())?;
    let (before, now) = match part {
        Part::Requirement => ("was enough, and is not now", "is enough now, and was not"),
        Part::Method => ("is worth no more", "is worth now"),
        Part::Rules => ("applies no more", "applies now"),
    };
    for (what, words) in [(before, old_only), (now, new_only)] {
        if let Some(words) = words {
            writeln!(out, "  {what}: {words}")?;
        }
    }
    if *part == Part::Requirement && *standing == Standing::Undecided {
        writeln!(out, "  there are too many cases to be sure")?;
    }
    Ok(())
}
