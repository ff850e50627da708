//! Two histories of one device, joined: what either has used up stays used up.

use super::*;

/// The states of a device, as its right code is used: before and after.
fn history(of: Kind) -> (Enrolled, String, String) {
    let enrolled = enrolled(of);
    let before = enrolled.device.detail.clone();
    let code = right_code(&enrolled.shown);
    match enrolled.judge(&code) {
        Judged::Accepted { detail } => (enrolled, before, detail),
        Judged::Rejected(reason) => panic!("{of:?} rejects its own code: {reason:?}"),
    }
}

#[test]
fn what_either_has_used_is_used() {
    for of in Kind::ALL {
        let (mut enrolled, before, after) = history(of);
        let code = right_code(&enrolled.shown);
        for (newer, older) in [(&before, &after), (&after, &before), (&after, &after)] {
            enrolled.device.detail = kind(of).joined(newer, older).unwrap();
            assert_eq!(enrolled.judge(&code), Judged::Rejected(Reject::Replayed), "{of:?}");
            // What was used by neither still works.
            enrolled.device.detail = kind(of).joined(&before, &before).unwrap();
            assert!(matches!(enrolled.judge(&code), Judged::Accepted { .. }), "{of:?}");
        }
    }
}

#[test]
fn a_state_that_lacks_nothing_stays_as_it_is() {
    for of in Kind::ALL {
        let (_, before, after) = history(of);
        let joined = |newer: &str, older: &str| kind(of).joined(newer, older).unwrap();
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
    for of in Kind::ALL {
        let (_, before, _) = history(of);
        assert!(kind(of).joined(&before, "{}").is_err(), "{of:?}");
        assert!(kind(of).joined("{}", &before).is_err(), "{of:?}");
    }
}
