//! The layers that settings come from: the file, the environment over it, flags over both. Each value
//! knows where it came from, so that what is wrong with it can be found.

use std::collections::BTreeMap;
use std::path::Path;

use toml::{Table, Value};

use super::book::{self, Tables};
use super::error::ConfigError;
use super::keys;

/// A value, and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Sourced {
    pub(super) value: Value,
    pub(super) place: String,
}

/// Settings by their names, before they are parsed.
#[derive(Debug, Default)]
pub(super) struct Layers {
    pub(super) settings: BTreeMap<String, Sourced>,
    pub(super) policy: BTreeMap<String, Sourced>,
    pub(super) tenants: BTreeMap<String, BTreeMap<String, Sourced>>,
    pub(super) callers: Vec<BTreeMap<String, Sourced>>,
    pub(super) book: Tables,
}

impl Layers {
    /// Takes the file's settings in.
    pub(super) fn file(&mut self, path: &Path, text: &str, errors: &mut ConfigError) {
        let file = path.display().to_string();
        let table: Table = match toml::from_str(text) {
            Ok(table) => table,
            Err(e) => return errors.add(file, format!("is not TOML: {}", e.to_string().trim_end())),
        };
        for (name, value) in table {
            match (name.as_str(), value) {
                ("policy", Value::Table(table)) => {
                    self.policy = flat(&file, "policy", table, &keys::policy(), errors);
                }
                ("tenants", Value::Table(tenants)) => self.tenants(&file, tenants, errors),
                ("callers", Value::Array(callers)) => self.callers(&file, callers, errors),
                (name, value) if book::TABLES.contains(&name) => self.book.take(&file, name, value, errors),
                ("policy" | "tenants" | "callers", _) => {
                    let form = if name == "callers" { "[[callers]]" } else { "a table" };
                    errors.add(format!("{file}: {name}"), format!("must be {form}"));
                }
                (name, value) => {
                    let one = Table::from_iter([(name.to_owned(), value)]);
                    let others = ["policy", "tenants", "callers"].into_iter().chain(book::TABLES);
                    let known: Vec<&str> = keys::SETTINGS.iter().copied().chain(others).collect();
                    self.settings.extend(flat(&file, "", one, &known, errors));
                }
            }
        }
    }

    fn tenants(&mut self, file: &str, tenants: Table, errors: &mut ConfigError) {
        for (name, value) in tenants {
            match value {
                Value::Table(table) => {
                    let path = format!("tenants.{name}");
                    let settings = flat(file, &path, table, &keys::policy(), errors);
                    self.tenants.insert(name, settings);
                }
                _ => errors.add(format!("{file}: tenants.{name}"), "must be a table, like [tenants.acme]"),
            }
        }
    }

    fn callers(&mut self, file: &str, callers: Vec<Value>, errors: &mut ConfigError) {
        for (i, value) in callers.into_iter().enumerate() {
            let path = format!("callers[{i}]");
            match value {
                Value::Table(table) => self.callers.push(flat(file, &path, table, keys::CALLER, errors)),
                _ => errors.add(format!("{file}: {path}"), "must be a table: write [[callers]]"),
            }
        }
    }

    /// Takes the environment's settings in.
    pub(super) fn environment(&mut self, variables: &[(String, String)], errors: &mut ConfigError) {
        for (variable, text) in variables {
            if !variable.starts_with("COUNTERSIGN_") {
                continue;
            }
            let policy = |key: &&str| keys::variable(&format!("policy.{key}")) == *variable;
            let value = Sourced { value: Value::String(text.clone()), place: variable.clone() };
            if let Some(setting) = keys::SETTINGS.iter().find(|key| keys::variable(key) == *variable) {
                self.settings.insert((*setting).to_owned(), value);
            } else if let Some(setting) = keys::policy().into_iter().find(|key| policy(key)) {
                self.policy.insert(setting.to_owned(), value);
            } else if !keys::is_foreign(variable, text) {
                let known: Vec<String> = keys::SETTINGS
                    .iter()
                    .map(|key| keys::variable(key))
                    .chain(keys::policy().iter().map(|key| keys::variable(&format!("policy.{key}"))))
                    .collect();
                errors.add(variable, unknown(variable, known.iter().map(String::as_str)));
            }
        }
    }

    /// Takes a flag's setting in.
    pub(super) fn flag(&mut self, setting: &str, flag: &str, value: Option<Value>) {
        if let Some(value) = value {
            self.settings.insert(setting.to_owned(), Sourced { value, place: flag.to_owned() });
        }
    }
}

/// The values of a table by their dotted names, as far as they are known.
pub(super) fn flat(
    file: &str,
    prefix: &str,
    table: Table,
    known: &[&str],
    errors: &mut ConfigError,
) -> BTreeMap<String, Sourced> {
    let mut found = BTreeMap::new();
    let mut waiting: Vec<(String, Value)> = table.into_iter().collect();
    while let Some((name, value)) = waiting.pop() {
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        let place = format!("{file}: {path}");
        let is_table = known.iter().any(|key| key.starts_with(&format!("{name}.")));
        match value {
            value if known.contains(&name.as_str()) => {
                found.insert(name, Sourced { value, place });
            }
            Value::Table(inner) if is_table => {
                waiting.extend(inner.into_iter().map(|(key, value)| (format!("{name}.{key}"), value)));
            }
            _ => errors.add(place, unknown(&name, known.iter().copied())),
        }
    }
    found
}

fn unknown<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> String {
    match keys::nearest(name, known) {
        Some(nearest) => format!("is not a setting; did you mean {nearest}?"),
        None => {
            "is not a setting; `countersign config check --help` tells where they are described".to_owned()
        }
    }
}
