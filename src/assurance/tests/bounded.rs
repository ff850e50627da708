//! Decisions whose search has few steps, or none: what is exact stays exact, and the steps are kept to.

use proptest::prelude::*;

use super::planning::{minimal_sets, outcomes, set};
use super::texts::{requirement, texts};
use super::worlds::{NOW, World, worlds};
use crate::assurance::budget::{Budget, DECISION_STEPS_MAX, REQUEST_STEPS_MAX};
use crate::assurance::candidate::{Availability, Candidate};
use crate::assurance::counting::Asked;
use crate::assurance::decide::{Situation, decide, decide_all};
use crate::assurance::requirement::Requirement;
use crate::assurance::rulebook::{Rulebook, Source};
use crate::assurance::steps::Steps;
use crate::domain::decision::Decision;
use crate::domain::strength::Strength;

/// The share of each of 16 requirements and of their joint decision, if all of them are expensive.
const LEAST_SHARE: u64 = REQUEST_STEPS_MAX / 17;
/// The steps by which a decision may go past its bound: those of its last elementary step.
const OVER: u64 = 40_000;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn without_steps_the_outcome_is_the_same_and_the_plan_sufficient_and_minimal(
        text in texts(5),
        world in worlds(3, 6),
        most in prop_oneof![Just(0), 0..2000_u64],
    ) {
        let requirement = requirement(&text);
        let steps = Steps::new(most);
        let decision = decide(&requirement, &world.within(&steps, NOW));
        let exact = decide(&requirement, &world.situation());
        let is_not_found = steps.have_run_out()
            && matches!((&decision, &exact), (Decision::Unavailable { .. }, Decision::EnrollmentRequired { .. }));
        if is_not_found {
            return Ok(());
        }
        prop_assert_eq!(std::mem::discriminant(&decision), std::mem::discriminant(&exact));
        match &decision {
            Decision::StepUp { plans } => {
                let sets = minimal_sets(&requirement, &world, |c| c.availability == Availability::Now);
                prop_assert!(!plans.is_empty());
                for plan in plans {
                    for outcome in outcomes(&world, plan) {
                        prop_assert!(sets.contains(&set(&outcome)), "{plan:?} by {outcome:?}");
                    }
                }
            }
            Decision::EnrollmentRequired { .. } if steps.have_run_out() => {}
            _ => prop_assert_eq!(&decision, &exact),
        }
        if !steps.have_run_out() {
            prop_assert_eq!(decision, exact);
        }
    }
}

/// Methods, each worth another set of properties.
fn methods(count: usize) -> Vec<(String, Strength)> {
    use crate::domain::strength::FactorType::{Inherence, Knowledge, Possession};
    let of = |n: usize| Strength {
        factor_types: [Knowledge, Possession, Inherence]
            .into_iter()
            .enumerate()
            .filter(|(bit, _)| n >> bit & 1 == 1)
            .map(|(_, factor)| factor)
            .collect(),
        phishing_resistant: n >> 3 & 1 == 1,
        hardware_bound: n >> 4 & 1 == 1,
        user_verified: n.is_multiple_of(3),
        ..Strength::default()
    };
    (0..count).map(|n| (format!("m{n}"), of(n))).collect()
}

/// Requirements of one world without evidence in which only external methods can be proved.
struct Questions {
    book: Rulebook,
    candidates: Vec<Candidate>,
}

impl Questions {
    fn of(requirements: Vec<String>) -> Self {
        Self::over(28, requirements)
    }

    fn over(count: usize, requirements: Vec<String>) -> Self {
        let requirements =
            (0..).zip(requirements).map(|(n, text): (u32, _)| (format!("r{n}"), text)).collect();
        let source = Source { methods: methods(count), requirements, rules: Vec::new() };
        let book =
            Rulebook::parse(crate::kinds::infos(), &source).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let candidates = Candidate::externals(book.vocabulary());
        Self { book, candidates }
    }

    fn all(&self) -> Vec<&Requirement> {
        self.book.requirements().iter().filter(|one| one.name().starts_with('r')).collect()
    }

    fn decide(&self, requirements: &[&Requirement], steps: &Steps) -> Decision {
        let asked =
            Asked { session: None, client: None, transaction: None, now: NOW, epoch: 0, active_devices: &[] };
        let Self { book, candidates } = self;
        let situation = Situation { asked, evidence: &[], candidates, vocabulary: book.vocabulary(), steps };
        decide_all(requirements, &situation)
    }
}

/// Rulebooks of 16 requirements that take as many steps as is known.
fn expensive() -> Vec<Vec<String>> {
    let names =
        ["knowledge", "possession", "inherence", "phishing_resistant", "hardware_bound", "user_verified"];
    let pairs: Vec<String> =
        (0..6).flat_map(|a| (a + 1..6).map(move |b| format!("{} & {}", names[a], names[b]))).collect();
    let twelve = |n: usize| (0..12).map(|k| pairs[(n + k) % pairs.len()].clone()).collect::<Vec<_>>();
    let sixteen = |one: &dyn Fn(usize) -> String| (0..16).map(one).collect::<Vec<_>>();
    let packed = |n: usize| {
        let three =
            |k: usize| [names[(n + k) % 6], names[(n + k + 1) % 6], names[(n + k + 2) % 6]].join(" and ");
        format!("distinct({}, {}, {}, {})", three(0), three(3), names[n % 6], names[(n + 1) % 6])
    };
    let beside_devices = |n: usize| {
        let others = (0..8).map(|k| format!("m{}", (n + 3 * k) % 28)).collect::<Vec<_>>().join(", ");
        format!("distinct(totp, hotp, recovery_codes, any & not recovery) and 3 of ({others})")
    };
    vec![
        sixteen_over_28(),
        sixteen(&|n| twelve(n).join(" and ")),
        sixteen(&|n| format!("distinct({})", twelve(n).join(", "))),
        sixteen(&packed),
        sixteen(&|n| format!("6 of ({})", twelve(n)[..7].join(", "))),
        sixteen(&beside_devices),
    ]
}

