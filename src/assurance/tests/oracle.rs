//! What a requirement means, said naively: try every assignment of facts to leaves.

use crate::assurance::method::Method;
use crate::assurance::requirement::expression::{Expression, Leaf};
use crate::assurance::strength::{FactorType, Property, Strength};

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
pub(crate) type Facts = u32;

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
        && leaf.selector.sort.as_ref().is_none_or(|sort| named(sort.name().as_str()))
        && leaf.selector.properties.iter().all(|property| has(&fact.strength, property))
}

/// Every set of facts that, assigned to leaves, satisfies an expression. With more than is needed, too.
pub(crate) fn ways(expression: &Expression, facts: &[Fact], later: i64) -> Vec<Facts> {
    let leaves = expression.leaves();
    let choices: Vec<Vec<Option<usize>>> = leaves
        .iter()
        .map(|leaf| {
            let fitting = (0..facts.len()).filter(|n| meets(&facts[*n], leaf, later)).map(Some);
            [None].into_iter().chain(fitting).collect()
        })
        .collect();
    let mut found = Vec::new();
    assign(expression, facts, &choices, &mut Vec::new(), &mut found);
    found.sort_unstable();
    found.dedup();
    found
}

fn assign(
    expression: &Expression,
    facts: &[Fact],
    choices: &[Vec<Option<usize>>],
    chosen: &mut Vec<Option<usize>>,
    found: &mut Vec<Facts>,
) {
    if chosen.len() == choices.len() {
        if let Some(used) = holds(expression, facts, &mut chosen.iter()) {
            found.push(used.iter().fold(0, |set, n| set | 1 << n));
        }
        return;
    }
    for choice in &choices[chosen.len()] {
        chosen.push(*choice);
        assign(expression, facts, choices, chosen, found);
        chosen.pop();
    }
}

/// Whether an assignment satisfies an expression, and the facts in it. Takes the leaves from left to right.
fn holds(
    expression: &Expression,
    facts: &[Fact],
    chosen: &mut std::slice::Iter<'_, Option<usize>>,
) -> Option<Vec<usize>> {
    if let Expression::Leaf(_) = expression {
        return chosen.next().unwrap().map(|n| vec![n]);
    }
    let parts: Vec<Option<Vec<usize>>> =
        expression.parts().iter().map(|part| holds(part, facts, chosen)).collect();
    let met: Vec<Vec<usize>> = parts.iter().flatten().cloned().collect();
    let enough = match expression {
        Expression::Leaf(_) => unreachable!(),
        Expression::Any(_) => !met.is_empty(),
        Expression::All(parts) | Expression::Distinct(parts) => met.len() == parts.len(),
        Expression::AtLeast(count, _) => met.len() >= *count,
    };
    if !enough {
        return None;
    }
    if let Expression::Distinct(_) = expression {
        for (one, uses) in met.iter().enumerate() {
            for others in &met[one + 1..] {
                let shared = |a: &usize| others.iter().any(|b| facts[*a].method == facts[*b].method);
                if uses.iter().any(shared) {
                    return None;
                }
            }
        }
    }
    Some(met.concat())
}

/// Whether facts satisfy an expression.
pub(crate) fn satisfied(expression: &Expression, facts: &[Fact], later: i64) -> bool {
    !ways(expression, facts, later).is_empty()
}

/// Whether some of the facts do.
pub(crate) fn is_among(ways: &[Facts], some: Facts) -> bool {
    ways.iter().any(|way| way & some == *way)
}
