//! Bounds on all results of the rules of one requirement together.

use std::collections::BTreeMap;

use super::super::requirement::mistake::Wrong;
use super::super::requirement::{ALTERNATIVES_MAX, LEAVES_MAX, Requirement};

/// The results of the rules so far, by the requirement that is asked for. Without attributes all of them apply, and
/// deciding them must cost no more than deciding one requirement.
#[derive(Debug, Default)]
pub(super) struct Combined {
    by_requirement: BTreeMap<String, Results>,
}

/// The distinct results of the rules of one requirement.
#[derive(Debug, Default)]
struct Results {
    names: Vec<String>,
    leaves: usize,
    /// The number of ways to satisfy all results. 0: there is no result yet.
    alternatives: u64,
}

impl Combined {
    /// Adds the result of a rule.
    ///
    /// # Errors
    /// Together with this result, they are more than one requirement may hold.
    pub(super) fn add(&mut self, requirement: &str, instead: &Requirement) -> Result<(), Wrong> {
        let results = self.by_requirement.entry(requirement.to_owned()).or_default();
        if results.names.iter().any(|known| known == instead.name()) {
            return Ok(());
        }
        results.names.push(instead.name().to_owned());
        results.leaves += instead.leaves().len();
        results.alternatives =
            results.alternatives.max(1).saturating_mul(instead.expression().alternatives());
        let Results { leaves, alternatives, .. } = *results;
        let (what, most) = if leaves > LEAVES_MAX {
            (format!("name evidence {leaves} times"), LEAVES_MAX.to_string())
        } else if alternatives > ALTERNATIVES_MAX {
            (format!("can be met in {alternatives} ways"), ALTERNATIVES_MAX.to_string())
        } else {
            return Ok(());
        };
        let title = format!(
            "the results of the rules of `{requirement}` together {what}, and at most {most} are allowed"
        );
        let label = "without the attributes, all of them apply";
        Err(Wrong::new(0..instead.name().len(), title, label))
    }
}
