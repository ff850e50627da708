//! What became different when rules were exchanged, for the log.

use std::fmt;

use super::rulebook::Rulebook;

/// What became different.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Requirements that ask for something else now.
    pub changed: Vec<String>,
    /// Requirements that were not there.
    pub added: Vec<String>,
    /// Requirements that are there no more.
    pub removed: Vec<String>,
    /// Methods are others, or worth something else.
    pub methods: bool,
    /// Rules are others.
    pub rules: bool,
}

impl Changes {
    /// From one to the other.
    #[must_use]
    pub fn between(old: &Rulebook, new: &Rulebook) -> Self {
        let mut changes = Self {
            methods: old.vocabulary() != new.vocabulary(),
            rules: old.rule_sources() != new.rule_sources(),
            ..Self::default()
        };
        for requirement in new.requirements().iter() {
            let name = requirement.name();
            match old.named(name) {
                None => changes.added.push(name.to_owned()),
                Some(known) if known.revision() != requirement.revision() => {
                    changes.changed.push(name.to_owned());
                }
                Some(_) => {}
            }
        }
        let gone = old.requirements().iter().filter(|requirement| new.named(requirement.name()).is_none());
        changes.removed.extend(gone.map(|requirement| requirement.name().to_owned()));
        changes
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = |names: &[String], what: &str| {
            (!names.is_empty()).then(|| format!("{} {what} ({})", names.len(), names.join(", ")))
        };
        let said = [
            counted(&self.changed, "changed"),
            counted(&self.added, "added"),
            counted(&self.removed, "removed"),
            self.methods.then(|| "other methods".to_owned()),
            self.rules.then(|| "other rules".to_owned()),
        ];
        let said: Vec<String> = said.into_iter().flatten().collect();
        f.write_str(if said.is_empty() { "nothing changed" } else { "" })?;
        f.write_str(&said.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assurance::rulebook::{RuleSource, Source};
    use crate::domain::strength::Strength;

    fn source(requirements: &[(&str, &str)]) -> Source {
        let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        Source { requirements: requirements.iter().map(owned).collect(), ..Source::default() }
    }

    fn between(old: &Source, new: &Source) -> Changes {
        Changes::between(
            &Rulebook::parse(crate::kinds::infos(), old).unwrap(),
            &Rulebook::parse(crate::kinds::infos(), new).unwrap(),
        )
    }

    #[test]
    fn requirements_are_changed_added_and_removed_by_name() {
        let old = source(&[("a", "totp"), ("b", "hotp"), ("c", "any"), ("uses_a", "a or hotp")]);
        let new =
            source(&[("a", "totp within 1m"), ("b", "( hotp )"), ("d", "any"), ("uses_a", "a or hotp")]);
        let changes = between(&old, &new);
        let said = "2 changed (a, uses_a), 1 added (d), 1 removed (c)";
        assert_eq!(changes.to_string(), said);
        assert!(!changes.is_empty());
        assert!(between(&old, &old).is_empty());
        assert_eq!(between(&old, &old).to_string(), "nothing changed");
    }

    #[test]
    fn a_method_s_worth_and_a_rule_are_changes_where_no_text_is() {
        let plain = source(&[("a", "any"), ("b", "totp")]);
        let with_method = |recovery| {
            let worth = Strength { user_verified: true, recovery, ..Strength::default() };
            Source { methods: vec![("password".to_owned(), worth)], ..plain.clone() }
        };
        let changes = between(&with_method(false), &with_method(true));
        assert_eq!(changes.to_string(), "other methods");
        let rule =
            RuleSource { requirement: "a".to_owned(), when: "x > 1".to_owned(), instead: "b".to_owned() };
        let changes = between(&plain, &Source { rules: vec![rule], ..plain.clone() });
        assert_eq!(changes.to_string(), "other rules");
    }
}
