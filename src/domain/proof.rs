//! What a user offers, and what became of it.

use super::moment::Moment;
use super::secret::SecretText;

/// What the user offers, as it came.
#[derive(Debug, Clone)]
pub enum Offered {
    /// A code, typed by a person.
    Code(SecretText),
}

/// Why a proof was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reject {
    /// Not the right code.
    Mismatch,
    /// The right code, already used.
    Replayed,
    /// It cannot be a proof of this device. Not counted.
    Malformed,
}

impl Reject {
    /// Its name in events and spans.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mismatch => "mismatch",
            Self::Replayed => "replayed",
            Self::Malformed => "malformed",
        }
    }
}

/// What became of a proof. A wrong code is a value, not an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Right, and now used up.
    Accepted,
    /// Wrong.
    Rejected {
        /// Why.
        reason: Reject,
        /// No proof is looked at before this moment.
        retry_at: Option<Moment>,
    },
    /// Not looked at and not counted: too soon.
    Throttled {
        /// No proof is looked at before this moment.
        retry_at: Moment,
    },
    /// Not looked at: locked or suspended.
    Unavailable,
}

impl Verdict {
    /// Its name in spans and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected { .. } => "rejected",
            Self::Throttled { .. } => "throttled",
            Self::Unavailable => "unavailable",
        }
    }
}
