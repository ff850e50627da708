//! Where values begin to be wrong: the last right one on each side, and the first wrong one.

use countersign::kinds::{hotp, totp};
use countersign::wire::pb;
use countersign::wire::pb::enroll_device_request::Setup;
use tonic::{Code, Status};

use crate::harness::answers::{fields, refused};
use crate::harness::calls::codes_setup;
use crate::harness::{Client, Harness, Wish, proof, roomy, secret_of};

/// Asks for a device with that setup, and says what came of it.
async fn enrolled(harness: &Harness, client: &Client, setup: Setup) -> String {
    let before = harness.dump().await;
    let answer = client.enroll("alice", "", setup).await;
    match answer {
        Ok(enrolled) => {
            client.delete(&enrolled.device.unwrap()).await.unwrap();
            "ok".to_owned()
        }
        Err(refusal) => {
            assert_eq!(refusal.code(), Code::InvalidArgument);
            assert_eq!(harness.dump().await, before);
            refused(&refusal)
        }
    }
}

fn period(seconds: i64, nanos: i32) -> Setup {
    let period = Some(prost_types::Duration { seconds, nanos });
    Setup::Totp(pb::TotpSetup { period, ..Default::default() })
}

fn totp(setup: pb::TotpSetup) -> Setup {
    Setup::Totp(setup)
}

#[tokio::test]
async fn each_number_and_secret_is_taken_up_to_its_bound_and_no_further() {
    // The widest windows that a policy may allow.
    let mut policies = roomy();
    policies.default.kinds.set(&totp::settings::TOLERANCE, 4);
    policies.default.kinds.set(&hotp::settings::LOOK_AHEAD, 20);
    let harness = Harness::start_with(Wish { policies, ..Wish::default() }).await;
    let client = harness.client().await;
    let secret = |n: usize| vec![7; n];
    let hotp = |setup: pb::HotpSetup| Setup::Hotp(setup);
    let year_10000 = 253_402_300_800;
    let start = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let cases: Vec<(Setup, &str)> = vec![
        (totp(pb::TotpSetup { secret: secret(15), ..Default::default() }), "totp.secret"),
        (totp(pb::TotpSetup { secret: secret(16), ..Default::default() }), ""),
        (totp(pb::TotpSetup { secret: secret(64), ..Default::default() }), ""),
        (totp(pb::TotpSetup { secret: secret(65), ..Default::default() }), "totp.secret"),
        (hotp(pb::HotpSetup { secret: secret(15), ..Default::default() }), "hotp.secret"),
        (hotp(pb::HotpSetup { secret: secret(64), ..Default::default() }), ""),
        (hotp(pb::HotpSetup { secret: secret(65), ..Default::default() }), "hotp.secret"),
        (totp(pb::TotpSetup { digits: 5, ..Default::default() }), "totp.digits"),
        (totp(pb::TotpSetup { digits: 6, ..Default::default() }), ""),
        (totp(pb::TotpSetup { digits: 8, ..Default::default() }), ""),
        (totp(pb::TotpSetup { digits: 9, ..Default::default() }), "totp.digits"),
        (hotp(pb::HotpSetup { digits: 5, ..Default::default() }), "hotp.digits"),
        (hotp(pb::HotpSetup { digits: 9, ..Default::default() }), "hotp.digits"),
        (period(0, 0), "totp.period"),
        (period(14, 0), "totp.period"),
        (period(15, 0), ""),
        (period(30, 1), "totp.period"),
        (period(120, 0), ""),
        (period(121, 0), "totp.period"),
        (period(1 << 40, 0), "totp.period"),
        // What a 32-bit number would take for 30.
        (period((1 << 32) + 30, 0), "totp.period"),
        (totp(pb::TotpSetup { tolerance: Some(0), ..Default::default() }), ""),
        (totp(pb::TotpSetup { tolerance: Some(4), ..Default::default() }), ""),
        (totp(pb::TotpSetup { tolerance: Some(5), ..Default::default() }), "totp.tolerance"),
        (totp(pb::TotpSetup { start_time: start(year_10000 - 1), ..Default::default() }), ""),
        (totp(pb::TotpSetup { start_time: start(year_10000), ..Default::default() }), "totp.start_time"),
        (totp(pb::TotpSetup { account_name: "é".repeat(127), ..Default::default() }), ""),
        (totp(pb::TotpSetup { account_name: "é".repeat(128), ..Default::default() }), "totp.account_name"),
        (hotp(pb::HotpSetup { counter: 1 << 53, ..Default::default() }), ""),
        (hotp(pb::HotpSetup { counter: (1 << 53) + 1, ..Default::default() }), "hotp.counter"),
        (hotp(pb::HotpSetup { look_ahead: Some(0), ..Default::default() }), ""),
        (hotp(pb::HotpSetup { look_ahead: Some(20), ..Default::default() }), ""),
        (hotp(pb::HotpSetup { look_ahead: Some(21), ..Default::default() }), "hotp.look_ahead"),
        (codes_setup(1), ""),
        (codes_setup(50), ""),
        (codes_setup(51), "recovery_codes.count"),
    ];
    for (place, (setup, wrong)) in cases.into_iter().enumerate() {
        let expected = if wrong.is_empty() { "ok".to_owned() } else { format!("INVALID_REQUEST {wrong}") };
        assert_eq!(enrolled(&harness, &client, setup).await, expected, "case {place}");
    }
    harness.stop().await;
}

