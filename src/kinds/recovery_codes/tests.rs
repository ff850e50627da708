use std::collections::HashSet;

use proptest::prelude::*;

use super::code::{chosen, fold};
use super::*;
use crate::crypto::keyring::Keyring;
use crate::domain::ids::DeviceId;
use crate::domain::moment::Moment;
use crate::domain::secret::SecretText;
use crate::domain::violation::Violations;
use crate::kinds::fixture::{Room, typed};
use crate::wire::pb;

const NOW: Moment = Moment::from_secs(1_800_000_000);

fn list(room: &Room, count: u32) -> (State, Vec<SecretText>) {
    issue(None, count, false, &room.making(NOW)).unwrap()
}

fn with_chosen(room: &Room, state: Option<&State>, code: &str) -> State {
    add_chosen(state, &chosen(code.to_owned()).unwrap(), &room.making(NOW)).unwrap()
}

fn judge(room: &Room, state: &State, code: &str) -> Judgement<State> {
    let Some(code) = RecoveryCodes::read(state, &typed(code)) else {
        return Judgement::Rejected(Reject::Malformed);
    };
    RecoveryCodes::judge(state, &Secret::new(Vec::new()), &code, &room.judging(NOW))
}

fn used(room: &Room, state: &State, code: &str) -> State {
    match judge(room, state, code) {
        Judgement::Accepted(next) => next,
        Judgement::Rejected(reason) => panic!("rejected: {reason:?}"),
    }
}

#[test]
fn a_list_has_ten_codes_of_four_groups_of_four() {
    let room = Room::new();
    let made = RecoveryCodes::make(Setup::default(), &room.making(NOW)).unwrap();
    let Shown::Codes(codes) = made.shown else { panic!("recovery codes") };
    assert_eq!((codes.len(), RecoveryCodes::remaining(&made.state)), (10, Some(10)));
    assert!(made.secret.expose().is_empty(), "nothing is left to seal");
    for code in &codes {
        let groups: Vec<_> = code.expose().split('-').collect();
        assert_eq!(groups.iter().map(|group| group.len()).collect::<Vec<_>>(), [4; 4]);
        assert!(groups.concat().bytes().all(|b| b"0123456789abcdefghjkmnpqrstvwxyz".contains(&b)));
    }
    assert_eq!(codes.iter().map(SecretText::expose).collect::<HashSet<_>>().len(), 10);
}

#[test]
fn each_code_is_accepted_once_in_any_order() {
    let room = Room::new();
    let (mut state, codes) = list(&room, 10);
    for (count, code) in (1..).zip(codes.iter().rev()) {
        state = used(&room, &state, code.expose());
        assert_eq!(state.remaining(), 10 - count);
        assert_eq!(judge(&room, &state, code.expose()), Judgement::Rejected(Reject::Replayed));
    }
    for code in &codes {
        assert_eq!(judge(&room, &state, code.expose()), Judgement::Rejected(Reject::Replayed));
    }
}

#[test]
fn a_wrong_code_is_a_mismatch_and_what_cannot_be_one_is_malformed() {
    let room = Room::new();
    let (state, codes) = list(&room, 3);
    let code = codes[0].expose();
    assert_eq!(judge(&room, &state, "0000-0000-0000-0000"), Judgement::Rejected(Reject::Mismatch));
    for malformed in [
        "",
        "154567",
        &code[..18],
        &format!("{code}0"),
        &code.replace('-', "_"),
        &code.replace('-', "\t"),
        &format!("\u{200b}{code}"),
        &format!("{}u", &code[..18]),
        &format!("{}é", &code[..18]),
    ] {
        assert_eq!(judge(&room, &state, malformed), Judgement::Rejected(Reject::Malformed), "{malformed:?}");
    }
}

#[test]
fn a_code_that_was_made_here_is_folded_before_it_is_compared() {
    assert_eq!(fold("OIL0 il1o-oooo-oooo").unwrap().expose(), "0110111000000000");
    let room = Room::new();
    let (state, codes) = list(&room, 1);
    let code = codes[0].expose();
    let alike: String = code
        .chars()
        .map(|c| {
            if c == '0' {
                'O'
            } else if c == '1' {
                'l'
            } else {
                c
            }
        })
        .collect();
    for written in
        [code.to_uppercase(), code.replace('-', ""), code.replace('-', " "), format!(" {code} "), alike]
    {
        assert!(matches!(judge(&room, &state, &written), Judgement::Accepted(_)), "{written}");
    }
}

