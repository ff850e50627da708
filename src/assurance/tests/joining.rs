use proptest::prelude::*;

use super::texts::{requirement, texts};
use super::worlds::worlds;
use crate::assurance::decide::{decide, decide_all};
use crate::domain::decision::Decision;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn the_joint_plan_serves_all_and_is_never_longer_than_the_plans_one_by_one(
        texts in proptest::collection::vec(texts(3), 2..=3),
        world in worlds(3, 5),
    ) {
        let requirements: Vec<_> = texts.iter().map(|text| requirement(text)).collect();
        let together: Vec<_> = requirements.iter().collect();
        let single: Vec<_> = requirements.iter().map(|one| decide(one, &world.situation())).collect();
        let joint = decide_all(&together, &world.situation());
        let is_open = |one: &Decision| one.is_satisfied() || !one.plans().is_empty();
        prop_assert_eq!(joint.is_satisfied(), single.iter().all(Decision::is_satisfied));
        if !single.iter().all(is_open) {
            prop_assert!(joint.plans().is_empty());
            return Ok(());
        }
        if let Decision::Satisfied(joint) = &joint {
            let ends = single.iter().map(|one| match one {
                Decision::Satisfied(one) => one.valid_until,
                _ => unreachable!(),
            });
            prop_assert_eq!(Some(joint.valid_until), ends.min());
            return Ok(());
        }
        let shortest = |one: &Decision| one.plans().first().map_or(0, |plan| plan.steps.len());
        let one_by_one: usize = single.iter().map(shortest).sum();
        prop_assert!(shortest(&joint) <= one_by_one);
        prop_assert!(single.iter().all(|one| shortest(one) <= shortest(&joint)));
        // The same as one requirement that joins them.
        let joined = requirement(&texts.iter().map(|text| format!("({text})")).collect::<Vec<_>>().join(" and "));
        prop_assert_eq!(decide(&joined, &world.situation()).plans().len(), joint.plans().len());
        prop_assert_eq!(shortest(&decide(&joined, &world.situation())), shortest(&joint));
    }
}
