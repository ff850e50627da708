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
use crate::domain::decision::Decision;
use crate::domain::ids::DeviceId;
use crate::domain::method::{Method, MethodName};
use crate::domain::strength::Strength;

/// New devices of these kinds, proved: of every strength that the kinds can have.
fn new_devices(kinds: &[MethodName], for_transaction: bool) -> Vec<Vec<Fact>> {
    let strengths = |kind: &MethodName| -> Vec<Strength> {
        VOCABULARY.iter().find(|entry| entry.sort.name() == kind).unwrap().strengths.clone()
    };
    let mut sets = vec![Vec::new()];
    for (number, kind) in kinds.iter().enumerate() {
        let device = DeviceId::trusted(&format!("new-{number}"));
        let method = Method::Device { kind: kind.clone(), device };
        let with = |set: &Vec<Fact>, strength: Strength| {
            let fact = Fact { method: method.clone(), strength, age: 0, left: i64::MAX, for_transaction };
            set.iter().cloned().chain([fact]).collect::<Vec<_>>()
        };
        sets = sets
            .iter()
            .flat_map(|set| strengths(kind).into_iter().map(move |strength| with(set, strength)))
            .collect();
    }
    sets
}

/// True if the facts, and new devices of these kinds, satisfy a requirement.
fn is_enough_with(
    kinds: &[MethodName],
    requirement: &Requirement,
    facts: &[Fact],
    for_transaction: bool,
) -> bool {
    new_devices(kinds, for_transaction).into_iter().any(|new| {
        let all: Vec<Fact> = facts.iter().cloned().chain(new).collect();
        oracle::satisfied(requirement.expression(), &all, 0)
    })
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
    fn what_is_advised_is_enough_and_no_step_of_it_can_be_left_out(text in texts(5), world in worlds(3, 4)) {
        let requirement = requirement(&text);
        let Decision::EnrollmentRequired { ways, plans } = decide(&requirement, &world.situation()) else {
            return Ok(());
        };
        prop_assert!(!ways.is_empty());
        for way in &ways {
            let is_enough =
                |taken: &[usize]| is_enough_with(way, &requirement, &facts(&world, taken), world.transaction);
            prop_assert_eq!(plans.is_empty(), is_enough(&[]), "{:?} beside {:?}", plans, way);
            for taken in plans.iter().flat_map(|plan| outcomes(&world, plan)) {
                prop_assert!(is_enough(&taken), "{plans:?} beside {way:?}");
                for left_out in 0..taken.len() {
                    let mut less = taken.clone();
                    less.remove(left_out);
                    prop_assert!(!is_enough(&less), "{plans:?} beside {way:?} without {left_out}");
                }
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
        let is_enough = |way: &[MethodName], taken: &[usize]| {
            let facts = facts(&world, taken);
            opens(taken) && is_enough_with(way, &requirement, &facts, world.transaction)
        };
        let usable: Vec<usize> =
            (0..world.candidates.len()).filter(|index| world.candidates[*index].is_usable()).collect();
        match told {
            Decision::EnrollmentRequired { ways, plans } => {
                for way in &ways {
                    prop_assert_eq!(plans.is_empty(), is_enough(way, &[]), "{:?} beside {:?}", plans, way);
                    for taken in plans.iter().flat_map(|plan| outcomes(&world, plan)) {
                        prop_assert!(is_enough(way, &taken), "{plans:?} beside {way:?}");
                        for left_out in 0..taken.len() {
                            let mut less = taken.clone();
                            less.remove(left_out);
                            prop_assert!(!is_enough(way, &less), "{plans:?} beside {way:?} without {left_out}");
                        }
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
    // One new device is enough only with the password.
    for text in [
        "2 of (password, totp, sms)",
        "password and totp or distinct(totp, sms)",
        "distinct(password or totp, sms or recovery_codes)",
    ] {
        assert_eq!(beside(text, vec![]), missing, "{text}");
    }
    // One way needs the password, and the other does not.
    assert_eq!(beside("password and sms or totp", vec![]), vec![]);
}
