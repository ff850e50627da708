//! A device that was used while the clock was ahead: an operator sets it back, current codes are accepted again, and
//! no step is accepted twice.

use std::collections::HashSet;

use super::*;
use crate::kinds::oath::parameters::Digits;
use crate::kinds::{decode, encode};

/// An event in the life of a device.
#[derive(Debug, Clone)]
enum Event {
    /// The clock shows that step from now on.
    Clock(i64),
    /// A code is offered, so many steps from the clock.
    Offer(i64),
    /// Two consecutive codes are offered, of which the first is so many steps ahead of the clock.
    Resync(i64),
    /// An operator unlocks it.
    SetBack,
    /// The state is stored and read again.
    Stored,
    /// Another replica remembers it as it is now.
    Remember,
    /// That replica joins what it remembers with the state of now: nothing is missing from the latter.
    Join,
    /// The database falls back to the remembered state, and a replica that knows the newer one joins both.
    Forget,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        2 => prop_oneof![0..200i64, 100_000..100_200i64].prop_map(Event::Clock),
        6 => (-3..=3i64).prop_map(Event::Offer),
        1 => (-2..=22i64).prop_map(Event::Resync),
        2 => Just(Event::SetBack),
        1 => Just(Event::Stored),
        1 => Just(Event::Remember),
        1 => Just(Event::Join),
        1 => Just(Event::Forget),
    ]
}

/// A device of eight digits, so that two steps hardly ever have the same code.
fn device(tolerance: u32) -> State {
    State { digits: Digits::MAX, ..super::device(tolerance) }
}

fn code_of(step: i64) -> Option<SecretText> {
    u64::try_from(step)
        .ok()
        .map(|step| Generator::new(Default::default(), &hex(SECRET), Digits::MAX).code(step))
}

