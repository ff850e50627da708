use proptest::prelude::*;

use super::*;
use crate::domain::moment::Moment;
use crate::domain::secret::SecretText;
use crate::kinds::fixture::{Room, hex, rows, typed};
use crate::kinds::oath::Generator;
use crate::wire::pb;

mod resync;
mod set_back;
mod wire;

const SECRET: &str = "2a2bbba1092ffdd25a328ad1a0a5f5d61d7aacc4";

/// A device as django-otp's tests have it: SHA-1, six digits, 30 s.
fn device(tolerance: u32) -> State {
    let tolerance = Tolerance::try_from(tolerance).unwrap();
    State::new(Default::default(), Default::default(), Period::default(), tolerance, 0)
}

/// A room in which nothing is learned from a code.
fn room() -> Room {
    let mut room = Room::new();
    room.policy.kinds.set(&settings::LEARN_DRIFT, 0);
    room
}

/// The middle of a step.
fn during(step: i64) -> Moment {
    Moment::from_secs(step * 30 + 15)
}

fn code_at(step: u64) -> SecretText {
    Generator::new(Default::default(), &hex(SECRET), Default::default()).code(step)
}

fn judge(room: &Room, state: &State, now: Moment, code: &str) -> Judgement<State> {
    let code = Totp::read(state, &typed(code)).unwrap();
    Totp::judge(state, &hex(SECRET), &code, &room.judging(now))
}

/// Offers the code of each step in turn, and says which were accepted.
fn accepted(room: &Room, mut state: State, now: Moment, steps: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut accepted = Vec::new();
    for step in steps {
        if let Judgement::Accepted(next) = judge(room, &state, now, code_at(step).expose()) {
            accepted.push(step);
            state = next;
        }
    }
    accepted
}

#[test]
fn the_fixtures_of_django_otp_are_accepted_in_their_step() {
    let file = include_str!("../../../tests/vectors/oath-django-otp.csv");
    let header = "# the fixtures that django-otp tests with: kind, secret (hex), step or counter, code";
    for [_, _, step, code] in rows(file, header).into_iter().filter(|row: &[_; 4]| row[0] == "totp") {
        let now = during(step.parse().unwrap());
        assert!(matches!(judge(&room(), &device(0), now, code), Judgement::Accepted(_)), "step {step}");
    }
}

#[test]
fn without_tolerance_only_the_current_code_is_accepted() {
    assert_eq!(accepted(&room(), device(0), during(3), 0..10), [3]);
}

#[test]
fn tolerance_is_so_many_steps_each_way() {
    assert_eq!(accepted(&room(), device(1), during(3), 0..10), [2, 3, 4]);
    assert_eq!(accepted(&room(), device(4), during(13), 0..30), (9..=17).collect::<Vec<_>>());
}

#[test]
fn drift_moves_the_window() {
    let behind = State { drift: -1, ..device(1) };
    assert_eq!(accepted(&room(), behind, during(3), 0..10), [1, 2, 3]);
    let ahead = State { drift: 5, ..device(1) };
    assert_eq!(accepted(&room(), ahead, during(3), 0..20), [7, 8, 9]);
}

#[test]
fn a_step_begins_at_its_very_moment() {
    let turn = Moment::from_secs(3 * 30);
    assert_eq!(accepted(&room(), device(0), turn, 0..10), [3]);
    assert_eq!(accepted(&room(), device(0), Moment::from_micros(turn.micros() - 1), 0..10), [2]);
}

#[test]
fn a_used_code_is_replayed_within_its_window_and_after_it() {
    let Judgement::Accepted(used) = judge(&room(), &device(1), during(3), code_at(3).expose()) else {
        panic!("the current code is right")
    };
    assert_eq!(used.last_step, Some(3));
    for now in [3, 4, 0, 1000] {
        let again = judge(&room(), &used, during(now), code_at(3).expose());
        assert_eq!(again, Judgement::Rejected(Reject::Replayed), "at step {now}");
    }
}

#[test]
fn an_older_code_is_replayed_once_a_newer_one_was_used() {
    let used = State { last_step: Some(3), ..device(1) };
    assert_eq!(judge(&room(), &used, during(3), code_at(2).expose()), Judgement::Rejected(Reject::Replayed));
    assert_eq!(judge(&room(), &used, during(3), code_at(1).expose()), Judgement::Rejected(Reject::Mismatch));
    assert!(matches!(judge(&room(), &used, during(3), code_at(4).expose()), Judgement::Accepted(_)));
}

#[test]
fn a_wrong_code_is_a_mismatch() {
    assert_eq!(judge(&room(), &device(1), during(3), "123456"), Judgement::Rejected(Reject::Mismatch));
}

#[test]
fn drift_is_learned_up_to_its_bound() {
    let mut room = Room::new();
    for (max_drift, offset, learned) in
        [(1, 2, 1), (1, -2, -1), (1, 1, 1), (3, 2, 2), (0, 2, 0), (u32::MAX, -2, -2)]
    {
        room.policy.kinds.set(&settings::MAX_DRIFT, max_drift);
        let code = code_at((10i64 + offset).try_into().unwrap());
        let Judgement::Accepted(next) = judge(&room, &device(2), during(10), code.expose()) else {
            panic!("{offset} steps are within the tolerance")
        };
        assert_eq!(next.drift, learned, "of {offset} steps, at most {max_drift}");
    }
}

