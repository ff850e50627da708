use proptest::prelude::*;

use super::oracle;
use super::texts::{requirement, texts};
use super::worlds::{
    NOW, VOCABULARY, World, any_evidence, evidence, held, known, name, numbered, passkey, worlds,
};
use crate::assurance::candidate::{Availability, Candidate};
use crate::assurance::decide::decide;
use crate::domain::decision::{Decision, Step};
use crate::domain::ids::{ClientId, DeviceId, SessionId};
use crate::domain::kind::Effort;
use crate::domain::method::Method;

pub(crate) fn device(kind: &'static str, id: &str) -> Method {
    Method::device(name(kind), DeviceId::trusted(id))
}

pub(crate) fn world(evidence: Vec<crate::domain::evidence::Evidence>, candidates: Vec<Candidate>) -> World {
    let devices = candidates.iter().map(|one| &one.method).chain(evidence.iter().map(|one| &one.method));
    World {
        active: devices.filter_map(|method| method.device_id().cloned()).collect(),
        evidence,
        candidates,
        session: SessionId::trusted("s"),
        client: ClientId::trusted("c"),
        transaction: false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn it_is_satisfied_exactly_when_some_assignment_of_evidence_to_leaves_is_right(
        text in texts(5),
        world in worlds(5, 0),
    ) {
        let requirement = requirement(&text);
        let expected = oracle::satisfied(requirement.expression(), &world.facts(), 0);
        prop_assert_eq!(decide(&requirement, &world.situation()).is_satisfied(), expected);
    }

    #[test]
    fn the_evidence_that_is_named_suffices_and_without_any_of_it_it_ends_sooner(
        text in texts(5),
        world in worlds(6, 0),
    ) {
        let requirement = requirement(&text);
        let Decision::Satisfied(satisfied) = decide(&requirement, &world.situation()) else { return Ok(()) };
        let named = |left_out: Option<usize>| {
            let mut world = world.clone();
            let mut ids = satisfied.evidence.clone();
            left_out.map(|index| ids.remove(index));
            world.evidence.retain(|evidence| ids.contains(&evidence.id));
            decide(&requirement, &world.situation())
        };
        let Decision::Satisfied(again) = named(None) else { panic!("what is named does not suffice") };
        prop_assert_eq!(&again, &satisfied);
        for index in 0..satisfied.evidence.len() {
            if let Decision::Satisfied(less) = named(Some(index)) {
                prop_assert!(less.valid_until < satisfied.valid_until);
            }
        }
        let for_transaction = world.evidence.iter().filter(|evidence| {
            satisfied.evidence.contains(&evidence.id) && evidence.is_for_transaction()
        });
        prop_assert_eq!(for_transaction.count(), satisfied.used_up.len());
    }

    #[test]
    fn more_evidence_never_hurts(text in texts(5), world in worlds(4, 4), more in any_evidence()) {
        let requirement = requirement(&text);
        let before = decide(&requirement, &world.situation());
        let mut richer = world.clone();
        richer.evidence.push(more);
        richer.evidence = numbered(richer.evidence);
        match (before, decide(&requirement, &richer.situation())) {
            (Decision::Satisfied(before), Decision::Satisfied(after)) => {
                prop_assert!(after.valid_until >= before.valid_until);
            }
            (Decision::Satisfied(_), after) => prop_assert!(false, "{after:?}"),
            (Decision::StepUp { plans: before }, Decision::StepUp { plans: after }) => {
                prop_assert!(after[0].steps.len() <= before[0].steps.len());
            }
            (Decision::StepUp { .. }, after) => prop_assert!(after.is_satisfied(), "{after:?}"),
            _ => {}
        }
    }

    #[test]
    fn what_is_to_be_enrolled_would_help_and_nothing_less(text in texts(4), world in worlds(2, 3)) {
        let requirement = requirement(&text);
        let Decision::EnrollmentRequired { ways, .. } = decide(&requirement, &world.situation()) else {
            return Ok(());
        };
        prop_assert!(!ways.is_empty() && ways.iter().all(|way| !way.is_empty()));
        let with = |kinds: &[crate::domain::method::MethodName]| {
            let mut facts = world.facts();
            facts.extend(world.steps());
            for (number, kind) in kinds.iter().enumerate() {
                let entry = VOCABULARY.entry(kind.as_str()).unwrap();
                let device = DeviceId::trusted(&format!("new-{number}"));
                let method = Method::Device { kind: kind.clone(), device };
                facts.extend(entry.strengths.iter().map(|strength| oracle::Fact {
                    method: method.clone(), strength: strength.clone(), age: 0, left: i64::MAX,
                    for_transaction: world.transaction,
                }));
            }
            oracle::satisfied(requirement.expression(), &facts, 0)
        };
        for way in &ways {
            prop_assert!(with(way), "{way:?} does not help");
            for index in 0..way.len() {
                let mut less = way.clone();
                less.remove(index);
                prop_assert!(!with(&less), "{less:?} would do");
            }
        }
    }
}

#[test]
fn a_locked_or_throttled_device_makes_it_unavailable_and_says_why() {
    let until = NOW.plus(std::time::Duration::from_secs(90));
    let device = |availability| Candidate {
        availability,
        ..Candidate::new(device("totp", "a"), held(), Effort::Code)
    };
    let decided =
        |availability| decide(&requirement("totp"), &world(vec![], vec![device(availability)]).situation());
    let unavailable = |reason: &str, retry_at| Decision::Unavailable { reason: reason.to_owned(), retry_at };
    assert_eq!(
        decided(Availability::Throttled { until }),
        unavailable("totp is throttled for 90s", Some(until))
    );
    assert_eq!(decided(Availability::Locked), unavailable("totp is locked", None));
    assert_eq!(decided(Availability::Suspended), unavailable("totp is suspended", None));
    assert_eq!(
        decided(Availability::ClientCannot),
        unavailable("totp cannot be used with this client", None)
    );
}

#[test]
fn without_a_device_enrollment_is_required_by_the_kinds_that_would_do() {
    let decided = |text: &str| decide(&requirement(text), &world(vec![], vec![]).situation());
    let kinds =
        |text: &str| decided(text).enrollable_kinds().iter().map(|k| k.to_string()).collect::<Vec<_>>();
    assert_eq!(kinds("possession & not recovery"), ["sms", "totp", "webauthn"]);
    assert_eq!(kinds("phishing_resistant"), ["webauthn"]);
    let two = Decision::EnrollmentRequired { ways: vec![vec![name("totp"), name("totp")]], plans: vec![] };
    assert_eq!(decided("distinct(totp, totp)"), two);
}

#[test]
fn what_nothing_known_could_give_is_unavailable() {
    let decided = decide(&requirement("totp for transaction"), &world(vec![], vec![]).situation());
    let Decision::Unavailable { reason, .. } = decided else { panic!("{decided:?}") };
    assert_eq!(reason, "evidence for a transaction is asked for, and no transaction was named");
    let decided = decide(&requirement("password"), &world(vec![], vec![]).situation());
    let Decision::Unavailable { reason, .. } = decided else { panic!("{decided:?}") };
    assert_eq!(reason, "no kind of device and no method that is known here could give it");
}

#[test]
fn the_user_is_verified_only_where_the_plan_needs_it() {
    let passkey = |id| Candidate {
        unverified: Some(passkey(false, false)),
        ..Candidate::new(device("webauthn", id), passkey(true, false), Effort::Touch)
    };
    let step = |text: &str, evidence| {
        let decided =
            decide(&requirement(text), &world(evidence, vec![passkey("a"), passkey("b")]).situation());
        decided.plans()[0].steps[0].clone()
    };
    let expected = |user_verification| Step::Device {
        kind: name("webauthn"),
        devices: vec![DeviceId::trusted("a"), DeviceId::trusted("b")],
        user_verification,
    };
    assert_eq!(step("webauthn", vec![]), expected(false));
    assert_eq!(step("aal2", vec![]), expected(true));
    let password = evidence("p", Method::External(name("password")), known());
    assert_eq!(step("aal2", vec![password]), expected(false));
}

#[test]
fn two_steps_by_one_kind_never_share_a_device() {
    let totp = |id| Candidate::new(device("totp", id), held(), Effort::Code);
    let world = world(vec![], vec![totp("a"), totp("b"), totp("c")]);
    let decided = decide(&requirement("distinct(totp, totp)"), &world.situation());
    let step = |ids: &[&str]| Step::Device {
        kind: name("totp"),
        devices: ids.iter().map(|id| DeviceId::trusted(id)).collect(),
        user_verification: false,
    };
    assert_eq!(decided.plans().len(), 1);
    assert_eq!(decided.plans()[0].steps, [step(&["a", "c"]), step(&["b"])]);
}
