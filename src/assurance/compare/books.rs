//! What a new configuration asks for, beside an old one: each requirement, and what else decides how much is
//! enough, which is what methods are worth and when rules choose a stricter requirement.

use super::{Relation, compare};
use crate::assurance::rulebook::{RuleSource, Rulebook};
use crate::assurance::vocabulary::{Entry, Vocabulary};
use crate::domain::method::Sort;
use crate::domain::strength::{Properties, Property};

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A requirement.
    Requirement,
    /// What an external method is worth.
    Method,
    /// The rules that stand in for a requirement.
    Rules,
}

/// How the new one stands to the old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It asks for the same.
    Same,
    /// It asks for more.
    Stronger,
    /// It asks for less.
    Weaker,
    /// Each asks for something that the other does not.
    Incomparable,
    /// That cannot be told.
    Undecided,
    /// It was not there.
    Added,
    /// It is there no more.
    Removed,
}

/// One of them, compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub part: Part,
    /// Its name; of rules the requirement's.
    pub name: String,
    /// How it stands.
    pub standing: Standing,
    /// What only the old one takes or says, in words.
    pub old_only: Option<String>,
    /// What only the new one takes or says, in words.
    pub new_only: Option<String>,
}

impl Part {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requirement => "requirement",
            Self::Method => "method",
            Self::Rules => "rules",
        }
    }
}

impl Standing {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Stronger => "stronger",
            Self::Weaker => "weaker",
            Self::Incomparable => "incomparable",
            Self::Undecided => "undecided",
            Self::Added => "added",
            Self::Removed => "removed",
        }
    }
}

impl Finding {
    fn new(part: Part, name: &str, standing: Standing) -> Self {
        Self { part, name: name.to_owned(), standing, old_only: None, new_only: None }
    }

    /// Whether nothing is enough now that was not before, and nothing is missing that programs ask for.
    ///
    /// Who asks for a requirement that is gone is refused. A method that is added or gone is what was meant.
    #[must_use]
    pub fn is_harmless(&self) -> bool {
        match self.standing {
            Standing::Same | Standing::Stronger | Standing::Added => true,
            Standing::Removed => self.part == Part::Method,
            Standing::Weaker | Standing::Incomparable | Standing::Undecided => false,
        }
    }
}

/// Compares two configurations: every requirement by its name, and the methods and rules that are not the same.
/// Requirements are compared over all that the methods of both can give.
#[must_use]
pub fn books(old: &Rulebook, new: &Rulebook) -> Vec<Finding> {
    let vocabulary = old.vocabulary().clone().joined(new.vocabulary());
    let mut names: Vec<&str> = [old, new].iter().flat_map(|book| names(book)).collect();
    names.sort_unstable();
    names.dedup();
    let mut findings: Vec<Finding> =
        names.iter().map(|name| requirement(name, old, new, &vocabulary)).collect();
    findings.extend(vocabulary.iter().filter_map(|entry| method(entry, old, new)));
    findings.extend(names.iter().filter_map(|name| rules(name, old, new)));
    findings
}

fn names(book: &Rulebook) -> impl Iterator<Item = &str> {
    book.requirements().iter().map(|requirement| requirement.name())
}

fn requirement(name: &str, old: &Rulebook, new: &Rulebook, vocabulary: &Vocabulary) -> Finding {
    let finding = |standing| Finding::new(Part::Requirement, name, standing);
    let (Some(one), Some(other)) = (old.named(name), new.named(name)) else {
        return finding(if old.named(name).is_some() { Standing::Removed } else { Standing::Added });
    };
    match compare(one, other, vocabulary) {
        Relation::Same => finding(Standing::Same),
        Relation::Stronger(witness) => {
            Finding { old_only: Some(witness.to_string()), ..finding(Standing::Stronger) }
        }
        Relation::Weaker(witness) => {
            Finding { new_only: Some(witness.to_string()), ..finding(Standing::Weaker) }
        }
        Relation::Incomparable { old_only, new_only } => Finding {
            old_only: Some(old_only.to_string()),
            new_only: Some(new_only.to_string()),
            ..finding(Standing::Incomparable)
        },
        Relation::Undecided => finding(Standing::Undecided),
    }
}

/// A method that is worth more is enough where it was not. Nothing where it is worth the same.
fn method(entry: &Entry, old: &Rulebook, new: &Rulebook) -> Option<Finding> {
    let Sort::External(name) = &entry.sort else { return None };
    let worth = |book: &Rulebook| -> Option<Properties> {
        let known = book.vocabulary().entry(name.as_str()).filter(|known| known.sort == entry.sort)?;
        known.strengths.first().map(|strength| strength.properties())
    };
    let finding = |standing| Finding::new(Part::Method, name.as_str(), standing);
    let (lost, gained) = match (worth(old), worth(new)) {
        (None, None) => return None,
        (None, Some(_)) => return Some(finding(Standing::Added)),
        (Some(_), None) => return Some(finding(Standing::Removed)),
        (Some(old), Some(new)) => (without(old, new), without(new, old)),
    };
    let standing = match (&lost, &gained) {
        (None, None) => return None,
        (Some(_), None) => Standing::Stronger,
        (None, Some(_)) => Standing::Weaker,
        (Some(_), Some(_)) => Standing::Incomparable,
    };
    Some(Finding { old_only: lost, new_only: gained, ..finding(standing) })
}

/// The properties that only the first has, in words.
fn without(one: Properties, other: Properties) -> Option<String> {
    let has_not = |property: &Property| !other.include(Properties::NONE.with(*property));
    let only: Vec<&str> = one.iter().filter(has_not).map(Property::as_str).collect();
    (!only.is_empty()).then(|| only.join(", "))
}