#[test]
fn a_larger_drift_is_kept_and_may_only_shrink() {
    for (drift, offset, learned) in
        [(9, 10, 9), (9, 8, 8), (9, 9, 9), (-9, -10, -9), (-9, -8, -8), (2, -2, -1)]
    {
        let state = State { drift, ..device(4) };
        let code = code_at((50i64 + offset).try_into().unwrap());
        let Judgement::Accepted(next) = judge(&Room::new(), &state, during(50), code.expose()) else {
            panic!("{offset} is in the window of {drift}")
        };
        assert_eq!(next.drift, learned, "from {drift}, by {offset}");
    }
}

#[test]
fn nothing_is_learned_when_learning_is_off() {
    let Judgement::Accepted(next) = judge(&room(), &device(1), during(10), code_at(11).expose()) else {
        panic!("within the tolerance")
    };
    assert_eq!(next.drift, 0);
}

#[test]
fn steps_are_counted_from_the_start_time() {
    let state = State { t0: 1_000_000_007, ..device(0) };
    let now = Moment::from_secs(1_000_000_007 + 3 * 30);
    assert_eq!(accepted(&room(), state.clone(), now, 0..10), [3]);
    let before = Moment::from_secs(1_000_000_006);
    assert_eq!(state.step_at(before), -1, "rounded down, not towards zero");
    assert_eq!(accepted(&room(), state.clone(), before, 0..10), [0; 0], "before the start there is no code");
    let tolerant = State { tolerance: Tolerance::try_from(1).unwrap(), ..state };
    assert_eq!(accepted(&room(), tolerant, before, 0..10), [0], "but for the first one, a step early");
}

#[test]
fn a_device_takes_the_defaults_of_its_tenant() {
    let mut room = Room::new();
    room.policy.issuer = Some("Example".to_owned());
    room.policy.kinds.set(&settings::DIGITS, 8);
    room.policy.kinds.set(&settings::PERIOD, 60);
    room.policy.kinds.set(&settings::TOLERANCE, 2);
    let made = Totp::make(Setup::default(), &room.making(during(0))).unwrap();
    let State { digits, period, tolerance, .. } = &made.state;
    assert_eq!((digits.value(), period.value(), tolerance.value()), (8, 60, 2));
    assert_eq!(made.secret.expose().len(), 20);
    let Shown::Oath(otpauth) = made.shown else { panic!("an OATH device") };
    assert_eq!(
        otpauth.print().expose(),
        format!(
            "otpauth://totp/Example%3Aalice?secret={}&algorithm=SHA1&digits=8&period=60&issuer=Example",
            data_encoding::BASE32_NOPAD.encode(made.secret.expose())
        )
    );
}

#[test]
fn a_tenant_with_a_setting_out_of_bounds_is_a_fault() {
    let mut room = Room::new();
    room.policy.kinds.set(&settings::DIGITS, 9);
    assert!(Totp::make(Setup::default(), &room.making(during(0))).is_err());
}

proptest! {
    #[test]
    fn no_step_is_accepted_twice_nor_one_before_it(
        tries in prop::collection::vec((50..80i64, -6..=6i64), 1..60),
        tolerance in 0..=4u32, learn_drift: bool, drift in -30..=30i32, max_drift in 0..=4u32,
    ) {
        let mut room = Room::new();
        room.policy.kinds.set(&settings::LEARN_DRIFT, learn_drift.into());
        room.policy.kinds.set(&settings::MAX_DRIFT, max_drift);
        let mut state = State { drift, ..device(tolerance) };
        let bound = drift.unsigned_abs().max(max_drift);
        // The clock goes where it likes.
        for (now, offset) in tries {
            let step = now + i64::from(state.drift) + offset;
            let code = code_at(step.try_into().unwrap());
            let judged = judge(&room, &state, during(now), code.expose());
            let is_due = |step: i64| {
                let is_near = (step - now - i64::from(state.drift)).unsigned_abs() <= tolerance.into();
                is_near && state.last_step.is_none_or(|last| step > last)
            };
            prop_assert!(matches!(judged, Judgement::Accepted(_)) || !is_due(step));
            if let Judgement::Accepted(next) = judged {
                // Not always `step`: one code in a million is that of another step, too.
                let found = next.last_step.unwrap();
                prop_assert!(is_due(found));
                prop_assert!(code_at(found.try_into().unwrap()).expose() == code.expose());
                prop_assert!(next.drift.unsigned_abs() <= bound);
                prop_assert!(next.drift.unsigned_abs() <= state.drift.unsigned_abs().max(max_drift));
                state = next;
            }
        }
    }

    #[test]
    fn no_moment_and_no_state_is_a_panic(
        micros: i64, t0: i64, drift: i32, last_step: Option<i64>, period in 15..=120u32, max_drift: u32,
    ) {
        let mut room = Room::new();
        room.policy.kinds.set(&settings::MAX_DRIFT, max_drift);
        let period = Period::try_from(period).unwrap();
        let state = State { t0, drift, last_step, period, ..device(4) };
        for micros in [micros, i64::MIN, i64::MAX, 0] {
            let now = Moment::from_micros(micros);
            judge(&room, &state, now, "000000");
            let code = Totp::read(&state, &typed("000000")).unwrap();
            Totp::resync(&state, &hex(SECRET), &[code; 2], &room.judging(now));
            // What is accepted at the ends of time moves the state without an overflow, too.
            let clock = state.step_at(now);
            let _ = state.used(*state.window(clock).end(), clock, &room.policy.kinds);
            let first = *state.resync_window(clock, 2).start();
            let _ = state.found(first, first.saturating_add(1), clock);
            let _ = Totp::set_back(&state, now);
        }
    }
}
