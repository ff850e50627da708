//! All that decisions go by, as it is configured: methods, requirements, and the rules that choose between them.

use std::collections::BTreeMap;

use super::presets::{GUARDS, default_guard};
use super::requirement::mistake::{Mistakes, Wrong, did_you_mean};
use super::requirement::set::Requirements;
use super::requirement::{self, Requirement};
use super::rules::{RuleText, Rules};
use super::vocabulary::Vocabulary;
use crate::domain::kind::KindInfo;
use crate::domain::strength::Strength;

/// What the names of the sidecar's own requirements begin with.
const OWN: &str = "countersign.";

/// As it is configured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// External methods, with what each is worth.
    pub methods: Vec<(String, Strength)>,
    /// Requirements: names and texts.
    pub requirements: Vec<(String, String)>,
    /// Rules.
    pub rules: Vec<RuleSource>,
}

/// A rule as it is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSource {
    /// The requirement that is asked for.
    pub requirement: String,
    /// A CEL expression over attributes.
    pub when: String,
    /// The requirement that is used instead.
    pub instead: String,
}

/// A requirement that is asked for, and the requirements that the rules apply instead of it.
#[derive(Debug)]
pub struct Applied<'b> {
    /// The requirement that is asked for.
    pub asked: &'b Requirement,
    /// The requirements that apply, each once. All of them must be satisfied. If no rule applies, only the one that
    /// is asked for.
    pub all: Vec<&'b Requirement>,
}

/// What decisions go by.
#[derive(Debug)]
pub struct Rulebook {
    requirements: Requirements,
    rules: Rules,
    rule_sources: Vec<RuleSource>,
}

impl Rulebook {
    /// Parses methods, requirements and rules, which may speak of `kinds` of devices. The sidecar's own requirements have defaults.
    ///
    /// # Errors
    /// Every mistake.
    pub fn parse(kinds: &[&KindInfo], source: &Source) -> Result<Self, Mistakes> {
        let methods: Vec<_> =
            source.methods.iter().map(|(name, worth)| (name.as_str(), worth.clone())).collect();
        let vocabulary = Vocabulary::parse(kinds, &methods)?;
        let mut mistakes = Mistakes::default();
        let mut texts: Vec<(&str, &str)> = Vec::new();
        for (name, text) in &source.requirements {
            if name.starts_with(OWN) && !GUARDS.contains(&name.as_str()) {
                let guess = did_you_mean(name, GUARDS);
                let label = guess.unwrap_or_else(|| format!("there are {}", GUARDS.join(", ")));
                let wrong = Wrong::new(
                    0..name.len(),
                    format!("`{OWN}` begins the sidecar's own requirements"),
                    label,
                );
                mistakes.push(wrong.within("requirements", name.as_str()));
            }
            texts.push((name, text));
        }
        let guard = default_guard(&vocabulary);
        let is_given = |guard: &str| source.requirements.iter().any(|(name, _)| name == guard);
        texts.extend(GUARDS.into_iter().filter(|name| !is_given(name)).map(|name| (name, guard.as_str())));
        let requirements = match Requirements::parse(&texts, vocabulary) {
            Ok(requirements) if mistakes.is_empty() => requirements.guarding(&GUARDS),
            Ok(_) => return Err(mistakes),
            Err(more) => return Err(mistakes.and(more)),
        };
        let rules: Vec<_> = source.rules.iter().map(RuleSource::text).collect();
        let rules = Rules::parse(&rules, &requirements)?;
        Ok(Self { requirements, rules, rule_sources: source.rules.clone() })
    }

