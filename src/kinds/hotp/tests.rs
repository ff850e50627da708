use proptest::prelude::*;

use super::*;
use crate::domain::moment::Moment;
use crate::domain::secret::SecretText;
use crate::domain::violation::Violations;
use crate::kinds::fixture::{Room, hex, rows, typed};
use crate::kinds::oath::Generator;
use crate::wire::pb;

const SECRET: &str = "d2e8a68036f68960b1c30532bb6c56da5934d879";

fn token(counter: u64, look_ahead: u32) -> State {
    State::new(Default::default(), Default::default(), counter, look_ahead.try_into().unwrap())
}

fn code_at(counter: u64) -> SecretText {
    Generator::new(Default::default(), &hex(SECRET), Default::default()).code(counter)
}

fn judge(state: &State, code: &str) -> Judgement<State> {
    let code = Hotp::read(state, &typed(code)).unwrap();
    Hotp::judge(state, &hex(SECRET), &code, &Room::new().judging(Moment::from_secs(0)))
}

fn resync(state: &State, counters: &[u64]) -> Judgement<State> {
    let codes: Vec<_> =
        counters.iter().map(|at| Hotp::read(state, &typed(code_at(*at).expose())).unwrap()).collect();
    Hotp::resync(state, &hex(SECRET), &codes, &Room::new().judging(Moment::from_secs(0))).unwrap()
}

fn accepted(counter: u64, look_ahead: u32) -> Judgement<State> {
    Judgement::Accepted(token(counter, look_ahead))
}

#[test]
fn the_fixtures_of_django_otp_are_accepted_one_after_the_other() {
    let file = include_str!("../../../tests/vectors/oath-django-otp.csv");
    let header = "# the fixtures that django-otp tests with: kind, secret (hex), step or counter, code";
    let mut state = token(0, 1);
    for [_, _, counter, code] in rows(file, header).into_iter().filter(|row: &[_; 4]| row[0] == "hotp") {
        let Judgement::Accepted(next) = judge(&state, code) else { panic!("counter {counter}") };
        assert_eq!(next.counter, counter.parse::<u64>().unwrap() + 1);
        state = next;
    }
}

#[test]
fn the_look_ahead_is_inclusive() {
    assert_eq!(judge(&token(0, 1), code_at(0).expose()), accepted(1, 1));
    assert_eq!(judge(&token(0, 1), code_at(1).expose()), accepted(2, 1));
    assert_eq!(judge(&token(0, 1), code_at(2).expose()), Judgement::Rejected(Reject::Mismatch));
    assert_eq!(judge(&token(3, 5), code_at(8).expose()), accepted(9, 5));
    assert_eq!(judge(&token(3, 5), code_at(9).expose()), Judgement::Rejected(Reject::Mismatch));
    assert_eq!(judge(&token(3, 0), code_at(3).expose()), accepted(4, 0));
}

#[test]
fn the_last_used_code_is_replayed_and_an_older_one_is_a_mismatch() {
    assert_eq!(judge(&token(3, 5), code_at(2).expose()), Judgement::Rejected(Reject::Replayed));
    assert_eq!(judge(&token(3, 5), code_at(1).expose()), Judgement::Rejected(Reject::Mismatch));
}

#[test]
fn a_wrong_code_is_a_mismatch() {
    assert_eq!(judge(&token(0, 5), "123456"), Judgement::Rejected(Reject::Mismatch));
}

#[test]
fn consecutive_codes_are_found_100_counters_ahead_and_no_further() {
    assert_eq!(resync(&token(7, 5), &[107, 108]), accepted(109, 5));
    assert_eq!(resync(&token(7, 5), &[50, 51, 52]), accepted(53, 5));
    assert_eq!(resync(&token(7, 5), &[108, 109]), Judgement::Rejected(Reject::Mismatch));
}

#[test]
fn consecutive_codes_that_are_not_ahead_or_not_consecutive_are_rejected() {
    for counters in [&[6, 7][..], &[50, 52], &[51, 50], &[50], &[], &[50, 51, 52, 53]] {
        assert_eq!(resync(&token(7, 5), counters), Judgement::Rejected(Reject::Mismatch), "{counters:?}");
    }
    assert_eq!(resync(&token(7, 5), &[5, 6]), Judgement::Rejected(Reject::Replayed), "the last ones");
}

