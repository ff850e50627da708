//! Who speaks gRPC to the sidecar.

use std::collections::BTreeSet;

use super::role::Role;
use crate::domain::ids::{CallerName, Tenant};
use crate::domain::refusal::Refusal;

/// Who speaks gRPC to the sidecar, as its credential says. The tenant comes from here and from nowhere
/// else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Its name in the audit log.
    pub name: CallerName,
    /// Whose subjects it speaks of.
    pub tenant: Tenant,
    /// What it may do.
    pub roles: BTreeSet<Role>,
}

impl Caller {
    /// Whether it has a role.
    ///
    /// # Errors
    /// It has not.
    pub fn require(&self, role: Role) -> Result<(), Refusal> {
        if self.roles.contains(&role) { Ok(()) } else { Err(Refusal::RoleMissing { role: role.as_str() }) }
    }
}