    /// The requirement of that name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Requirement> {
        self.requirements.named(name)
    }

    /// The requirements that apply if `name` is asked for with these attributes. `None`: no requirement has this
    /// name.
    #[must_use]
    pub fn applied(&self, name: &str, attributes: &BTreeMap<String, String>) -> Option<Applied<'_>> {
        let asked = self.requirements.named(name)?;
        let all = self.rules.applied(asked, |attribute| attributes.get(attribute).map(String::as_str));
        Some(Applied { asked, all })
    }

    /// Every requirement, by name.
    #[must_use]
    pub fn requirements(&self) -> &Requirements {
        &self.requirements
    }

    /// The rules, as they are configured.
    #[must_use]
    pub fn rule_sources(&self) -> &[RuleSource] {
        &self.rule_sources
    }

    /// What requirements can speak of.
    #[must_use]
    pub fn vocabulary(&self) -> &Vocabulary {
        self.requirements.vocabulary()
    }
}

impl Applied<'_> {
    /// The revision of all that applies: of a single requirement its own, of several 12 hexadecimal digits of
    /// SHA-256 over their revisions, sorted, a line each.
    #[must_use]
    pub fn revision(&self) -> String {
        if let [only] = self.all.as_slice() {
            return only.revision().to_owned();
        }
        let mut revisions: Vec<&str> = self.all.iter().map(|requirement| requirement.revision()).collect();
        revisions.sort_unstable();
        requirement::revision_of(&revisions.join("\n"))
    }
}

impl RuleSource {
    fn text(&self) -> RuleText<'_> {
        RuleText { requirement: &self.requirement, when: &self.when, instead: &self.instead }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(requirements: &[(&str, &str)]) -> Source {
        let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        Source { requirements: requirements.iter().map(owned).collect(), ..Source::default() }
    }

    #[test]
    fn the_sidecar_s_own_requirements_are_there_and_can_be_replaced() {
        let book = Rulebook::parse(crate::kinds::infos(), &source(&[])).unwrap();
        let text = "(totp or hotp or recovery_codes) within 10m";
        let names: Vec<_> = book.requirements().iter().map(|one| (one.name(), one.text())).collect();
        let expanded = book.named(GUARDS[0]).unwrap().text();
        assert_eq!(
            names,
            GUARDS
                .map(|name| (name, expanded))
                .into_iter()
                .collect::<BTreeMap<_, _>>()
                .into_iter()
                .collect::<Vec<_>>()
        );
        let same = Rulebook::parse(crate::kinds::infos(), &source(&[("same", text)])).unwrap();
        assert_eq!(same.named("same").unwrap().text(), expanded);
        let stricter =
            Rulebook::parse(crate::kinds::infos(), &source(&[("countersign.remove", "totp within 1m")]))
                .unwrap();
        assert_eq!(stricter.named("countersign.remove").unwrap().text(), "totp within 1m");
        assert_eq!(stricter.named("countersign.enroll").unwrap().text(), expanded);
    }

    #[test]
    fn a_guard_that_there_is_not_is_a_mistake() {
        let refused =
            Rulebook::parse(crate::kinds::infos(), &source(&[("countersign.enrol", "totp"), ("a", "totpp")]))
                .unwrap_err();
        let text = refused.to_string();
        assert!(text.contains("did you mean `countersign.enroll`?"), "{text}");
        assert!(text.contains("did you mean `totp`?"), "{text}");
    }

    #[test]
    fn a_rule_chooses_and_an_unknown_requirement_is_none() {
        let rule = RuleSource {
            requirement: "payout".to_owned(),
            when: "amount > 100".to_owned(),
            instead: "large".to_owned(),
        };
        let texts = source(&[("payout", "any"), ("large", "totp within 5m")]);
        let book = Rulebook::parse(crate::kinds::infos(), &Source { rules: vec![rule], ..texts }).unwrap();
        let applied = |amount: Option<&str>| {
            let attributes =
                amount.map(|amount| ("amount".to_owned(), amount.to_owned())).into_iter().collect();
            let applied = book.applied("payout", &attributes).unwrap();
            applied.all.iter().map(|requirement| requirement.name()).collect::<Vec<_>>()
        };
        assert_eq!(applied(Some("100")), ["payout"]);
        assert_eq!(applied(Some("101")), ["large"]);
        assert_eq!(applied(None), ["large"]);
        assert!(book.applied("payou", &BTreeMap::new()).is_none());
    }
}
