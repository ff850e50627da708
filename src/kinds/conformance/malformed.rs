use std::marker::PhantomData;

use proptest::prelude::*;

use super::*;

/// A kind that must not be asked to judge.
struct Unasked<A>(PhantomData<A>);

impl<A: Authenticator> Authenticator for Unasked<A> {
    const KIND: Kind = A::KIND;
    const LABEL: &'static str = A::LABEL;
    const CONFIRMED_BY_PROOF: bool = A::CONFIRMED_BY_PROOF;
    const CAN_BE_GUESSED: bool = A::CAN_BE_GUESSED;
    type Setup = A::Setup;
    type State = A::State;
    type Proof = A::Proof;

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

fn unasked(of: Kind) -> &'static dyn AnyKind {
    match of {
        Kind::Totp => &Erased::<Unasked<totp::Totp>>(PhantomData),
        Kind::Hotp => &Erased::<Unasked<hotp::Hotp>>(PhantomData),
        Kind::RecoveryCodes => &Erased::<Unasked<recovery_codes::RecoveryCodes>>(PhantomData),
    }
}

#[test]
fn a_malformed_proof_does_not_reach_the_judge() {
    for of in Kind::ALL {
        let Enrolled { room, device, secret, shown } = enrolled(of);
        let code = right_code(&shown);
        for malformed in
            ["", "1", "１５４５６７", &format!("{code}0"), &format!("\t{code}"), &"0".repeat(1024)]
        {
            let judged = unasked(of).judge(&device, &secret, &typed(malformed), &room.judging(NOW)).unwrap();
            assert_eq!(judged, Judged::Rejected(Reject::Malformed), "{of:?}: {malformed:?}");
            assert!(!kind(of).is_plausible(&device, &typed(malformed)).unwrap());
        }
    }
}

#[test]
fn one_malformed_code_makes_a_run_malformed_where_there_are_runs() {
    for of in Kind::ALL {
        let Enrolled { room, device, secret, .. } = enrolled(of);
        let codes = [typed("000000"), typed("00000x")];
        let judged = kind(of).resync(&device, &secret, &codes, &room.judging(NOW)).unwrap();
        let expected = match of {
            Kind::Totp | Kind::Hotp => Some(Judged::Rejected(Reject::Malformed)),
            Kind::RecoveryCodes => None,
        };
        assert_eq!(judged, expected, "{of:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn garbage_is_rejected_without_a_panic(texts in prop::collection::vec("(?s).{0,64}|[0-9 -]{4,20}", 8)) {
        for of in Kind::ALL {
            let enrolled = enrolled(of);
            for text in &texts {
                let reason = match kind(of).is_plausible(&enrolled.device, &typed(text)).unwrap() {
                    true => Reject::Mismatch,
                    false => Reject::Malformed,
                };
                match enrolled.judge(text) {
                    Judged::Rejected(found) => prop_assert_eq!(found, reason),
                    // One guess in a million is right.
                    Judged::Accepted { .. } => {
                        prop_assert!(reason == Reject::Mismatch && of != Kind::RecoveryCodes);
                    }
                }
            }
        }
    }
}
