//! Requirements that can never be satisfied: no kind of device and no configured method gives what they ask for.

use std::fmt;

use super::lasting::leaves;
use super::requirement::Requirement;
use super::requirement::expression::Leaf;
use super::requirement::holds::LeafSet;
use super::requirement::selector::Selector;
use super::rulebook::Rulebook;
use super::vocabulary::{Entry, Vocabulary};
use crate::domain::method::Sort;

/// A requirement that is never satisfied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Infeasible {
    /// The name of the requirement.
    pub requirement: String,
    /// The selectors that no kind of device and no method meets. Empty if each selector is met, but not all of them
    /// at once by different devices and methods.
    pub unmet: Vec<String>,
}

impl fmt::Display for Infeasible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requirement, unmet } = self;
        write!(f, "the requirement {requirement} can never be satisfied: ")?;
        match unmet.as_slice() {
            [] => f.write_str("it asks for more different devices and methods than there are"),
            unmet => write!(f, "no kind of device and no method here is `{}`", unmet.join("` or `")),
        }
    }
}

/// The requirements of a rulebook that can never be satisfied, in the order of their names. A warning and not a
/// mistake: a file may be written for methods that are added later.
#[must_use]
pub fn infeasible(book: &Rulebook) -> Vec<Infeasible> {
    let of = |requirement| of(requirement, book.vocabulary());
    book.requirements().iter().filter_map(of).collect()
}

/// Tries fresh evidence by new devices of every kind and strength and by every external method, given for the
/// transaction and not. `None`: it satisfies the requirement.
fn of(requirement: &Requirement, vocabulary: &Vocabulary) -> Option<Infeasible> {
    let met = |entry: &Entry, strength| {
        leaves(requirement, |leaf| leaf.selector.accepts_sort(&entry.sort, strength))
    };
    let copies = requirement.program().copies();
    let mut sources: Vec<LeafSet> = Vec::new();
    for entry in vocabulary.iter() {
        let each = entry.strengths.iter().map(|strength| met(entry, strength));
        match entry.sort {
            Sort::Kind(_) => sources.extend(each.flat_map(|met| std::iter::repeat_n(met, copies))),
            Sort::External(_) => sources.push(each.fold(0, |all, met| all | met)),
        }
    }
    if requirement.program().holds(&sources) {
        return None;
    }
    let all = sources.iter().fold(0, |all, met| all | met);
    let open = leaves(requirement, |_| true) & !all;
    let mut unmet: Vec<String> = Vec::new();
    for (index, Leaf { selector, .. }) in requirement.leaves().iter().enumerate() {
        if open & 1 << index != 0 {
            note(selector, &mut unmet);
        }
    }
    Some(Infeasible { requirement: requirement.name().to_owned(), unmet })
}

fn note(selector: &Selector, unmet: &mut Vec<String>) {
    let text = selector.to_string();
    if !unmet.contains(&text) {
        unmet.push(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assurance::rulebook::Source;
    use crate::domain::strength::{FactorType, Strength};

    fn told(requirements: &[(&str, &str)], password: Strength) -> Vec<String> {
        let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        let source = Source {
            methods: vec![("password".to_owned(), password)],
            requirements: requirements.iter().map(owned).collect(),
            ..Source::default()
        };
        infeasible(&Rulebook::parse(crate::kinds::infos(), &source).unwrap())
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    fn known() -> Strength {
        Strength { factor_types: vec![FactorType::Knowledge], ..Strength::default() }
    }

    #[test]
    fn what_no_kind_and_no_method_gives_is_told() {
        let texts = [
            ("a", "phishing_resistant"),
            ("b", "totp and phishing_resistant & user_verified within 5m for transaction or hardware_bound"),
            ("c", "phishing_resistant or totp"),
            ("countersign.remove", "phishing_resistant"),
        ];
        let expected = [
            "the requirement a can never be satisfied: no kind of device and no method here is \
             `phishing_resistant`",
            "the requirement b can never be satisfied: no kind of device and no method here is \
             `phishing_resistant & user_verified` or `hardware_bound`",
            "the requirement countersign.remove can never be satisfied: no kind of device and no method here is \
             `phishing_resistant`",
        ];
        assert_eq!(told(&texts, known()), expected);
        let sso = Strength { phishing_resistant: true, hardware_bound: true, ..known() };
        assert_eq!(told(&texts, sso), Vec::<String>::new());
    }

    #[test]
    fn several_devices_of_a_kind_there_can_be_and_one_password() {
        let texts = [
            ("a", "distinct(totp, totp, any within 5m for transaction)"),
            ("b", "distinct(password, knowledge)"),
        ];
        let expected = "the requirement b can never be satisfied: it asks for more different devices and \
                        methods than there are";
        assert_eq!(told(&texts, known()), [expected]);
    }

    #[test]
    fn evidence_for_the_transaction_and_from_before_can_be_had_together() {
        let texts = [("countersign.enroll", "distinct(totp within 10m, hotp for transaction)")];
        assert!(told(&texts, known()).is_empty());
        assert!(told(&[], known()).is_empty());
    }
}
