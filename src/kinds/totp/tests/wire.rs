use super::*;
use crate::domain::violation::Violations;
use crate::kinds::oath::algorithm::Algorithm;
use crate::kinds::totp::wire::setup;

fn parse(message: pb::TotpSetup) -> Result<Setup, Vec<(String, String)>> {
    let mut violations = Violations::default();
    let setup = setup(message, &mut violations);
    assert_eq!(setup.is_some(), violations.is_empty());
    setup.ok_or_else(|| violations.iter().map(|v| (v.field.clone(), v.problem.text().to_owned())).collect())
}

fn seconds(seconds: i64, nanos: i32) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos })
}

fn moment(seconds: i64, nanos: i32) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds, nanos })
}

#[test]
fn an_empty_setup_takes_every_default() {
    assert_eq!(parse(pb::TotpSetup::default()), Ok(Setup::default()));
}

#[test]
fn a_full_setup_is_parsed() {
    let message = pb::TotpSetup {
        algorithm: pb::OathAlgorithm::Sha512.into(),
        digits: 8,
        period: seconds(60, 0),
        secret: vec![1; 64],
        account_name: "alice@example.com".to_owned(),
        tolerance: Some(0),
        start_time: moment(-5, 0),
    };
    let setup = parse(message).unwrap();
    assert_eq!(setup.oath.algorithm, Algorithm::Sha512);
    assert_eq!(setup.oath.secret, Some(Secret::new(vec![1; 64])));
    assert_eq!(setup.oath.account_name.as_deref(), Some("alice@example.com"));
    assert_eq!((setup.tolerance, setup.t0), (Some(Tolerance::MIN), -5));
    let made = Totp::make(setup, &Room::new().making(during(0))).unwrap();
    let pb::device::Detail::Totp(detail) = Totp::detail(&made.state) else { panic!("a TOTP device") };
    let shown = pb::TotpDetail {
        algorithm: pb::OathAlgorithm::Sha512.into(),
        digits: 8,
        period: seconds(60, 0),
        tolerance: 0,
        drift: 0,
        last_step: None,
        start_time: moment(-5, 0),
    };
    assert_eq!(detail, shown);
}

#[test]
fn the_epoch_is_not_shown_and_the_last_step_is() {
    let used = State { last_step: Some(0), drift: -1, ..device(1) };
    let pb::device::Detail::Totp(detail) = Totp::detail(&used) else { panic!("a TOTP device") };
    assert_eq!((detail.start_time, detail.last_step, detail.drift), (None, Some(0), -1));
}

#[test]
fn every_problem_is_noted_under_its_field() {
    let message = pb::TotpSetup {
        algorithm: 4,
        digits: 5,
        period: seconds(0, 0),
        secret: vec![1; 15],
        account_name: "a\u{7}".to_owned(),
        tolerance: Some(5),
        start_time: moment(0, 1),
    };
    let problems = parse(message).unwrap_err();
    let fields: Vec<_> = problems.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "totp.algorithm",
            "totp.digits",
            "totp.secret",
            "totp.account_name",
            "totp.period",
            "totp.tolerance",
            "totp.start_time",
        ]
    );
}

#[test]
fn what_would_be_right_is_said() {
    let base = pb::TotpSetup::default;
    let cases = [
        (pb::TotpSetup { algorithm: -1, ..base() }, "must be one of SHA1, SHA256 and SHA512"),
        (pb::TotpSetup { digits: 9, ..base() }, "must be 6, 7 or 8"),
        (pb::TotpSetup { digits: u32::MAX, ..base() }, "must be 6, 7 or 8"),
        (pb::TotpSetup { secret: vec![1; 65], ..base() }, "must be 16 to 64 bytes, and has 65"),
        (pb::TotpSetup { period: seconds(14, 0), ..base() }, PERIOD),
        (pb::TotpSetup { period: seconds(121, 0), ..base() }, PERIOD),
        (pb::TotpSetup { period: seconds(1 << 40, 0), ..base() }, PERIOD),
        (pb::TotpSetup { period: seconds((1 << 32) + 30, 0), ..base() }, PERIOD),
        (pb::TotpSetup { period: seconds(-30, 0), ..base() }, PERIOD),
        (pb::TotpSetup { period: seconds(30, 1), ..base() }, PERIOD),
        (pb::TotpSetup { account_name: "é".repeat(128), ..base() }, "must be at most 255 bytes, and has 256"),
        (pb::TotpSetup { account_name: "a\0".into(), ..base() }, "must not hold control characters"),
        (pb::TotpSetup { tolerance: Some(u32::MAX), ..base() }, "must be 0 to 4 steps"),
        (pb::TotpSetup { start_time: moment(7, -1), ..base() }, "must be in whole seconds"),
        (pb::TotpSetup { start_time: moment(i64::MAX, 0), ..base() }, YEARS),
        (pb::TotpSetup { start_time: moment(253_402_300_800, 0), ..base() }, YEARS),
        (pb::TotpSetup { start_time: moment(-62_135_596_801, 0), ..base() }, YEARS),
    ];
    for (message, right) in cases {
        let problems = parse(message).unwrap_err();
        assert_eq!(problems.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), [right]);
    }
}

const PERIOD: &str = "must be 15 to 120 whole seconds";
const YEARS: &str = "must be a moment of the years 1 to 9999";
