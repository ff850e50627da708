//! What a tenant may set otherwise, and what a request may.

use std::collections::HashMap;
use std::time::Duration;

use countersign::domain::ids::Tenant;
use countersign::domain::policy::{Policies, Policy};
use countersign::domain::setting::Settings;
use countersign::domain::throttle::ThrottlePolicy;
use countersign::kinds::{hotp, recovery_codes, totp};
use countersign::wire::pb;
use countersign::wire::pb::enroll_device_request::Setup;

use crate::harness::calls::{codes_setup, hotp_setup, totp_setup};
use crate::harness::fixture::{OTHER, SECRET, WRONG};
use crate::harness::{Client, Harness, START, Wish, code};

/// A server on which the other tenant has settings of its own.
async fn harness(others: Policy) -> Harness {
    let tenants = HashMap::from([(Tenant::parse("other").unwrap(), others)]);
    let policies = Policies { tenants, ..Policies::default() };
    Harness::start_with(Wish { policies, ..Wish::default() }).await
}

/// The URI that an enrollment shows.
async fn uri(client: &Client, setup: Setup) -> String {
    let enrolled = client.enroll("alice@example.com", "", setup).await.unwrap();
    let Some(pb::enrollment::Material::Oath(shown)) = enrolled.enrollment.unwrap().material else {
        panic!("no secret is shown");
    };
    shown.otpauth_uri
}

#[tokio::test]
async fn issuer_and_picture_are_the_tenants_and_the_account_is_the_requests() {
    // Row 35 of django-otp, where they are global.
    let harness = harness(Policy {
        issuer: Some("Big Corporation".to_owned()),
        image: Some("https://example.com/a picture.png".to_owned()),
        ..Policy::default()
    })
    .await;
    let (client, stranger) = (harness.client().await, harness.stranger().await);
    let secret = data_encoding::BASE32_NOPAD.encode(SECRET);
    assert_eq!(
        uri(&stranger, totp_setup(SECRET)).await,
        format!(
            "otpauth://totp/Big%20Corporation%3Aalice%40example.com?secret={secret}&algorithm=SHA1&digits=6\
             &period=30&issuer=Big%20Corporation&image=https://example.com/a%20picture.png"
        )
    );
    let named =
        pb::HotpSetup { secret: SECRET.to_vec(), account_name: "Alice".to_owned(), ..Default::default() };
    assert_eq!(
        uri(&client, Setup::Hotp(named)).await,
        format!("otpauth://hotp/Alice?secret={secret}&algorithm=SHA1&digits=6&counter=0")
    );
    harness.stop().await;
}

#[tokio::test]
async fn defaults_and_the_throttle_are_the_tenants() {
    // Row 36 of django-otp, where they are global.
    let harness = harness(Policy {
        throttle: ThrottlePolicy { factor: Duration::from_secs(5), ..ThrottlePolicy::default() },
        pending_for: Duration::from_secs(60),
        kinds: Settings::default()
            .with(&totp::settings::DIGITS, 8)
            .with(&totp::settings::PERIOD, 60)
            .with(&totp::settings::TOLERANCE, 2)
            .with(&hotp::settings::DIGITS, 7)
            .with(&hotp::settings::LOOK_AHEAD, 9)
            .with(&recovery_codes::COUNT, 4),
        ..Policy::default()
    })
    .await;
    let (client, stranger) = (harness.client().await, harness.stranger().await);
    for (caller, totp, hotp, codes, pending, delay) in
        [(&stranger, (8, 60, 2), (7, 9), 4, 60, 5), (&client, (6, 30, 1), (6, 2), 10, 900, 1)]
    {
        let device = caller.enroll("alice", "phone", totp_setup(SECRET)).await.unwrap().device.unwrap();
        assert_eq!(device.expire_time.unwrap().seconds, START.secs() + pending);
        let Some(pb::device::Detail::Totp(detail)) = device.detail else { panic!("no TOTP") };
        assert_eq!((detail.digits, detail.period.unwrap().seconds, detail.tolerance), totp);
        let device = caller.enroll("alice", "token", hotp_setup(OTHER, 0)).await.unwrap().device.unwrap();
        let Some(pb::device::Detail::Hotp(detail)) = device.detail else { panic!("no HOTP") };
        assert_eq!((detail.digits, detail.look_ahead), hotp);
        assert_eq!(caller.list_of_codes("alice", 0).await.1.len(), codes);
        let verdict = caller.verify("alice", "", WRONG).await.unwrap().verdict.unwrap();
        assert_eq!(verdict.retry_time.unwrap().seconds, START.secs() + delay);
    }
    harness.stop().await;
}

#[tokio::test]
async fn what_a_request_says_comes_before_the_tenants_defaults() {
    let harness = harness(Policy::default()).await;
    let client = harness.client().await;
    // Rows 1 and 2 of django-otp, which knows SHA-1 and 6 or 8 digits.
    let setup = pb::TotpSetup {
        algorithm: pb::OathAlgorithm::Sha512.into(),
        digits: 7,
        period: Some(prost_types::Duration { seconds: 45, nanos: 0 }),
        tolerance: Some(0),
        start_time: Some(prost_types::Timestamp { seconds: -90, nanos: 0 }),
        ..Default::default()
    };
    let device = client.enroll("alice", "phone", Setup::Totp(setup)).await.unwrap().device.unwrap();
    let Some(pb::device::Detail::Totp(totp)) = device.detail else { panic!("no TOTP") };
    assert_eq!((totp.algorithm(), totp.digits, totp.tolerance), (pb::OathAlgorithm::Sha512, 7, 0));
    assert_eq!((totp.period.unwrap().seconds, totp.start_time.unwrap().seconds), (45, -90));
    let setup = pb::HotpSetup {
        algorithm: pb::OathAlgorithm::Sha256.into(),
        digits: 8,
        counter: 1 << 53,
        look_ahead: Some(0),
        ..Default::default()
    };
    let device = client.enroll("alice", "token", Setup::Hotp(setup)).await.unwrap().device.unwrap();
    let Some(pb::device::Detail::Hotp(hotp)) = device.detail else { panic!("no HOTP") };
    assert_eq!((hotp.algorithm(), hotp.digits), (pb::OathAlgorithm::Sha256, 8));
    assert_eq!((hotp.counter, hotp.look_ahead), (1 << 53, 0));
    assert_eq!(client.enroll("alice", "list", codes_setup(7)).await.unwrap().device.unwrap().name, "list");
    harness.stop().await;
}

#[tokio::test]
async fn a_step_that_begins_elsewhere_is_counted_from_there() {
    let harness = harness(Policy::default()).await;
    let client = harness.client().await;
    // Row 2 of django-otp: t0.
    let setup = pb::TotpSetup {
        secret: SECRET.to_vec(),
        start_time: Some(prost_types::Timestamp { seconds: 300, nanos: 0 }),
        tolerance: Some(0),
        ..Default::default()
    };
    let device = client.enroll("alice", "phone", Setup::Totp(setup)).await.unwrap().device.unwrap();
    let verdict =
        client.confirm("alice", &device.id, &code(SECRET, START, 0)).await.unwrap().verdict.unwrap();
    assert_eq!(verdict.outcome(), pb::Outcome::Rejected);
    harness.clock.advance(Duration::from_secs(1));
    let verdict =
        client.confirm("alice", &device.id, &code(SECRET, START, -10)).await.unwrap().verdict.unwrap();
    assert_eq!(verdict.outcome(), pb::Outcome::Accepted);
    harness.stop().await;
}
