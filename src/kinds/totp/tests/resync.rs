use super::*;

fn resync(state: &State, now: i64, steps: &[u64]) -> Judgement<State> {
    let codes: Vec<_> =
        steps.iter().map(|step| Totp::read(state, &typed(code_at(*step).expose())).unwrap()).collect();
    Totp::resync(state, &hex(SECRET), &codes, &room().judging(during(now))).unwrap()
}

#[test]
fn a_clock_that_is_ahead_is_found_from_consecutive_codes() {
    for steps in [&[115, 116][..], &[115, 116, 117]] {
        let last = *steps.last().unwrap();
        let Judgement::Accepted(next) = resync(&device(1), 100, steps) else { panic!("within 20 steps") };
        assert_eq!((next.last_step, i64::from(next.drift)), (Some(last as i64), last as i64 - 100));
        let later = judge(&room(), &next, during(101), code_at(last + 1).expose());
        assert!(matches!(later, Judgement::Accepted(_)), "and its next code verifies");
        for step in steps {
            let again = judge(&room(), &next, during(100), code_at(*step).expose());
            assert!(matches!(again, Judgement::Rejected(_)), "the codes are used up");
        }
    }
}

#[test]
fn codes_are_looked_for_20_steps_ahead_and_no_further() {
    assert!(matches!(resync(&device(1), 100, &[120, 121]), Judgement::Accepted(_)));
    assert_eq!(resync(&device(1), 100, &[121, 122]), Judgement::Rejected(Reject::Mismatch));
}

#[test]
fn expired_codes_stay_dead() {
    assert_eq!(resync(&device(1), 100, &[97, 98]), Judgement::Rejected(Reject::Mismatch));
    assert!(matches!(resync(&device(1), 100, &[98, 99]), Judgement::Accepted(_)), "the last one is alive");
    assert!(matches!(resync(&device(1), 100, &[97, 98, 99]), Judgement::Accepted(_)));
}

#[test]
fn a_clock_that_was_set_right_again_is_found() {
    let drifted = State { drift: 18, last_step: Some(90), ..device(1) };
    let Judgement::Accepted(next) = resync(&drifted, 100, &[100, 101]) else {
        panic!("alive by an exact clock")
    };
    assert_eq!(next.drift, 1);
}

#[test]
fn a_slow_clock_that_is_known_is_no_hindrance() {
    let slow = State { drift: -15, ..device(1) };
    assert!(matches!(resync(&slow, 100, &[84, 85]), Judgement::Accepted(_)));
    assert_eq!(resync(&slow, 100, &[82, 83]), Judgement::Rejected(Reject::Mismatch));
}

#[test]
fn a_drift_that_is_larger_already_is_searched_and_not_moved_on() {
    let fast = State { drift: 40, ..device(1) };
    let Judgement::Accepted(next) = resync(&fast, 100, &[139, 140]) else {
        panic!("where it is known to be")
    };
    assert_eq!(next.drift, 40);
    assert_eq!(resync(&fast, 100, &[140, 141]), Judgement::Rejected(Reject::Mismatch));
}

#[test]
fn codes_out_of_order_or_with_a_gap_are_no_run() {
    for steps in [&[111, 110][..], &[110, 112], &[110, 110], &[110, 111, 113]] {
        assert_eq!(resync(&device(1), 100, steps), Judgement::Rejected(Reject::Mismatch), "{steps:?}");
    }
}

#[test]
fn one_code_and_four_are_not_what_is_asked_for() {
    for steps in [&[][..], &[101], &[101, 102, 103, 104]] {
        assert_eq!(resync(&device(1), 100, steps), Judgement::Rejected(Reject::Mismatch), "{steps:?}");
    }
}

#[test]
fn used_codes_are_replayed() {
    let Judgement::Accepted(next) = resync(&device(1), 100, &[110, 111]) else { panic!("within 20 steps") };
    assert_eq!(resync(&next, 100, &[110, 111]), Judgement::Rejected(Reject::Replayed));
    let half_used = State { last_step: Some(110), ..device(1) };
    assert_eq!(resync(&half_used, 100, &[110, 111]), Judgement::Rejected(Reject::Replayed));
}

proptest! {
    #[test]
    fn steps_only_grow_and_the_drift_has_an_end(
        tries in prop::collection::vec((100..160i64, -30..=30i64, 2..=3u64), 1..20),
    ) {
        let mut state = device(1);
        for (now, offset, count) in tries {
            let first = u64::try_from(now + offset).unwrap();
            let steps: Vec<_> = (first..first + count).collect();
            if let Judgement::Accepted(next) = resync(&state, now, &steps) {
                prop_assert!(state.is_fresh(now + offset));
                prop_assert_eq!(next.last_step, Some((first + count - 1) as i64));
                prop_assert!(next.drift.abs() <= 22);
                state = next;
            }
        }
    }
}
