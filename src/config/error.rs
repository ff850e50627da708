//! What is wrong with the settings: all of it at once.

use std::fmt;

/// One setting, where it stands, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Where: `countersign.toml`, `COUNTERSIGN_LISTEN`, `--listen`.
    pub place: String,
    /// What is wrong, and what would be right.
    pub problem: String,
}

/// Everything that is wrong with the settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigError {
    /// Each mistake.
    pub mistakes: Vec<Mistake>,
}

impl ConfigError {
    /// Adds one.
    pub(super) fn add(&mut self, place: impl Into<String>, problem: impl fmt::Display) {
        self.mistakes.push(Mistake { place: place.into(), problem: problem.to_string() });
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut gap = "";
        for mistake in &self.mistakes {
            write!(f, "{gap}{}: {}", mistake.place, mistake.problem)?;
            // What takes several lines stands by itself.
            gap = if mistake.problem.contains('\n') { "\n\n" } else { "\n" };
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}
