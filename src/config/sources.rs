//! The file of settings as a running server reads it again: who may call, and what decisions go by.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::error::ConfigError;
use super::layers::Layers;
use super::{Config, Flags, over, parse};
use crate::assurance::rulebook::Rulebook;
use crate::auth::Credentials;

/// The file of settings, and the layers over it as they were when the server started.
pub struct Sources {
    file: PathBuf,
    environment: Vec<(String, String)>,
    flags: Flags,
    at_start: Fingerprints,
    hasher: RandomState,
}

/// What a file says, as far as it can be put in force while the server runs.
#[derive(Debug)]
pub struct Reread {
    /// Who may call.
    pub credentials: Credentials,
    /// What decisions go by. `None`: that stands in a file of its own.
    pub rulebook: Option<Rulebook>,
    /// The names of other settings that are not as they were at the start.
    pub needs_restart: Vec<String>,
}

/// A hash of each setting's value by its name: settings hold secrets, of which no copy is kept for a comparison.
type Fingerprints = BTreeMap<String, u64>;

impl Sources {
    /// Of these layers, as they were read at the start.
    pub(super) fn new(file: &Path, environment: &[(String, String)], flags: Flags, layers: &Layers) -> Self {
        let hasher = RandomState::new();
        let settings = environment.iter().filter(|(name, _)| name.starts_with("COUNTERSIGN_"));
        Self {
            file: file.to_owned(),
            environment: settings.cloned().collect(),
            flags,
            at_start: fingerprints(layers, &hasher),
            hasher,
        }
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Reads what is in the file.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn text(&self) -> Result<String, ConfigError> {
        super::read(&self.file)
    }

    /// Parses what was in the file, under the environment and the flags of the start.
    ///
    /// # Errors
    /// Everything that is wrong, each with where it stands.
    pub fn parse(&self, text: &str) -> Result<Reread, ConfigError> {
        let mut errors = ConfigError::default();
        let mut layers = Layers::default();
        layers.file(&self.file, text, &mut errors);
        layers.environment(&self.environment, &mut errors);
        over(&mut layers, self.flags.clone());
        let needs_restart = self.changed(&fingerprints(&layers, &self.hasher));
        if needs_restart.iter().any(|name| name == "requirements_file") {
            // The rules went to or came from a file that this server does not read.
            let place = format!("{}: requirements_file", self.file.display());
            errors.add(place, "is another than at the start, and read only then: start the server again");
        }
        let has_own_book = layers.settings.remove("requirements_file").is_some();
        if has_own_book && layers.book.is_given {
            errors.add("requirements_file", super::TWO_PLACES);
        }
        // Read at the start; it may be gone since then, which must not keep a caller in force.
        layers.settings.remove("database_url_file");
        match parse(&layers, Some(&self.file), &mut errors) {
            Some(Config { credentials, rulebook, .. }) if errors.mistakes.is_empty() => {
                Ok(Reread { credentials, rulebook: (!has_own_book).then_some(rulebook), needs_restart })
            }
            _ => Err(errors),
        }
    }

    /// The names of settings that are others than at the start.
    fn changed(&self, now: &Fingerprints) -> Vec<String> {
        let names = self.at_start.keys().chain(now.keys().filter(|name| !self.at_start.contains_key(*name)));
        names.filter(|name| self.at_start.get(*name) != now.get(*name)).cloned().collect()
    }
}

fn fingerprints(layers: &Layers, hasher: &RandomState) -> Fingerprints {
    let prefixed = |prefix: String| move |(name, value)| (format!("{prefix}{name}"), value);
    let tenants = layers
        .tenants
        .iter()
        .flat_map(|(tenant, settings)| settings.iter().map(prefixed(format!("tenants.{tenant}."))));
    let all = layers.settings.iter().map(prefixed(String::new()));
    let all = all.chain(layers.policy.iter().map(prefixed("policy.".to_owned()))).chain(tenants);
    all.map(|(name, sourced)| (name, hasher.hash_one(&*Zeroizing::new(sourced.value.to_string())))).collect()
}

/// Settings hold secrets: only the file is named.
impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sources").field(&self.file).finish()
    }
}
