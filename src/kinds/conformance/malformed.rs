use std::marker::PhantomData;

use proptest::prelude::*;

use super::*;
use crate::domain::kind::KindInfo;
use crate::domain::proof::Offered;
use crate::domain::violation::Violations;
use crate::error::Fault;
use crate::kinds::contract::SetupMessage;

/// A kind that must not be asked to judge.
struct Unasked<A>(PhantomData<A>);

impl<A: Authenticator> Authenticator for Unasked<A> {
    const INFO: &'static KindInfo = A::INFO;
    type Setup = A::Setup;
    type State = A::State;
    type Proof = A::Proof;

    fn parse(message: SetupMessage, violations: &mut Violations) -> Result<Option<A::Setup>, SetupMessage> {
        A::parse(message, violations)
    }
    fn make(setup: A::Setup, cx: &Making<'_>) -> Result<Made<A::State>, Fault> {
        A::make(setup, cx)
    }
    fn read(state: &A::State, offered: &Offered) -> Option<A::Proof> {
        A::read(state, offered)
    }
    fn judge(_: &A::State, _: &Secret, _: &A::Proof, _: &Judging<'_>) -> Judgement<A::State> {
        panic!("a malformed proof was judged")
    }
    fn joined(newer: &Self::State, older: &Self::State) -> Self::State {
        A::joined(newer, older)
    }

    fn detail(state: &A::State) -> crate::wire::pb::device::Detail {
        A::detail(state)
    }
}

/// A state that must not be asked to judge.
fn unasked(of: &Kind, text: &str) -> device::Detail {
    fn of_kind<A: Authenticator>(text: &str) -> device::Detail {
        super::super::stored::<Unasked<A>>(decode(text).unwrap()).unwrap()
    }
    match of.as_str() {
        "totp" => of_kind::<totp::Totp>(text),
        "hotp" => of_kind::<hotp::Hotp>(text),
        "recovery_codes" => of_kind::<recovery_codes::RecoveryCodes>(text),
        other => panic!("{other} has no state here"),
    }
}

#[test]
fn a_malformed_proof_does_not_reach_the_judge() {
    for of in infos().iter().map(|info| &info.kind) {
        let Enrolled { room, device, secret, shown } = enrolled(of);
        let code = right_code(&shown);
        let unasked = Device { detail: unasked(of, device.detail.text()), ..device.clone() };
        for malformed in
            ["", "1", "１５４５６７", &format!("{code}0"), &format!("\t{code}"), &"0".repeat(1024)]
        {
            let judged = decoded(&unasked).judge(&secret, &typed(malformed), &room.judging(NOW)).unwrap();
            assert_eq!(judged, Judgement::Rejected(Reject::Malformed), "{of:?}: {malformed:?}");
            assert!(!decoded(&device).could_accept(&typed(malformed)));
        }
    }
}

#[test]
fn one_malformed_code_makes_a_run_malformed_where_there_are_runs() {
    for of in infos().iter().map(|info| &info.kind) {
        let Enrolled { room, device, secret, .. } = enrolled(of);
        let codes = [typed("000000"), typed("00000x")];
        let judged = decoded(&device).resync(&secret, &codes, &room.judging(NOW)).unwrap();
        let loses_step = kind(of).unwrap().info().loses_step;
        let expected = loses_step.then_some(Judgement::Rejected(Reject::Malformed));
        assert_eq!(judged, expected, "{of:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn garbage_is_rejected_without_a_panic(texts in prop::collection::vec("(?s).{0,64}|[0-9 -]{4,20}", 8)) {
        for of in infos().iter().map(|info| &info.kind) {
            let enrolled = enrolled(of);
            for text in &texts {
                let reason = match decoded(&enrolled.device).could_accept(&typed(text)) {
                    true => Reject::Mismatch,
                    false => Reject::Malformed,
                };
                match enrolled.judge(text) {
                    Judgement::Rejected(found) => prop_assert_eq!(found, reason),
                    // One guess in a million is right.
                    Judgement::Accepted(_) => {
                        prop_assert!(reason == Reject::Mismatch && *of != recovery_codes::KIND);
                    }
                }
            }
        }
    }
}
