//! What decisions go by, as files hold it: methods, requirements and rules. They stand in the configuration or in a
//! file of their own, and are read again when that changes.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::error::ConfigError;
use super::keys;
use super::layers::flat;
use super::take::{Take, flag, texts};
use crate::assurance::rulebook::{RuleSource, Rulebook, Source};
use crate::domain::strength::{FactorType, Strength};
use crate::kinds;

/// The tables that make a rulebook.
pub(super) const TABLES: [&str; 3] = ["methods", "requirements", "rules"];

/// Where a rulebook stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookFile {
    /// The file.
    pub path: PathBuf,
    /// It holds nothing else: what is not known in it is a mistake.
    pub is_its_own: bool,
}

impl BookFile {
    /// Reads it.
    ///
    /// # Errors
    /// Everything that is wrong, each with where it stands.
    pub fn read(&self) -> Result<Rulebook, ConfigError> {
        self.parse(&self.text()?)
    }

    /// What is in it.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn text(&self) -> Result<String, ConfigError> {
        super::read(&self.path)
    }

    /// Parses what was in it.
    ///
    /// # Errors
    /// Everything that is wrong, each with where it stands.
    pub fn parse(&self, text: &str) -> Result<Rulebook, ConfigError> {
        let mut errors = ConfigError::default();
        let file = self.path.display().to_string();
        match toml::from_str::<Table>(text) {
            Err(e) => errors.add(&file, format!("is not TOML: {}", e.to_string().trim_end())),
            Ok(table) => {
                let mut tables = Tables::default();
                for (name, value) in table {
                    if TABLES.contains(&name.as_str()) {
                        tables.take(&file, &name, value, &mut errors);
                    } else if self.is_its_own {
                        let place = format!("{file}: {name}");
                        errors.add(place, format!("does not belong here: there are {}", TABLES.join(", ")));
                    } else if name == "requirements_file" {
                        // They moved away while the server runs, which looks at this file.
                        let problem = "is new, and read when the server starts: start it again";
                        errors.add(format!("{file}: {name}"), problem);
                    }
                }
                if let Some(book) = rulebook(&self.path, &tables, &mut errors) {
                    return Ok(book);
                }
            }
        }
        Err(errors)
    }
}

/// What a file holds of a rulebook.
#[derive(Debug, Default)]
pub(super) struct Tables {
    source: Source,
    /// Some of it is there.
    pub(super) is_given: bool,
}

impl Tables {
    /// Takes a table in.
    pub(super) fn take(&mut self, file: &str, name: &str, value: Value, errors: &mut ConfigError) {
        self.is_given = true;
        match (name, value) {
            ("methods", Value::Table(methods)) => {
                for (name, value) in methods {
                    let place = format!("methods.{name}");
                    match value {
                        Value::Table(table) => {
                            let worth = strength(file, &place, table, errors);
                            self.source.methods.push((name, worth));
                        }
                        _ => {
                            errors.add(format!("{file}: {place}"), "must be a table, like [methods.password]")
                        }
                    }
                }
            }
            ("requirements", Value::Table(requirements)) => {
                self.requirements(file, "", requirements, errors);
            }
            ("rules", Value::Array(rules)) => {
                for (number, value) in rules.into_iter().enumerate() {
                    let place = format!("rules[{number}]");
                    match value {
                        Value::Table(table) => self.source.rules.extend(rule(file, &place, table, errors)),
                        _ => errors.add(format!("{file}: {place}"), "must be a table: write [[rules]]"),
                    }
                }
            }
            ("rules", _) => errors.add(format!("{file}: rules"), "must be [[rules]]"),
            _ => errors.add(format!("{file}: {name}"), "must be a table"),
        }
    }

    /// A name with a dot may be written in quotes or without, as TOML has it.
    fn requirements(&mut self, file: &str, prefix: &str, table: Table, errors: &mut ConfigError) {
        for (name, value) in table {
            let name = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
            match value {
                Value::String(text) => self.source.requirements.push((name, text)),
                Value::Table(inner) => self.requirements(file, &name, inner, errors),
                _ => errors.add(format!("{file}: requirements.{name}"), "must be text, in quotes"),
            }
        }
    }
}

/// The rulebook that tables make. `None`: something is wrong.
pub(super) fn rulebook(path: &Path, tables: &Tables, errors: &mut ConfigError) -> Option<Rulebook> {
    if !errors.mistakes.is_empty() {
        return None;
    }
    let parsed = Rulebook::parse(kinds::infos(), &tables.source);
    parsed
        .map_err(|mistakes| {
            for mistake in mistakes.iter() {
                errors.add(path.display().to_string(), format!("holds a mistake\n{mistake}"));
            }
        })
        .ok()
}

fn strength(file: &str, place: &str, table: Table, errors: &mut ConfigError) -> Strength {
    let before = errors.mistakes.len();
    let found = flat(file, place, table, keys::METHOD, errors);
    let mut take = Take::from(&found, errors);
    let strength = Strength {
        amr: take.parsed("amr", Vec::new(), texts).into_iter().map(Into::into).collect(),
        factor_types: take.parsed("factor_types", Vec::new(), factors),
        phishing_resistant: take.parsed("phishing_resistant", false, flag),
        hardware_bound: take.parsed("hardware_bound", false, flag),
        user_verified: take.parsed("user_verified", false, flag),
        restricted_channel: take.parsed("restricted_channel", false, flag),
        recovery: take.parsed("recovery", false, flag),
    };
    if strength == Strength::default() && errors.mistakes.len() == before {
        let problem = "must say what it is worth, like factor_types = [\"knowledge\"]";
        errors.add(format!("{file}: {place}"), problem);
    }
    strength
}

fn factors(value: &Value) -> Result<Vec<FactorType>, String> {
    let known = FactorType::ALL.map(FactorType::as_str);
    let factor = |name: String| {
        let found = FactorType::ALL.into_iter().find(|factor| factor.as_str() == name);
        found.ok_or_else(|| format!("{name:?} is no factor type: {}", known.join(", ")))
    };
    texts(value)?.into_iter().map(factor).collect()
}

fn rule(file: &str, place: &str, table: Table, errors: &mut ConfigError) -> Option<RuleSource> {
    let mut found = flat(file, place, table, keys::RULE, errors);
    let mut text = |name: &str| match found.remove(name).map(|given| given.value) {
        Some(Value::String(text)) => Some(text),
        _ => {
            errors.add(format!("{file}: {place}"), format!("needs {name}, a text"));
            None
        }
    };
    let (requirement, when, instead) = (text("requirement"), text("when"), text("use"));
    Some(RuleSource { requirement: requirement?, when: when?, instead: instead? })
}