#[test]
fn the_decisions_of_a_request_end_within_its_steps() {
    // Both have plans.
    let is_open = |decision: &Decision| {
        matches!(decision, Decision::StepUp { .. } | Decision::EnrollmentRequired { .. })
    };
    for requirements in expensive() {
        let first = requirements[0].clone();
        let questions = Questions::of(requirements);
        let all = questions.all();
        let mut budget = Budget::of(all.len() + 1);
        let mut is_at_once = true;
        let mut decide = |of: &[&Requirement]| {
            let decide = |steps: &Steps| questions.decide(of, steps);
            let at_once = if is_at_once { budget.at_once(decide) } else { None };
            is_at_once = at_once.is_some();
            at_once.map_or_else(|| budget.decide(decide), |decision| (decision, false))
        };
        for one in &all {
            let (decision, _) = decide(&[one]);
            assert!(is_open(&decision), "{first}: {decision:?}");
        }
        let (joint, _) = decide(&all);
        assert!(is_open(&joint), "{first}: {joint:?}");
        assert!(budget.taken() <= REQUEST_STEPS_MAX + 17 * OVER, "{first}: {} steps", budget.taken());
    }
}

/// Each of 16 requirements can be met by several of 28 methods, and each method meets several of them.
fn sixteen_over_28() -> Vec<String> {
    let one = |n: usize| (0..7).map(|k| format!("m{}", (n * 5 + k * k * 3 + k * n) % 28)).collect::<Vec<_>>();
    (0..16).map(|n| one(n).join(" or ")).collect()
}

/// One requirement that asks 16 times for other properties, of which each method has some.
fn sixteen_properties() -> String {
    let names =
        ["knowledge", "possession", "inherence", "phishing_resistant", "hardware_bound", "user_verified"];
    let pairs = (0..6).flat_map(|a| (a + 1..6).map(move |b| format!("{} & {}", names[a], names[b])));
    let all: Vec<String> =
        pairs.chain(["not recovery".to_owned().replace("not recovery", "any & not recovery")]).collect();
    all[..15].join(" and ")
}

#[test]
fn the_worst_known_questions_end_within_their_steps() {
    let joint = Questions::of(sixteen_over_28());
    let all = joint.all();
    let steps = Steps::new(DECISION_STEPS_MAX);
    let decision = joint.decide(&all, &steps);
    assert!(steps.have_run_out() && steps.taken() < DECISION_STEPS_MAX + OVER, "{} steps", steps.taken());
    assert_eq!(decision.plans().len(), 1, "{decision:?}");
    for one in &all {
        let steps = Steps::new(LEAST_SHARE);
        assert_eq!(joint.decide(&[one], &steps).plans().len(), 4);
        assert!(!steps.have_run_out(), "{} steps", steps.taken());
    }
    let packed = "distinct(knowledge and possession and inherence, phishing_resistant and hardware_bound and \
                  user_verified, knowledge, possession)";
    let mut apart: Vec<&str> = Vec::new();
    apart.extend(["knowledge & possession"; 4]);
    apart.extend(["possession & inherence"; 4]);
    apart.extend(["phishing_resistant & knowledge"; 4]);
    apart.extend(["user_verified & inherence"; 4]);
    let apart = format!("distinct({})", apart.join(", "));
    for text in [sixteen_properties(), packed.to_owned(), apart] {
        let questions = Questions::of(vec![text.clone()]);
        for most in [DECISION_STEPS_MAX, LEAST_SHARE] {
            let steps = Steps::new(most);
            let decision = questions.decide(&questions.all(), &steps);
            assert!(steps.taken() < most + OVER, "{text}: {} steps of {most}", steps.taken());
            assert!(
                !decision.plans().is_empty() || text.starts_with("distinct(knowledge &"),
                "{text}: {decision:?}"
            );
        }
    }
}

#[test]
fn usual_questions_are_far_from_the_bound() {
    let two = "(m1 and m2) or (m3 and m4) or distinct(knowledge, possession, inherence)";
    let questions = Questions::over(6, vec![two.to_owned(); 16]);
    let all = questions.all();
    for one in &all {
        let steps = Steps::new(LEAST_SHARE);
        assert!(!questions.decide(&[one], &steps).plans().is_empty());
        assert!(steps.taken() < LEAST_SHARE / 2, "{} steps", steps.taken());
    }
}

#[test]
fn a_distinct_that_takes_too_many_steps_is_refused_at_load() {
    let eight = "distinct(m1 and m2 and m3 and m4, m5 and m6 and m7, m8)";
    Questions::of(vec![eight.to_owned()]);
    let nine = eight.replace("m8)", "m8, m9)");
    let source =
        Source { methods: methods(28), requirements: vec![("login".to_owned(), nine)], rules: Vec::new() };
    let refused = Rulebook::parse(crate::kinds::infos(), &source).unwrap_err().to_string();
    assert!(refused.contains("names evidence 9 times: at most 8 are allowed"), "{refused}");
}

#[test]
fn worlds_of_devices_are_planned_without_steps_too() {
    let world = World { candidates: Vec::new(), ..super::deciding::world(Vec::new(), Vec::new()) };
    let steps = Steps::new(0);
    let decision = decide(&requirement("distinct(totp, totp)"), &world.within(&steps, NOW));
    assert!(
        matches!(&decision, Decision::EnrollmentRequired { ways, .. } if ways[0].len() == 2),
        "{decision:?}"
    );
}
