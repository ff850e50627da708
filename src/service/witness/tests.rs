use super::*;
use crate::domain::device::{Detail, Failures, Sealed};
use crate::domain::ids::DeviceName;
use crate::domain::kind::Kind;
use crate::domain::moment::Moment;

const EARLIER: Moment = Moment::from_secs(1_800_000_000);
const LATER: Moment = Moment::from_secs(1_800_000_060);

/// An HOTP device that expects that counter.
fn found(version: i64, counter: u64) -> Device {
    Device {
        id: DeviceId::from_entropy([7; 16]),
        tenant: Tenant::trusted("default"),
        subject: Subject::trusted("alice"),
        kind: Kind::named("hotp"),
        name: DeviceName::trusted("token"),
        state: State::Active,
        preferred: true,
        detail: detail(counter),
        secret: Sealed(vec![1, 2, 3]),
        version,
        epoch: 0,
        failures: Failures { count: 2, last_at: Some(EARLIER) },
        created_at: EARLIER,
        confirmed_at: Some(EARLIER),
        used_at: Some(EARLIER),
        expires_at: None,
    }
}

fn detail(counter: u64) -> Detail {
    Detail::stored(format!(r#"{{"v":1,"alg":"sha1","digits":6,"counter":{counter},"ahead":5}}"#))
}

fn known(version: i64, counter: u64) -> Remembered {
    Remembered {
        version,
        state: State::Active,
        detail: detail(counter),
        failures: Failures::default(),
        confirmed_at: Some(EARLIER),
        used_at: Some(LATER),
    }
}

#[test]
fn an_older_version_is_written_forward_past_the_one_that_is_remembered() {
    let restored = restored(&found(7, 10), &known(9, 12)).unwrap().unwrap();
    let expected = Device { version: 10, detail: detail(12), used_at: Some(LATER), ..found(7, 10) };
    assert_eq!(restored, expected);
}

#[test]
fn what_was_used_in_the_older_version_by_others_stays_used() {
    let restored = restored(&found(8, 20), &known(9, 12)).unwrap().unwrap();
    assert_eq!((restored.version, restored.detail), (10, detail(20)));
}

#[test]
fn a_newer_version_is_left_alone_unless_something_is_missing_from_it() {
    assert_eq!(restored(&found(9, 12), &known(9, 12)).unwrap(), None);
    assert_eq!(restored(&found(11, 14), &known(9, 12)).unwrap(), None);
    assert_eq!(restored(&found(11, 12), &known(9, 12)).unwrap(), None);
    for version in [9, 11] {
        let restored = restored(&found(version, 11), &known(9, 12)).unwrap().unwrap();
        assert_eq!(restored, Device { version: version + 1, detail: detail(12), ..found(version, 11) });
    }
}

#[test]
fn of_two_states_the_stricter_one_holds_and_the_greater_count_of_failures() {
    use State::{Active, Locked, Pending, Suspended};
    for (there, here, expected) in [
        (Pending, Active, Active),
        (Pending, Locked, Locked),
        (Active, Locked, Locked),
        (Suspended, Active, Suspended),
        (Locked, Suspended, Locked),
        (Pending, Pending, Pending),
    ] {
        let found = Device { state: there, expires_at: Some(LATER), ..found(7, 10) };
        let failures = Failures { count: 5, last_at: Some(LATER) };
        let known = Remembered { state: here, failures, ..known(9, 12) };
        let restored = restored(&found, &known).unwrap().unwrap();
        assert_eq!((restored.state, restored.failures), (expected, failures));
        assert_eq!(restored.expires_at.is_some(), expected == Pending);
    }
}

#[test]
fn a_device_of_a_newer_release_is_left_alone_and_one_that_lacks_what_it_used_is_a_fault() {
    let newer = || Detail::stored(r#"{"v":99}"#.to_owned());
    for version in [6, 7, 8] {
        let found = |detail| Device { detail, ..found(7, 10) };
        let known = |detail| Remembered { detail, ..known(version, 12) };
        assert_eq!(restored(&found(newer()), &known(newer())).unwrap(), None, "{version}");
        assert_eq!(restored(&found(newer()), &known(detail(12))).unwrap(), None, "{version}");
        assert!(restored(&found(detail(10)), &known(newer())).is_err(), "{version}");
    }
}