#[tokio::test]
async fn names_are_counted_in_characters_and_subjects_in_bytes() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let enroll = async |subject: &str, name: &str| {
        let answer = client.enroll(subject, name, totp(pb::TotpSetup::default())).await;
        answer.map_or_else(|refusal| refused(&refusal), |_| "ok".to_owned())
    };
    assert_eq!(enroll("alice", &"漢".repeat(64)).await, "ok");
    assert_eq!(enroll("alice", &"x".repeat(65)).await, "INVALID_REQUEST name");
    assert_eq!(enroll("alice", &"漢".repeat(65)).await, "INVALID_REQUEST name");
    assert_eq!(enroll(&"x".repeat(255), "phone").await, "ok");
    assert_eq!(enroll(&"x".repeat(256), "phone").await, "INVALID_REQUEST subject");
    assert_eq!(enroll(&format!("{}é", "x".repeat(254)), "phone").await, "INVALID_REQUEST subject");
    assert_eq!(enroll(" ", "x").await, "ok");
    harness.stop().await;
}

#[tokio::test]
async fn names_are_compared_byte_by_byte() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    // Equal under many a collation; composed and decomposed.
    let alike = ["phone", "Phone", "phöne", "pho\u{308}ne", "ｐhone", "phone%", "phon_"];
    for name in alike {
        client.active_totp_named("alice", name, &secret_of(name), crate::harness::START).await;
        let twin = client.enroll("alice", name, totp(pb::TotpSetup::default())).await.unwrap_err();
        assert_eq!((twin.code(), refused(&twin)), (Code::AlreadyExists, "DEVICE_EXISTS".to_owned()));
    }
    for subject in ["alice", "Alice", "alice ", "alic_", "al%", "àlice", "a\u{300}lice"] {
        let request = pb::ListDevicesRequest { subject: subject.to_owned(), ..Default::default() };
        let names = client.names(&request).await.len();
        assert_eq!(names, if subject == "alice" { alike.len() } else { 0 }, "{subject}");
    }
    harness.stop().await;
}

#[tokio::test]
async fn everything_that_is_wrong_is_named_at_once() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let before = harness.dump().await;
    let bad = "\u{7}".to_owned();
    let all: [(Result<(), Status>, &[&str]); 4] = [
        (
            client
                .send::<pb::EnrollDeviceResponse>(
                    "DeviceService/EnrollDevice",
                    &pb::EnrollDeviceRequest {
                        subject: String::new(),
                        name: "x".repeat(65),
                        request_id: "1".to_owned(),
                        context: None,
                        setup: Some(totp(pb::TotpSetup {
                            algorithm: 9,
                            digits: 9,
                            period: Some(prost_types::Duration { seconds: 1, nanos: 0 }),
                            secret: vec![1],
                            account_name: bad.clone(),
                            tolerance: Some(9),
                            start_time: Some(prost_types::Timestamp { seconds: 0, nanos: 1 }),
                        })),
                    },
                )
                .await
                .map(drop),
            &[
                "name",
                "request_id",
                "subject",
                "totp.account_name",
                "totp.algorithm",
                "totp.digits",
                "totp.period",
                "totp.secret",
                "totp.start_time",
                "totp.tolerance",
            ],
        ),
        (
            client
                .send::<pb::UpdateDeviceResponse>(
                    "DeviceService/UpdateDevice",
                    &pb::UpdateDeviceRequest {
                        update_mask: Some(prost_types::FieldMask {
                            paths: vec!["name".to_owned(), "id".to_owned()],
                        }),
                        etag: bad.clone(),
                        request_id: bad.clone(),
                        ..Default::default()
                    },
                )
                .await
                .map(drop),
            &["device_id", "etag", "name", "request_id", "subject", "update_mask"],
        ),
        (
            client
                .send::<pb::VerifyResponse>(
                    "VerificationService/Verify",
                    &pb::VerifyRequest {
                        device_id: bad.clone(),
                        proof: Some(proof("")),
                        request_id: bad.clone(),
                        ..Default::default()
                    },
                )
                .await
                .map(drop),
            &["device_id", "proof.code", "request_id", "subject"],
        ),
        (
            client
                .send::<pb::ListDevicesResponse>(
                    "DeviceService/ListDevices",
                    &pb::ListDevicesRequest {
                        states: vec![1, 0, 7],
                        kinds: vec![0],
                        page_size: -1,
                        ..Default::default()
                    },
                )
                .await
                .map(drop),
            &["kinds[0]", "page_size", "states[1]", "states[2]", "subject"],
        ),
    ];
    for (answer, wrong) in all {
        let mut named = fields(&answer.unwrap_err());
        named.sort_unstable();
        assert_eq!(named, wrong);
    }
    assert_eq!(harness.dump().await, before);
    harness.stop().await;
}
