//! What a subject could still prove.

use super::vocabulary::{Entry, Vocabulary};
use crate::domain::kind::Effort;
use crate::domain::method::{Method, MethodName};
use crate::domain::moment::Moment;
use crate::domain::strength::Strength;

/// Whether it can be proved now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Availability {
    /// Now.
    Now,
    /// Not before this moment: too many failures.
    Throttled {
        /// From then on.
        until: Moment,
    },
    /// Not before an operator unlocks it: far too many failures.
    Locked,
    /// Not before it is resumed.
    Suspended,
    /// Not with this client.
    ClientCannot,
    /// Not by this server: a newer release wrote its state.
    NewerRelease,
}

/// A device of the subject, or an external method: something that a step can prove.
///
/// Pending devices are none, and neither is an empty list of recovery codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// What is proved.
    pub method: Method,
    /// What the evidence will surely be worth.
    pub strength: Strength,
    /// What it will be worth if the authenticator is not asked to verify the user, where it can be asked.
    pub unverified: Option<Strength>,
    /// How much is asked of the user.
    pub effort: Effort,
    /// The user wants to be asked for it first.
    pub preferred: bool,
    /// When it was last used.
    pub used_at: Option<Moment>,
    /// Whether it can be proved now.
    pub availability: Availability,
}

impl Candidate {
    /// An external method, worth what the configuration says.
    #[must_use]
    pub fn external(name: MethodName, strength: Strength) -> Self {
        Self::new(Method::External(name), strength, Effort::Elsewhere)
    }

    /// Anything, free to use.
    #[must_use]
    pub fn new(method: Method, strength: Strength, effort: Effort) -> Self {
        Self {
            method,
            strength,
            unverified: None,
            effort,
            preferred: false,
            used_at: None,
            availability: Availability::Now,
        }
    }

    /// Every external method of a vocabulary: whether the subject has a password is not known here.
    #[must_use]
    pub fn externals(vocabulary: &Vocabulary) -> Vec<Self> {
        let external = |entry: &Entry| match (&entry.sort, entry.strengths.first()) {
            (crate::domain::method::Sort::External(name), Some(strength)) => {
                Some(Self::external(name.clone(), strength.clone()))
            }
            _ => None,
        };
        vocabulary.iter().filter_map(external).collect()
    }

    /// Whether it can be proved now.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.availability == Availability::Now
    }
}