#[test]
fn at_the_end_of_the_counters_nothing_is_accepted_that_could_not_be_used_up() {
    let last = code_at(u64::MAX);
    assert_eq!(judge(&token(u64::MAX, 20), last.expose()), Judgement::Rejected(Reject::Mismatch));
    let before = judge(&token(u64::MAX - 3, 20), code_at(u64::MAX - 1).expose());
    assert_eq!(before, accepted(u64::MAX, 20));
    let run = resync(&token(u64::MAX - 3, 20), &[u64::MAX - 1, u64::MAX]);
    assert_eq!(run, Judgement::Rejected(Reject::Mismatch));
}

#[test]
fn a_token_takes_the_defaults_of_its_tenant() {
    let mut room = Room::new();
    room.policy.kinds = room.policy.kinds.with(&DIGITS, 7).with(&LOOK_AHEAD, 3);
    let setup = Setup { counter: 5, ..Setup::default() };
    let made = Hotp::make(setup, &room.making(Moment::from_secs(0))).unwrap();
    assert_eq!((made.state.digits.value(), made.state.counter, made.state.look_ahead.value()), (7, 5, 3));
    let Shown::Oath(otpauth) = &made.shown else { panic!("an OATH device") };
    assert!(otpauth.print().expose().ends_with("&algorithm=SHA1&digits=7&counter=5"));
    let pb::device::Detail::Hotp(detail) = Hotp::detail(&made.state) else { panic!("an HOTP device") };
    let sha1 = pb::OathAlgorithm::Sha1.into();
    assert_eq!(detail, pb::HotpDetail { algorithm: sha1, digits: 7, counter: 5, look_ahead: 3 });
}

#[test]
fn every_problem_of_a_setup_is_noted_under_its_field() {
    let mut violations = Violations::default();
    let message = pb::HotpSetup {
        algorithm: 9,
        digits: 9,
        counter: (1 << 53) + 1,
        secret: vec![0; 65],
        account_name: "x".repeat(256),
        look_ahead: Some(21),
    };
    assert!(wire::setup(message, &mut violations).is_none());
    let problems: Vec<_> = violations.iter().map(|v| format!("{} {}", v.field, v.problem)).collect();
    assert_eq!(
        problems,
        [
            "hotp.algorithm must be one of SHA1, SHA256 and SHA512",
            "hotp.digits must be 6, 7 or 8",
            "hotp.secret must be 16 to 64 bytes, and has 65",
            "hotp.account_name must be at most 255 bytes, and has 256",
            "hotp.counter must be at most 2^53",
            "hotp.look_ahead must be 0 to 20 counters",
        ]
    );
    let largest = pb::HotpSetup { counter: 1 << 53, look_ahead: Some(0), ..Default::default() };
    let setup = wire::setup(largest, &mut Violations::default()).unwrap();
    assert_eq!((setup.counter, setup.look_ahead), (1 << 53, Some(LookAhead::MIN)));
}

proptest! {
    #[test]
    fn the_counter_only_grows_and_no_code_of_one_before_it_is_accepted(
        tries in prop::collection::vec((-10..=110i64, 1..=3usize), 1..40), look_ahead in 0..=20u32,
    ) {
        let mut state = token(50, look_ahead);
        for (offset, count) in tries {
            let first = state.counter.saturating_add_signed(offset);
            let judged = match count {
                1 => judge(&state, code_at(first).expose()),
                count => resync(&state, &(first..).take(count).collect::<Vec<_>>()),
            };
            let reach = if count == 1 { look_ahead.into() } else { RESYNC_COUNTERS };
            let window = state.counter..=state.counter + reach;
            match judged {
                Judgement::Accepted(next) => {
                    // Not always `first`: one code in a million is that of another counter, too.
                    let found = next.counter - count as u64;
                    prop_assert!(window.contains(&found));
                    prop_assert!(code_at(found).expose() == code_at(first).expose());
                    state = next;
                }
                Judgement::Rejected(_) => prop_assert!(!window.contains(&first)),
            }
        }
    }
}
