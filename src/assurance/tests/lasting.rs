use proptest::prelude::*;

use super::oracle;
use super::texts::{requirement, texts};
use super::worlds::{NOW, worlds};
use crate::assurance::decide::decide;
use crate::domain::decision::Decision;
use crate::domain::moment::Moment;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn valid_until_is_the_true_moment(text in texts(5), world in worlds(6, 0)) {
        let requirement = requirement(&text);
        let Decision::Satisfied(satisfied) = decide(&requirement, &world.situation()) else { return Ok(()) };
        let until = satisfied.valid_until;
        let just_before = Moment::from_micros(until.micros() - 1);
        prop_assert!(until > NOW);
        prop_assert!(decide(&requirement, &world.at(just_before)).is_satisfied());
        prop_assert!(!decide(&requirement, &world.at(until)).is_satisfied());
        let later = until.micros() - NOW.micros();
        prop_assert!(oracle::satisfied(requirement.expression(), &world.facts(), later - 1));
        prop_assert!(!oracle::satisfied(requirement.expression(), &world.facts(), later));
    }
}
