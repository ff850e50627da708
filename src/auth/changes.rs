//! Which callers became others when credentials were exchanged, for the log.

use std::fmt;

use super::credentials::Credentials;
use crate::domain::ids::CallerName;

/// Which callers became others. Names only: hashes of tokens stay out of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallerChanges {
    /// Callers with another tenant, other roles or other credentials.
    pub changed: Vec<CallerName>,
    /// Callers that were not there.
    pub added: Vec<CallerName>,
    /// Callers that are there no more.
    pub removed: Vec<CallerName>,
}

impl CallerChanges {
    /// From one to the other.
    #[must_use]
    pub fn between(old: &Credentials, new: &Credentials) -> Self {
        let (old, new) = (old.by_caller(), new.by_caller());
        let mut changes = Self::default();
        for (name, known) in &new {
            match old.get(name) {
                None => changes.added.push((*name).clone()),
                Some(before) if before != known => changes.changed.push((*name).clone()),
                Some(_) => {}
            }
        }
        changes.removed.extend(old.keys().filter(|name| !new.contains_key(*name)).copied().cloned());
        changes
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for CallerChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut gap = "";
        for (names, what) in [(&self.changed, "changed"), (&self.added, "added"), (&self.removed, "removed")]
        {
            if !names.is_empty() {
                let names: Vec<&str> = names.iter().map(CallerName::as_str).collect();
                write!(f, "{gap}{} {what} ({})", names.len(), names.join(", "))?;
                gap = ", ";
            }
        }
        if gap.is_empty() { f.write_str("nothing changed") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use super::*;
    use crate::auth::{Caller, Role};
    use crate::crypto::token::TokenHash;
    use crate::domain::ids::Tenant;

    /// A caller's name, roles, tokens and user ids.
    type Known<'a> = (&'static str, &'a [Role], &'a [&'a str], &'a [u32]);

    /// These callers.
    fn credentials(callers: &[Known<'_>]) -> Credentials {
        let mut credentials = Credentials::default();
        for (name, roles, tokens, uids) in callers {
            let name = CallerName::trusted(name);
            let roles = BTreeSet::from_iter(roles.iter().copied());
            let caller = Arc::new(Caller { name, tenant: Tenant::trusted("default"), roles });
            for token in *tokens {
                assert!(credentials.token(TokenHash::of(token), &caller));
            }
            for uid in *uids {
                assert!(credentials.uid(*uid, &caller));
            }
        }
        credentials
    }

    #[test]
    fn callers_are_changed_added_and_removed_by_name() {
        let verify: &[Role] = &[Role::Verify];
        let old = credentials(&[
            ("roles", verify, &["a"], &[]),
            ("token", verify, &["b"], &[]),
            ("uid", verify, &[], &[1]),
            ("same", verify, &["c"], &[2]),
            ("gone", verify, &["d"], &[]),
        ]);
        let new = credentials(&[
            ("roles", &[Role::Admin], &["a"], &[]),
            ("token", verify, &["e"], &[]),
            ("uid", verify, &[], &[1, 3]),
            ("same", verify, &["c"], &[2]),
            ("new", verify, &["d"], &[]),
        ]);
        let changes = CallerChanges::between(&old, &new);
        assert_eq!(changes.to_string(), "3 changed (roles, token, uid), 1 added (new), 1 removed (gone)");
        assert!(!changes.is_empty());
        let none = CallerChanges::between(&old, &old.clone());
        assert!(none.is_empty());
        assert_eq!(none.to_string(), "nothing changed");
    }
}
