//! What a requirement means, said naively: try every assignment of facts to leaves.

use crate::assurance::requirement::expression::{Expression, Leaf};
use crate::domain::method::Method;
use crate::domain::strength::{FactorType, Property, Strength};

/// A fact as the oracle sees it: something proved, so long ago, for the transaction or not.
#[derive(Debug, Clone)]
pub(crate) struct Fact {
    pub(crate) method: Method,
    pub(crate) strength: Strength,
    /// Microseconds. Nothing for what is proved in this moment.
    pub(crate) age: i64,
    /// Microseconds until it expires.
    pub(crate) left: i64,
    pub(crate) for_transaction: bool,
}

/// Facts by number.
pub(crate) type Facts = u64;

fn has(strength: &Strength, property: Property) -> bool {
    match property {
        Property::Factor(FactorType::Knowledge) => strength.factor_types.contains(&FactorType::Knowledge),
        Property::Factor(FactorType::Possession) => strength.factor_types.contains(&FactorType::Possession),
        Property::Factor(FactorType::Inherence) => strength.factor_types.contains(&FactorType::Inherence),
        Property::PhishingResistant => strength.phishing_resistant,
        Property::HardwareBound => strength.hardware_bound,
        Property::UserVerified => strength.user_verified,
        Property::NotRecovery => !strength.recovery,
        Property::NotRestrictedChannel => !strength.restricted_channel,
    }
}

/// Whether a fact meets a leaf, `later` microseconds from now.
pub(crate) fn meets(fact: &Fact, leaf: &Leaf, later: i64) -> bool {
    let fresh = |within: std::time::Duration| {
        i128::from(fact.age) + i128::from(later) < i128::try_from(within.as_micros()).unwrap()
    };
    let named = |name: &str| fact.method.name().as_str() == name;
    later < fact.left
        && leaf.within.is_none_or(fresh)
        && (fact.for_transaction || !leaf.for_transaction)
        && !(fact.for_transaction && leaf.not_for_transaction)
        && leaf.selector.sort.as_ref().is_none_or(|sort| named(sort.name().as_str()))
        && leaf.selector.properties.iter().all(|property| has(&fact.strength, property))
}

/// Every set of facts that, assigned to leaves, satisfies an expression. With more than is needed, too.
pub(crate) fn ways(expression: &Expression, facts: &[Fact], later: i64) -> Vec<Facts> {
    let fitting = |leaf: &&Leaf| -> Vec<Facts> {
        let fitting = (0..facts.len()).filter(|n| meets(&facts[*n], leaf, later)).map(|n| 1 << n);
        [0].into_iter().chain(fitting).collect()
    };
    let choices: Vec<Vec<Facts>> = expression.leaves().iter().map(fitting).collect();
    // Of each fact, all facts by the same device or method.
    let same = |one: &Fact| (0..facts.len()).filter(|n| facts[*n].method == one.method).collect::<Vec<_>>();
    let mates: Vec<Facts> = facts.iter().map(|one| same(one).iter().fold(0, |set, n| set | 1 << n)).collect();
    let mut found = Vec::new();
    assign(expression, &mates, &choices, &mut Vec::new(), &mut found);
    found.sort_unstable();
    found.dedup();
    found
}

fn assign(
    expression: &Expression,
    mates: &[Facts],
    choices: &[Vec<Facts>],
    chosen: &mut Vec<Facts>,
    found: &mut Vec<Facts>,
) {
    if chosen.len() == choices.len() {
        found.extend(holds(expression, mates, &mut chosen.iter()));
        return;
    }
    for choice in &choices[chosen.len()] {
        chosen.push(*choice);
        assign(expression, mates, choices, chosen, found);
        chosen.pop();
    }
}

/// Whether an assignment satisfies an expression, and the facts in it. Takes the leaves from left to right;
/// no fact is assigned to a leaf that is not met.
fn holds(
    expression: &Expression,
    mates: &[Facts],
    chosen: &mut std::slice::Iter<'_, Facts>,
) -> Option<Facts> {
    if let Expression::Leaf(_) = expression {
        return chosen.next().copied().filter(|fact| *fact != 0);
    }
    let (mut met, mut used, mut shared) = (0, 0, false);
    for part in expression.parts() {
        let Some(facts) = holds(part, mates, chosen) else { continue };
        met += 1;
        shared |= mates.iter().enumerate().any(|(n, mates)| used >> n & 1 == 1 && mates & facts != 0);
        used |= facts;
    }
    let enough = match expression {
        Expression::Leaf(_) => unreachable!(),
        Expression::Any(_) => met > 0,
        Expression::All(parts) => met == parts.len(),
        Expression::Distinct(parts) => met == parts.len() && !shared,
        Expression::AtLeast(count, _) => met >= *count,
    };
    enough.then_some(used)
}

/// Whether facts satisfy an expression.
pub(crate) fn satisfied(expression: &Expression, facts: &[Fact], later: i64) -> bool {
    !ways(expression, facts, later).is_empty()
}

/// Whether some of the facts do.
pub(crate) fn is_among(ways: &[Facts], some: Facts) -> bool {
    ways.iter().any(|way| way & some == *way)
}
