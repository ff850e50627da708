//! Plans beside an enrollment, and the guard's answer to them, against a model.

use proptest::prelude::*;

use super::oracle::{self, Fact};
use super::planning::outcomes;
use super::texts::{requirement, texts};
use super::worlds::{VOCABULARY, World, worlds};
use crate::assurance::advice::allowed;
use crate::assurance::candidate::Candidate;
use crate::assurance::decide::decide;
use crate::assurance::requirement::Requirement;
use crate::assurance::requirement::expression::{Expression, Leaf};
use crate::domain::decision::Decision;
use crate::domain::ids::DeviceId;
use crate::domain::method::{Method, Sort};

/// True if a new device of some kind would meet the leaf.
fn is_of_devices(leaf: &Leaf, for_transaction: bool) -> bool {
    let accepts = |entry: &crate::assurance::vocabulary::Entry| {
        let Sort::Kind(kind) = &entry.sort else { return false };
        let method = Method::Device { kind: kind.clone(), device: DeviceId::trusted("new") };
        entry.strengths.iter().any(|strength| leaf.selector.accepts(&method, strength.properties()))
    };
    (for_transaction || !leaf.for_transaction) && VOCABULARY.iter().any(accepts)
}

/// The rest of an expression once every leaf that a device would meet is met. `None`: nothing is left.
fn rest(expression: &Expression, for_transaction: bool) -> Option<Expression> {
    let parts: Vec<Option<Expression>> =
        expression.parts().iter().map(|part| rest(part, for_transaction)).collect();
    let met = parts.iter().filter(|part| part.is_none()).count();
    let left: Vec<Expression> = parts.into_iter().flatten().collect();
    match expression {
        Expression::Leaf(leaf) if is_of_devices(leaf, for_transaction) => None,
        Expression::Leaf(_) => Some(expression.clone()),
        Expression::Any(_) if met > 0 => None,
        Expression::Any(_) => Some(Expression::Any(left)),
        Expression::AtLeast(count, _) if met >= *count => None,
        Expression::AtLeast(count, _) => Some(Expression::AtLeast(count - met, left)),
        Expression::All(_) | Expression::Distinct(_) if left.is_empty() => None,
        Expression::All(_) => Some(Expression::All(left)),
        Expression::Distinct(_) => Some(Expression::Distinct(left)),
    }
}

/// True if the facts are enough for all leaves of a requirement that no device meets.
fn is_rest_met(requirement: &Requirement, facts: &[Fact], for_transaction: bool) -> bool {
    let rest = rest(requirement.expression(), for_transaction);
    rest.is_none_or(|rest| oracle::satisfied(&rest, facts, 0))
}

/// The facts of a world, and those of the candidates that were proved.
fn facts(world: &World, taken: &[usize]) -> Vec<Fact> {
    let steps = world.steps();
    world.facts().into_iter().chain(taken.iter().map(|index| steps[*index].clone())).collect()
}

/// The same world, asked without the transaction that it names.
fn without_transaction(world: &World) -> World {
    World { transaction: false, ..world.clone() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn leaving_out_the_devices_of_a_requirement_leaves_the_rest_of_it_in_force(
        text in texts(5),
        world in worlds(3, 4),
    ) {
        let requirement = requirement(&text);
        let Decision::EnrollmentRequired { plans, .. } = decide(&requirement, &world.situation()) else {
            return Ok(());
        };
        let is_enough =
            |taken: &[usize]| is_rest_met(&requirement, &facts(&world, taken), world.transaction);
        prop_assert_eq!(plans.is_empty(), is_enough(&[]), "{:?}", plans);
        for taken in plans.iter().flat_map(|plan| outcomes(&world, plan)) {
            prop_assert!(is_enough(&taken), "{plans:?}");
            for left_out in 0..taken.len() {
                let mut less = taken.clone();
                less.remove(left_out);
                prop_assert!(!is_enough(&less), "{plans:?} without {left_out}");
            }
        }
    }

    #[test]
    fn what_is_advised_the_guard_allows_and_what_is_not_advised_it_never_would(
        text in texts(4),
        guard in texts(3),
        world in worlds(3, 4),
    ) {
        let (requirement, guard) = (requirement(&text), requirement(&guard).guarding());
        let raw = decide(&requirement, &world.situation());
        let told = allowed(raw.clone(), &[&requirement], &[&guard], &world.situation());
        if !matches!(raw, Decision::EnrollmentRequired { .. }) {
            prop_assert_eq!(told, raw);
            return Ok(());
        }
        let opens_in =
            |world: &World, taken: &[usize]| oracle::satisfied(guard.expression(), &facts(world, taken), 0);
        let opens = |taken: &[usize]| opens_in(&world, taken);
        let is_enough = |taken: &[usize]| {
            opens(taken) && is_rest_met(&requirement, &facts(&world, taken), world.transaction)
        };
        let usable: Vec<usize> =
            (0..world.candidates.len()).filter(|index| world.candidates[*index].is_usable()).collect();
        match told {
            Decision::EnrollmentRequired { plans, .. } => {
                prop_assert_eq!(plans.is_empty(), is_enough(&[]), "{:?}", plans);
                for taken in plans.iter().flat_map(|plan| outcomes(&world, plan)) {
                    prop_assert!(is_enough(&taken), "{plans:?}");
                    for left_out in 0..taken.len() {
                        let mut less = taken.clone();
                        less.remove(left_out);
                        prop_assert!(!is_enough(&less), "{plans:?} without {left_out}");
                    }
                }
            }
            Decision::Unavailable { retry_at, .. } => {
                prop_assert!(!opens(&usable));
                if let Some(at) = retry_at {
                    // At that moment, back-offs until then are over.
                    let free = |one: &Candidate| match one.availability {
                        crate::assurance::candidate::Availability::Throttled { until } => until <= at,
                        _ => one.is_usable(),
                    };
                    let later: Vec<usize> =
                        (0..world.candidates.len()).filter(|index| free(&world.candidates[*index])).collect();
                    // In a context that names a transaction, the caller also has to ask without it.
                    prop_assert!(opens(&later) || opens_in(&without_transaction(&world), &later));
                }
            }
            other => prop_assert!(false, "{other:?}"),
        }
    }
}

#[test]
fn the_password_is_asked_for_beside_the_device() {
    use super::deciding::world;
    use super::worlds::{evidence, known, name};
    use crate::domain::decision::{Plan, Step};
    let password = Candidate::external(name("password"), known());
    let beside = |text: &str, evidence| {
        let decided = decide(&requirement(text), &world(evidence, vec![password.clone()]).situation());
        let Decision::EnrollmentRequired { plans, .. } = decided else { panic!("{decided:?}") };
        plans
    };
    let missing = vec![Plan { steps: vec![Step::External(name("password"))] }];
    let proved = evidence("e1", Method::External(name("password")), known());
    assert_eq!(beside("password and totp", vec![]), missing);
    assert_eq!(beside("password and totp", vec![proved]), vec![]);
    assert_eq!(beside("totp", vec![]), vec![]);
}