#[test]
fn a_chosen_code_is_matched_exactly() {
    let room = Room::new();
    let state = with_chosen(&room, None, "Sesame-Open 1");
    assert_eq!(state.remaining(), 1);
    for other in ["sesame-open 1", "Sesame-Open1", "Sesame-Open 1 ", "SesameOpen 1", "Sesame-0pen 1"] {
        assert_eq!(judge(&room, &state, other), Judgement::Rejected(Reject::Mismatch), "{other}");
    }
    let next = used(&room, &state, "Sesame-Open 1");
    assert_eq!(next.remaining(), 0);
    assert_eq!(judge(&room, &next, "Sesame-Open 1"), Judgement::Rejected(Reject::Replayed));
    assert_eq!(judge(&room, &state, &"x".repeat(65)), Judgement::Rejected(Reject::Malformed));
}

#[test]
fn a_chosen_code_that_looks_like_one_made_here_is_still_matched_exactly() {
    let room = Room::new();
    let state = with_chosen(&room, None, "abcd-efgh-jkmn-pqrs");
    assert_eq!(judge(&room, &state, "ABCD-EFGH-JKMN-PQRS"), Judgement::Rejected(Reject::Mismatch));
    assert_eq!(used(&room, &state, "abcd-efgh-jkmn-pqrs").remaining(), 0);
}

#[test]
fn a_chosen_code_is_added_to_the_others_and_can_be_used_once_however_often_it_is_added() {
    let room = Room::new();
    let (state, codes) = list(&room, 2);
    let twice = with_chosen(&room, Some(&with_chosen(&room, Some(&state), "let me in")), "let me in");
    assert_eq!(twice.remaining(), 3);
    let spent = used(&room, &twice, "let me in");
    assert_eq!(judge(&room, &spent, "let me in"), Judgement::Rejected(Reject::Replayed));
    let again = with_chosen(&room, Some(&spent), "let me in");
    assert_eq!(used(&room, &again, "let me in").remaining(), 2, "an operator may give it once more");
    assert_eq!(used(&room, &again, codes[1].expose()).remaining(), 2);
}

#[test]
fn new_codes_replace_the_old_ones_whole_or_keep_them() {
    let room = Room::new();
    let (state, old) = list(&room, 3);
    let state = used(&room, &state, old[0].expose());
    let later = Moment::from_secs(1_900_000_000);

    let (replaced, _) = issue(Some(&state), 4, false, &room.making(later)).unwrap();
    assert_eq!((replaced.remaining(), replaced.issued_at()), (4, later));
    assert_eq!(judge(&room, &replaced, old[1].expose()), Judgement::Rejected(Reject::Mismatch));

    let (kept, new) = issue(Some(&state), 4, true, &room.making(later)).unwrap();
    assert_eq!(kept.remaining(), 6);
    assert_eq!(judge(&room, &kept, old[0].expose()), Judgement::Rejected(Reject::Replayed));
    for code in old[1..].iter().chain(&new) {
        assert!(matches!(judge(&room, &kept, code.expose()), Judgement::Accepted(_)));
    }
}

#[test]
fn a_list_holds_at_most_50_unused_codes() {
    let room = Room::new();
    let cx = room.making(NOW);
    let (full, codes) = list(&room, 50);
    let refused = ListFull { limit: 50, unused: 50 };
    assert_eq!(issue(Some(&full), 1, true, &cx).unwrap_err(), refused);
    assert_eq!(add_chosen(Some(&full), &chosen("let me in".into()).unwrap(), &cx).unwrap_err(), refused);
    assert_eq!(issue(None, 51, false, &cx).unwrap_err(), ListFull { limit: 50, unused: 0 });
    assert!(issue(Some(&full), 50, false, &cx).is_ok());
    let room_for_one = used(&room, &full, codes[0].expose());
    assert_eq!(with_chosen(&room, Some(&room_for_one), "let me in").remaining(), 50);
}

#[test]
fn the_oldest_used_codes_are_forgotten_after_50() {
    let room = Room::new();
    let (mut state, first) = list(&room, 50);
    let mut codes = first;
    for code in &codes {
        state = used(&room, &state, code.expose());
    }
    let (refilled, more) = issue(Some(&state), 1, true, &room.making(NOW)).unwrap();
    state = used(&room, &refilled, more[0].expose());
    codes.extend(more);
    assert_eq!(state.used.len(), CODES_MAX);
    assert_eq!(judge(&room, &state, codes[0].expose()), Judgement::Rejected(Reject::Mismatch));
    for code in &codes[1..] {
        assert_eq!(judge(&room, &state, code.expose()), Judgement::Rejected(Reject::Replayed));
    }
}

