//! The rules that decisions go by: they can be exchanged while the server runs.

use std::sync::{Arc, PoisonError};

use super::Service;
use crate::assurance::rulebook::Rulebook;
use crate::auth::{Grant, rpc};

impl Service {
    /// The rules in force. Who decides goes by the same ones from beginning to end.
    pub(super) fn rulebook(&self) -> Arc<Rulebook> {
        self.rulebook.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts other rules in force.
    pub fn replace_rulebook(&self, rulebook: Rulebook) {
        *self.rulebook.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rulebook);
    }

    /// The rules in force, to be shown.
    #[must_use]
    pub fn requirements(&self, _grant: &Grant<rpc::ListRequirements>) -> Arc<Rulebook> {
        self.rulebook()
    }
}