proptest! {
    #[test]
    fn no_step_is_accepted_twice_wherever_the_clock_jumps_and_whatever_operators_do(
        tolerance in 0..=4u32, learns in any::<bool>(), events in prop::collection::vec(event(), 1..120),
    ) {
        let mut room = Room::new();
        room.policy.kinds.set(&settings::LEARN_DRIFT, learns.into());
        let (mut state, mut clock) = (device(tolerance), 50);
        let mut remembered = state.clone();
        let mut accepted = HashSet::new();
        for event in events {
            let now = during(clock);
            match event {
                Event::Clock(step) => clock = step,
                Event::Offer(ahead) => {
                    let step = clock + ahead;
                    let Some(code) = code_of(step) else { continue };
                    if let Judgement::Accepted(next) = judge(&room, &state, now, code.expose()) {
                        prop_assert!(accepted.insert(step), "step {} twice", step);
                        state = next;
                    }
                }
                Event::Resync(ahead) => {
                    let steps = [clock + ahead, clock + ahead + 1];
                    let codes: Option<Vec<_>> = steps.map(code_of).into_iter().collect();
                    let Some(codes) = codes else { continue };
                    let codes: Vec<_> =
                        codes.iter().map(|code| Totp::read(&state, &typed(code.expose())).unwrap()).collect();
                    let judged = Totp::resync(&state, &hex(SECRET), &codes, &room.judging(now)).unwrap();
                    if let Judgement::Accepted(next) = judged {
                        for step in steps {
                            prop_assert!(accepted.insert(step), "step {} twice", step);
                        }
                        state = next;
                    }
                }
                Event::SetBack => {
                    let next = Totp::set_back(&state, now);
                    prop_assert_eq!(next.is_some(), Totp::is_ahead(&state, now));
                    if let Some(next) = next {
                        prop_assert!(!Totp::is_ahead(&next, now));
                        prop_assert!(next.last_step < state.last_step);
                        let end = clock + i64::from(tolerance);
                        let newest = accepted.iter().copied().filter(|step| *step <= end).max();
                        prop_assert!(next.last_step >= newest, "{:?} before {:?}", next.last_step, newest);
                        state = next;
                    }
                }
                Event::Stored => state = decode(&encode(&state).unwrap()).unwrap(),
                Event::Remember => remembered = state.clone(),
                Event::Join => {
                    let joined = Totp::joined(&state, &remembered);
                    // The state grew out of the remembered one, so nothing is missing from it.
                    prop_assert_eq!(&joined, &state);
                }
                Event::Forget => {
                    state = Totp::joined(&state, &remembered);
                    let found = remembered.clone();
                    prop_assert_eq!(Totp::joined(&state, &found), state.clone());
                }
            }
        }
    }

    #[test]
    fn after_a_way_back_a_fresh_code_is_accepted_and_each_one_from_ahead_stays_used(
        tolerance in 0..=4u32,
        before in prop::collection::vec(1..5_000i64, 0..30),
        error in 20..3_000_000i64,
        in_error in prop::collection::vec(1..3i64, 1..6),
        later in 0..3i64,
    ) {
        let room = room();
        let (mut state, mut clock) = (device(tolerance), 100);
        let offer = |state: &State, clock: i64| match judge(&room, state, during(clock), code_of(clock).unwrap().expose()) {
            Judgement::Accepted(next) => Some(next),
            Judgement::Rejected(_) => None,
        };
        for steps in before {
            clock += steps;
            state = offer(&state, clock).unwrap();
        }
        // The clock is ahead, and codes are accepted.
        let mut used = Vec::new();
        for steps in in_error {
            clock += steps;
            used.push(clock + error);
            state = offer(&state, clock + error).unwrap();
        }
        // The clock is put right.
        clock += later + i64::from(tolerance) + 1;
        prop_assert!(Totp::is_ahead(&state, during(clock)));
        prop_assert_eq!(offer(&state, clock), None);
        state = Totp::set_back(&state, during(clock)).unwrap();
        state = offer(&state, clock).expect("a fresh code is accepted");
        for step in used {
            prop_assert!(!matches!(judge(&room, &state, during(step), code_of(step).unwrap().expose()), Judgement::Accepted(_)));
        }
    }

    /// Joined histories have used the steps of both, and a device that was set back stays set back.
    #[test]
    fn joining_is_a_union_and_a_way_back_is_not_undone(
        one in prop::collection::vec(100..140i64, 0..8), other in prop::collection::vec(100..140i64, 0..8),
        is_set_back in any::<bool>(),
    ) {
        let of = |steps: &[i64]| {
            let mut state = device(4);
            for step in steps {
                if let Judgement::Accepted(next) = judge(&room(), &state, during(*step), code_of(*step).unwrap().expose()) {
                    state = next;
                }
            }
            state
        };
        let (mut one, other) = (of(&one), of(&other));
        if is_set_back {
            one = Totp::set_back(&one, during(10)).unwrap_or(one);
        }
        let joined = [Totp::joined(&one, &other), Totp::joined(&other, &one)];
        prop_assert_eq!(&joined[0].accepted, &joined[1].accepted);
        for state in &joined {
            for step in 100..140 {
                let is_used = one.accepted.contains(step) || other.accepted.contains(step);
                prop_assert!(!is_used || !state.is_fresh(step));
            }
            let floor = if one.set_back > 0 { one.last_step } else { one.last_step.max(other.last_step) };
            prop_assert_eq!(state.last_step, floor);
            prop_assert_eq!(&Totp::joined(state, &one), state);
        }
    }
}

#[test]
fn many_runs_are_kept_as_few_and_none_of_them_is_lost() {
    let mut steps = Steps::default();
    for step in 0..1000 {
        steps = steps.with(step * step, step * step);
    }
    assert!((0..1000).all(|step| steps.contains(step * step)));
    assert!(encode(&steps).unwrap().len() < 120, "{}", encode(&steps).unwrap());
    // Steps between the last two are still fresh.
    assert!(!steps.contains(999 * 999 - 1));
    let again: Steps = decode(&encode(&steps).unwrap()).unwrap();
    assert_eq!(again, steps);
}

#[test]
fn a_state_without_its_steps_has_used_all_up_to_the_last() {
    let old: State =
        decode(r#"{"v":1,"alg":"sha1","digits":6,"period":30,"tol":1,"t0":0,"drift":0,"last":100000}"#)
            .unwrap();
    let back = Totp::set_back(&old, during(50)).unwrap();
    assert_eq!(
        judge(&room(), &back, during(50), code_at(50).expose()),
        Judgement::Rejected(Reject::Replayed)
    );
    assert!(matches!(
        judge(&room(), &back, during(100_001), code_at(100_001).expose()),
        Judgement::Accepted(_)
    ));
}

#[test]
fn steps_that_nobody_wrote_are_not_read() {
    for wrong in ["[1]", "[-1,0]", "[1,-1]", "[1,0,2]", "{}", "\"\""] {
        assert!(decode::<Steps>(wrong).is_err(), "{wrong}");
    }
}
