use std::cmp::Reverse;

use proptest::prelude::*;

use super::oracle::{self, Facts};
use super::texts::{requirement, texts};
use super::worlds::{World, effort, worlds};
use crate::assurance::candidate::{Availability, Candidate};
use crate::assurance::decide::decide;
use crate::assurance::requirement::Requirement;
use crate::domain::decision::{Decision, Plan, Step};
use crate::domain::kind::Effort;
use crate::domain::method::Method;
use crate::domain::moment::Moment;

/// Every minimal set of candidates that, with the evidence at hand, is enough.
pub(super) fn minimal_sets(
    requirement: &Requirement,
    world: &World,
    usable: impl Fn(&Candidate) -> bool,
) -> Vec<Facts> {
    let mut facts = world.facts();
    let held = facts.len();
    facts.extend(world.steps());
    let ways = oracle::ways(requirement.expression(), &facts, 0);
    let given: Facts = (1 << held) - 1;
    let enough = |set: Facts| oracle::is_among(&ways, given | set << held);
    let usable: Facts =
        world.candidates.iter().enumerate().filter(|(_, c)| usable(c)).fold(0, |set, (n, _)| set | 1 << n);
    let sets = (0..1 << world.candidates.len()).filter(|set: &Facts| set & usable == *set && enough(*set));
    sets.filter(|set| (0..64).filter(|n| set >> n & 1 == 1).all(|n| !enough(set & !(1 << n)))).collect()
}

type Cost = (u32, usize, usize, usize, Vec<Reverse<Option<Moment>>>);

/// What a set costs, said once more.
fn cost(world: &World, set: Facts) -> Cost {
    let chosen: Vec<&Candidate> =
        world.candidates.iter().enumerate().filter(|(n, _)| set >> n & 1 == 1).map(|(_, c)| c).collect();
    let weights = [Effort::Touch, Effort::Code, Effort::Message, Effort::Recovery, Effort::Elsewhere];
    let weight = |c: &&Candidate| weights.iter().position(|w| *w == effort(&c.method)).unwrap();
    let mut used: Vec<_> = chosen.iter().map(|c| Reverse(c.used_at)).collect();
    used.sort();
    (
        set.count_ones(),
        chosen.iter().filter(|c| c.strength.restricted_channel).count(),
        chosen.iter().map(weight).sum(),
        chosen.iter().filter(|c| !c.preferred).count(),
        used,
    )
}

/// Every set of candidates that a user who follows a plan may end up with.
pub(super) fn outcomes(world: &World, plan: &Plan) -> Vec<Vec<usize>> {
    let number =
        |method: &dyn Fn(&Method) -> bool| world.candidates.iter().position(|c| method(&c.method)).unwrap();
    let mut outcomes: Vec<Vec<usize>> = vec![Vec::new()];
    for step in &plan.steps {
        let choices: Vec<usize> = match step {
            Step::External(name) => vec![number(&|m| m == &Method::External(name.clone()))],
            Step::Device { devices, .. } => {
                devices.iter().map(|id| number(&|m| m.device_id() == Some(id))).collect()
            }
        };
        outcomes = outcomes
            .into_iter()
            .flat_map(|so_far| {
                let with = |n: &usize| so_far.iter().copied().chain([*n]).collect();
                choices.iter().map(with).collect::<Vec<Vec<usize>>>()
            })
            .collect();
    }
    outcomes
}

pub(super) fn set(numbers: &[usize]) -> Facts {
    numbers.iter().fold(0, |set, n| set | 1 << n)
}

/// Whether a set takes as many of each kind of step as a plan does.
fn is_covered(world: &World, plan: &Plan, set: Facts) -> bool {
    let chosen =
        || world.candidates.iter().enumerate().filter(|(n, _)| set >> n & 1 == 1).map(|(_, c)| &c.method);
    let mut pools: Vec<(Vec<Method>, usize)> = Vec::new();
    for step in &plan.steps {
        let methods: Vec<Method> = match step {
            Step::External(name) => vec![Method::External(name.clone())],
            Step::Device { kind, devices, .. } => {
                devices.iter().map(|id| Method::device(kind.clone(), id.clone())).collect()
            }
        };
        // Several steps by one class share out its devices: 'most' steps of a kind may be one class.
        match pools.iter_mut().find(|(pool, _)| pool[0].sort() == methods[0].sort()) {
            Some((pool, count)) => {
                pool.extend(methods);
                *count += 1;
            }
            None => pools.push((methods, 1)),
        }
    }
    chosen().count() == plan.steps.len()
        && pools.iter().all(|(pool, count)| chosen().filter(|method| pool.contains(method)).count() == *count)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn plans_are_sufficient_minimal_of_least_cost_and_empty_when_satisfied(
        text in texts(5),
        world in worlds(3, 6),
    ) {
        let requirement = requirement(&text);
        let sets = minimal_sets(&requirement, &world, |c| c.availability == Availability::Now);
        let decision = decide(&requirement, &world.situation());
        let plans = match &decision {
            Decision::Satisfied(_) => {
                prop_assert_eq!(sets, vec![0]);
                return Ok(());
            }
            Decision::StepUp { plans } => plans,
            Decision::Unavailable { .. } | Decision::EnrollmentRequired { .. } => {
                prop_assert!(sets.is_empty());
                let ever = minimal_sets(&requirement, &world, |_| true);
                let device_is_there = !ever.is_empty();
                if device_is_there {
                    let unavailable = matches!(decision, Decision::Unavailable { .. });
                    prop_assert!(unavailable, "{:?}", decision);
                }
                return Ok(());
            }
        };
        // Whatever device the user takes at each step: enough, and none too many.
        for plan in plans {
            for outcome in outcomes(&world, plan) {
                prop_assert!(sets.contains(&set(&outcome)), "{plan:?} by {outcome:?}");
                prop_assert_eq!(set(&outcome).count_ones() as usize, plan.steps.len());
            }
        }
        // The first of them costs the least of all, and they come in order.
        let costs: Vec<Cost> = plans
            .iter()
            .map(|plan| outcomes(&world, plan).iter().map(|o| cost(&world, set(o))).min().unwrap())
            .collect();
        prop_assert_eq!(costs.first().cloned(), sets.iter().map(|set| cost(&world, *set)).min());
        prop_assert!(costs.is_sorted());
        // What is not offered costs no less, and is left out only for the number of plans.
        for set in &sets {
            if !plans.iter().any(|plan| is_covered(&world, plan, *set)) {
                prop_assert_eq!(plans.len(), 4, "{:?} is not offered", set);
                prop_assert!(cost(&world, *set) >= costs[3]);
            }
        }
        // None is another, or more than another.
        for (n, one) in plans.iter().enumerate() {
            for other in &plans[n + 1..] {
                let steps = |step: &Step| other.steps.contains(step);
                prop_assert!(!one.steps.iter().all(steps));
            }
        }
    }
}
