//! What can go wrong: a refusal is the caller's to mend, a fault is ours.

use std::error::Error as StdError;
use std::fmt;

use crate::domain::refusal::Refusal;
use crate::domain::violation::Violations;

/// Why there is no answer.
#[derive(Debug)]
pub enum Error {
    /// The request is refused.
    Refused(Refusal),
    /// Something broke.
    Fault(Fault),
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Violations> for Error {
    fn from(violations: Violations) -> Self {
        Self::Refused(Refusal::Invalid(violations))
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Something broke. The caller sees a bland sentence and an id; the chain goes to the log, once, at the
/// door.
#[derive(Debug)]
pub struct Fault {
    /// Whose fault.
    pub origin: Origin,
    /// What was being done.
    doing: &'static str,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What a fault means for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The database does not answer, or not as it should: nothing was written, and trying again may help.
    Store,
    /// The database was told to commit, and whether it did nobody can say: whoever asks again under the same
    /// request id hears the truth.
    Doubt,
    /// The database has too much to do: nothing was written, and trying again later may help.
    Crowd,
    /// A defect here, or data that cannot be what this program wrote.
    Internal,
}

impl Fault {
    /// The database failed while `doing`.
    pub fn store(doing: &'static str, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { origin: Origin::Store, doing, source: Some(source.into()) }
    }

    /// The database was told to commit while `doing`, and did not say that it has.
    pub fn doubt(doing: &'static str, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { origin: Origin::Doubt, ..Self::store(doing, source) }
    }

    /// The database had too much to do while `doing`.
    pub fn crowded(doing: &'static str, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { origin: Origin::Crowd, ..Self::store(doing, source) }
    }

    /// This program failed while `doing`.
    pub fn internal(doing: &'static str, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { origin: Origin::Internal, doing, source: Some(source.into()) }
    }

    /// The work that failed: one of a few texts.
    #[must_use]
    pub fn doing(&self) -> &'static str {
        self.doing
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed", self.doing)?;
        let mut cause = self.source.as_deref().map(|e| e as &dyn StdError);
        let mut said = String::new();
        while let Some(error) = cause {
            let says = error.to_string();
            // Many errors repeat their source.
            if !said.contains(&says) {
                write!(f, ": {says}")?;
                said = says;
            }
            cause = error.source();
        }
        Ok(())
    }
}

impl StdError for Fault {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|e| e as &(dyn StdError + 'static))
    }
}
