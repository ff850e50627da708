use prost_types::Timestamp;

use super::*;

fn text(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds, nanos: 987_000_000 })
}

fn phone() -> pb::Device {
    pb::Device {
        id: "d1".into(),
        subject: "alice".into(),
        kind: pb::DeviceKind::Totp.into(),
        state: pb::DeviceState::Active.into(),
        name: "téléphone".into(),
        preferred: true,
        create_time: at(1_700_000_000),
        confirm_time: at(1_700_000_060),
        throttle: Some(pb::Throttle { failure_count: 0, retry_time: None, failures_until_lock: 100 }),
        detail: Some(pb::device::Detail::Totp(pb::TotpDetail {
            algorithm: pb::OathAlgorithm::Sha256.into(),
            digits: 6,
            period: Some(prost_types::Duration { seconds: 30, nanos: 0 }),
            tolerance: 1,
            drift: -1,
            ..Default::default()
        })),
        ..Default::default()
    }
}

#[test]
fn rows_are_aligned_by_characters_and_end_without_spaces() {
    let codes = pb::Device {
        id: "device2".into(),
        kind: pb::DeviceKind::RecoveryCodes.into(),
        state: pb::DeviceState::Locked.into(),
        name: "codes".into(),
        last_used_time: at(0),
        ..Default::default()
    };
    let rows = [row(&phone()), row(&codes)];
    assert_eq!(
        text(|out| table(out, HEADING, &rows)),
        "DEVICE   *  KIND            STATE   LAST USED             NAME\n\
         d1       *  totp            active  never                 téléphone\n\
         device2     recovery-codes  locked  1970-01-01T00:00:00Z  codes\n"
    );
}

#[test]
fn a_device_is_told_with_all_that_is_known_and_nothing_that_is_not() {
    assert_eq!(
        text(|out| device(out, &phone())),
        "device:    d1\n\
         subject:   alice\n\
         name:      téléphone\n\
         kind:      totp\n\
         state:     active\n\
         preferred: yes\n\
         created:   2023-11-14T22:13:20Z\n\
         confirmed: 2023-11-14T22:14:20Z\n\
         algorithm: sha256\n\
         digits:    6\n\
         period:    30s\n\
         tolerance: 1\n\
         drift:     -1\n\
         throttle:  no failures\n"
    );
}

#[test]
fn a_value_that_a_newer_server_has_a_name_for_stays_a_number() {
    assert_eq!(kind(99), "99");
    assert_eq!(state(pb::DeviceState::Pending.into()), "pending");
}

#[test]
fn only_an_accepted_proof_is_a_yes() {
    use pb::{Outcome, RejectReason};
    let of = |outcome: Outcome, reason: RejectReason, retry: Option<Timestamp>| {
        let told = pb::Verdict { outcome: outcome.into(), reject_reason: reason.into(), retry_time: retry };
        verdict(Some(&told))
    };
    let none = RejectReason::Unspecified;
    assert_eq!(of(Outcome::Accepted, none, None), ("accepted".to_owned(), Answer::Yes));
    assert_eq!(
        of(Outcome::Rejected, RejectReason::Mismatch, at(60)),
        ("rejected: not the right code, next try at 1970-01-01T00:01:00.987Z".to_owned(), Answer::No)
    );
    for (outcome, reason, begins) in [
        (Outcome::Rejected, RejectReason::Replayed, "rejected: the code was used before"),
        (Outcome::Rejected, RejectReason::Malformed, "rejected: no code of this device"),
        (Outcome::Rejected, none, "rejected: for a reason that this version does not know"),
        (Outcome::Throttled, none, "throttled: "),
        (Outcome::Unavailable, none, "unavailable: "),
        (Outcome::Unspecified, none, "an outcome that this version does not know"),
    ] {
        let (words, answer) = of(outcome, reason, None);
        assert!(words.starts_with(begins), "{words}");
        assert_eq!(answer, Answer::No, "{words}");
    }
    assert_eq!(verdict(None).1, Answer::No);
}

#[test]
fn failures_are_told_with_what_follows_from_them() {
    let told = |failure_count, retry_time| {
        throttle(&pb::Throttle { failure_count, retry_time, failures_until_lock: 98 })
    };
    assert_eq!(told(0, None), "no failures");
    assert_eq!(told(1, None), "1 failure, 98 until it is locked");
    assert_eq!(
        told(2, at(0)),
        "2 failures in a row, next try at 1970-01-01T00:00:00.987Z, 98 until it is locked"
    );
}

#[test]
fn a_word_for_a_shell_is_quoted_where_it_has_to_be() {
    for plain in ["alice", "alice@example.org", "/usr/bin/x_1"] {
        assert_eq!(word(plain), plain);
    }
    for (bare, quoted) in
        [("", "''"), ("a b", "'a b'"), ("it's", r"'it'\''s'"), ("$(x)", "'$(x)'"), ("-x", "'-x'")]
    {
        assert_eq!(word(bare), quoted);
    }
}
