//! Two histories of one device, joined: what either has used up stays used up.

use super::*;
use crate::error::Fault;

/// The states of a device, as its right code is used: before and after.
fn history(of: &Kind) -> (Enrolled, device::Detail, device::Detail) {
    let enrolled = enrolled(of);
    let before = enrolled.device.detail.clone();
    let code = right_code(&enrolled.shown);
    match enrolled.judge(&code) {
        Judgement::Accepted(detail) => (enrolled, before, detail),
        Judgement::Rejected(reason) => panic!("{of:?} rejects its own code: {reason:?}"),
    }
}

fn joined(of: &Kind, newer: &device::Detail, older: &device::Detail) -> Result<device::Detail, Fault> {
    let known = |detail| state_of(of, detail).map(Option::unwrap);
    known(newer)?.joined(known(older)?)
}

#[test]
fn what_either_has_used_is_used() {
    for of in infos().iter().map(|info| &info.kind) {
        let (mut enrolled, before, after) = history(of);
        let code = right_code(&enrolled.shown);
        for (newer, older) in [(&before, &after), (&after, &before), (&after, &after)] {
            enrolled.device.detail = joined(of, newer, older).unwrap();
            assert_eq!(enrolled.judge(&code), Judgement::Rejected(Reject::Replayed), "{of:?}");
            // What was used by neither still works.
            enrolled.device.detail = joined(of, &before, &before).unwrap();
            assert!(matches!(enrolled.judge(&code), Judgement::Accepted(_)), "{of:?}");
        }
    }
}

#[test]
fn a_state_that_lacks_nothing_stays_as_it_is() {
    for of in infos().iter().map(|info| &info.kind) {
        let (_, before, after) = history(of);
        let joined = |newer, older| joined(of, newer, older).unwrap();
        assert_eq!(joined(&after, &before), after, "{of:?}");
        assert_eq!(joined(&after, &after), after, "{of:?}");
        assert_eq!(joined(&before, &before), before, "{of:?}");
        // Joined again, nothing is missing any more.
        let once = joined(&before, &after);
        assert_eq!(joined(&once, &after), once, "{of:?}");
    }
}

#[test]
fn a_state_that_cannot_be_read_is_joined_with_nothing() {
    for of in infos().iter().map(|info| &info.kind) {
        let (_, before, _) = history(of);
        let unreadable = device::Detail::stored("{}".to_owned());
        assert!(joined(of, &before, &unreadable).is_err(), "{of:?}");
        assert!(joined(of, &unreadable, &before).is_err(), "{of:?}");
    }
}
