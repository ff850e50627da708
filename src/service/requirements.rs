//! The rules that decisions go by: they can be exchanged while the server runs.

use std::sync::{Arc, PoisonError};

use super::Service;
use crate::assurance::changes::Changes;
use crate::assurance::rulebook::Rulebook;
use crate::auth::{Grant, rpc};

impl Service {
    /// The rules in force. Who decides goes by the same ones from beginning to end.
    pub(super) fn rulebook(&self) -> Arc<Rulebook> {
        self.rulebook.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts other rules in force. Says what that changes.
    pub fn replace_rulebook(&self, rulebook: Rulebook) -> Changes {
        let mut in_force = self.rulebook.write().unwrap_or_else(PoisonError::into_inner);
        let changes = Changes::between(&in_force, &rulebook);
        *in_force = Arc::new(rulebook);
        changes
    }

    /// The rules in force, to be shown.
    #[must_use]
    pub fn requirements(&self, _grant: &Grant<rpc::ListRequirements>) -> Arc<Rulebook> {
        self.rulebook()
    }
}