#[test]
fn a_hash_that_was_moved_matches_nothing() {
    let mut room = Room::new();
    let (state, codes) = list(&room, 1);
    let home = std::mem::replace(&mut room.device, DeviceId::from_entropy([8; 16]));
    assert_eq!(
        judge(&room, &state, codes[0].expose()),
        Judgement::Rejected(Reject::Mismatch),
        "another device"
    );
    room.device = home;
    let home = std::mem::replace(&mut room.keyring, Keyring::generate(&room.entropy));
    assert_eq!(judge(&room, &state, codes[0].expose()), Judgement::Rejected(Reject::Mismatch), "another key");
    room.keyring = home;
    assert!(matches!(judge(&room, &state, codes[0].expose()), Judgement::Accepted(_)));
}

#[test]
fn equal_codes_have_different_hashes() {
    let room = Room::new();
    let [one, two] = [0; 2].map(|_| serde_json::to_string(&with_chosen(&room, None, "let me in")).unwrap());
    assert_ne!(one, two);
}

#[test]
fn nothing_of_a_code_is_stored_or_printed() {
    let room = Room::new();
    let (state, codes) = list(&room, 2);
    let state = with_chosen(&room, Some(&state), "let me in");
    let told = format!("{}{state:?}", serde_json::to_string(&state).unwrap());
    let folded = codes.iter().map(|code| fold(code.expose()).unwrap().expose().to_owned());
    for code in codes.iter().map(|code| code.expose().to_owned()).chain(folded).chain(["let me in".into()]) {
        assert!(!told.contains(&code));
    }
    assert!(!format!("{state:?}").contains("\"h\""));
}

#[test]
fn problems_are_noted_under_their_fields() {
    let mut violations = Violations::default();
    assert!(wire::setup(pb::RecoveryCodesSetup { count: 51 }, &mut violations).is_none());
    let found: Vec<_> = violations.iter().map(|v| format!("{} {}", v.field, v.problem)).collect();
    assert_eq!(found, ["recovery_codes.count must be 1 to 50, and is 51"]);
    assert_eq!(wire::count(0), Ok(None));
    assert_eq!(wire::count(50), Ok(Some(50)));
    for (code, right) in [
        ("12345".to_owned(), "must be 6 to 64 characters, and has 5"),
        ("é".repeat(65), "must be 6 to 64 characters, and has 65"),
        ("ses\name".to_owned(), "must hold only printable ASCII characters"),
        ("sésame".to_owned(), "must hold only printable ASCII characters"),
    ] {
        assert_eq!(chosen(code).unwrap_err().text(), right);
    }
    assert!(chosen("x".repeat(64)).is_ok());
    assert_eq!(chosen("\topen sesame\u{a0}\r\n".to_owned()).unwrap().expose(), "open sesame");
}

#[test]
fn the_detail_tells_how_many_are_left_and_since_when() {
    let room = Room::new();
    let (state, codes) = list(&room, 3);
    let state = used(&room, &state, codes[2].expose());
    let issue_time = Some(prost_types::Timestamp { seconds: 1_800_000_000, nanos: 0 });
    let expected = pb::RecoveryCodesDetail { remaining: 2, issue_time };
    assert_eq!(RecoveryCodes::detail(&state), pb::device::Detail::RecoveryCodes(expected));
}

proptest! {
    #[test]
    fn what_is_folded_is_the_same_when_it_is_folded_again(text in "(?s).{0,24}|[0-9A-Za-z -]{14,24}") {
        if let Some(folded) = fold(&text) {
            prop_assert_eq!(folded.expose().len(), 16);
            let again = fold(folded.expose()).unwrap();
            prop_assert_eq!(again.expose(), folded.expose());
        }
    }

    #[test]
    fn no_code_is_accepted_more_often_than_it_was_issued(
        tries in prop::collection::vec((0..6usize, prop::bool::weighted(0.2)), 1..40),
    ) {
        let room = Room::new();
        let (mut state, mut codes) = list(&room, 4);
        let mut spent = HashSet::new();
        for (pick, refill) in tries {
            if refill && state.remaining() < 8 {
                let (next, more) = issue(Some(&state), 1, true, &room.making(NOW)).unwrap();
                state = next;
                codes.extend(more);
            }
            let code = codes[pick % codes.len()].expose();
            match judge(&room, &state, code) {
                Judgement::Accepted(next) => {
                    prop_assert!(spent.insert(code.to_owned()));
                    state = next;
                }
                Judgement::Rejected(reason) => {
                    prop_assert!(spent.contains(code));
                    prop_assert_eq!(reason, Reject::Replayed);
                }
            }
        }
    }
}