/// Rules are evaluated up to the first that is true, and each applies a stricter requirement. So a rule behind the
/// others only makes it stricter; what any other change comes to depends on expressions, and is not decided.
fn rules(name: &str, old: &Rulebook, new: &Rulebook) -> Option<Finding> {
    let of = |book: &Rulebook| -> Vec<RuleSource> {
        book.rule_sources().iter().filter(|rule| rule.requirement == name).cloned().collect()
    };
    let (old, new) = (of(old), of(new));
    if old == new {
        return None;
    }
    let only = |these: &[RuleSource], others: &[RuleSource]| {
        let only = these.iter().filter(|rule| !others.contains(rule));
        let words: Vec<String> = only.map(|rule| format!("{} when {}", rule.instead, rule.when)).collect();
        (!words.is_empty()).then(|| words.join("; "))
    };
    let standing = if new.starts_with(&old) { Standing::Stronger } else { Standing::Undecided };
    let (old_only, new_only) = (only(&old, &new), only(&new, &old));
    Some(Finding { old_only, new_only, ..Finding::new(Part::Rules, name, standing) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assurance::rulebook::Source;
    use crate::domain::strength::{FactorType, Strength};

    fn book(requirements: &[(&str, &str)], rules: &[(&str, &str, &str)], worth: Strength) -> Rulebook {
        let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        let rule = |(requirement, when, instead): &(&str, &str, &str)| RuleSource {
            requirement: (*requirement).to_owned(),
            when: (*when).to_owned(),
            instead: (*instead).to_owned(),
        };
        Rulebook::parse(
            crate::kinds::infos(),
            &Source {
                methods: vec![("password".to_owned(), worth)],
                requirements: requirements.iter().map(owned).collect(),
                rules: rules.iter().map(rule).collect(),
            },
        )
        .unwrap()
    }

    fn known() -> Strength {
        Strength { factor_types: vec![FactorType::Knowledge], ..Strength::default() }
    }

    /// What is not the same, as text.
    fn told(old: &Rulebook, new: &Rulebook) -> Vec<String> {
        let others = books(old, new).into_iter().filter(|finding| finding.standing != Standing::Same);
        others
            .map(|f| {
                let mark = if f.is_harmless() { "" } else { "!" };
                format!("{mark}{} {} {}", f.part.as_str(), f.name, f.standing.as_str())
            })
            .collect()
    }

    #[test]
    fn each_requirement_is_compared_by_its_name() {
        let old =
            [("a", "totp"), ("b", "totp within 5m"), ("c", "totp"), ("d", "any"), ("e", "hotp or totp")];
        let new =
            [("a", "totp within 5m"), ("b", "totp"), ("c", "hotp"), ("e", "totp or hotp"), ("f", "any")];
        let (old, new) = (book(&old, &[], known()), book(&new, &[], known()));
        let expected = [
            "requirement a stronger",
            "!requirement b weaker",
            "!requirement c incomparable",
            "!requirement d removed",
            "requirement f added",
        ];
        assert_eq!(told(&old, &new), expected);
        assert!(told(&old, &old).is_empty());
        let found = books(&old, &new);
        let names: Vec<_> = found.iter().map(|finding| finding.name.as_str()).collect();
        let guards = ["countersign.enroll", "countersign.recover", "countersign.remove"];
        assert_eq!(names, [&["a", "b", "c"][..], &guards, &["d", "e", "f"]].concat());
        assert!(found[1].new_only.as_ref().unwrap().contains("5m ago"), "{:?}", found[1]);
        assert!(found[2].old_only.as_ref().unwrap().starts_with("totp"), "{:?}", found[2]);
    }

    #[test]
    fn a_method_that_is_worth_more_makes_the_same_texts_weaker() {
        let texts = [("a", "phishing_resistant")];
        let more = Strength { phishing_resistant: true, ..known() };
        let (old, new) = (book(&texts, &[], known()), book(&texts, &[], more));
        assert_eq!(told(&old, &new), ["!method password weaker"]);
        assert_eq!(told(&new, &old), ["method password stronger"]);
        let other = Strength { factor_types: vec![FactorType::Inherence], ..Strength::default() };
        assert_eq!(told(&old, &book(&texts, &[], other)), ["!method password incomparable"]);
        let none = Rulebook::parse(crate::kinds::infos(), &Source::default()).unwrap();
        assert_eq!(told(&old, &none), ["!requirement a removed", "method password removed"]);
        assert_eq!(told(&none, &old), ["requirement a added", "method password added"]);
    }

    #[test]
    fn a_rule_may_be_added_behind_the_others() {
        let texts = [("a", "any"), ("b", "totp"), ("c", "totp within 1m")];
        let [one, two] = [("a", "x > 1", "b"), ("a", "x > 9", "c")];
        let with = |rules: &[(&str, &str, &str)]| book(&texts, rules, known());
        assert_eq!(told(&with(&[]), &with(&[one])), ["rules a stronger"]);
        assert_eq!(told(&with(&[one]), &with(&[one, two])), ["rules a stronger"]);
        assert_eq!(told(&with(&[one]), &with(&[two, one])), ["!rules a undecided"]);
        assert_eq!(told(&with(&[one]), &with(&[])), ["!rules a undecided"]);
        let found = books(&with(&[one]), &with(&[two])).pop().unwrap();
        assert_eq!(found.old_only.as_deref(), Some("b when x > 1"));
        assert_eq!(found.new_only.as_deref(), Some("c when x > 9"));
    }
}
