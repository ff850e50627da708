//! A subject has one device for a secret at most, and the used codes of a secret stay used.

use countersign::wire::pb;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::harness::answers::{refused, said};
use crate::harness::calls::{hotp_setup, totp_setup};
use crate::harness::fixture::SECRET;
use crate::harness::{Client, Harness, START, code, hotp};

fn same(secret: &[u8]) -> Vec<u8> {
    [secret, &[0, 0, 0]].concat()
}

async fn is_taken(client: &Client, name: &str, setup: pb::enroll_device_request::Setup) {
    let refusal = client.enroll("alice", name, setup).await.unwrap_err();
    assert_eq!((refusal.code(), refused(&refusal)), (Code::AlreadyExists, "SECRET_EXISTS".to_owned()));
    let told = format!("{refusal:?}");
    assert!(!told.contains(std::str::from_utf8(SECRET).unwrap()), "the secret is repeated");
}

#[tokio::test]
async fn a_secret_that_a_device_of_the_subject_has_is_refused() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let phone = client.active_totp_named("alice", "phone", SECRET, START).await;
    let before = harness.dump().await;
    for secret in [SECRET.to_vec(), same(SECRET)] {
        is_taken(&client, "tablet", totp_setup(&secret)).await;
        is_taken(&client, "token", hotp_setup(&secret, 0)).await;
        let longer = pb::TotpSetup {
            secret,
            digits: 8,
            algorithm: pb::OathAlgorithm::Sha512.into(),
            ..Default::default()
        };
        is_taken(&client, "tablet", pb::enroll_device_request::Setup::Totp(longer)).await;
    }
    assert_eq!(harness.dump().await, before);
    // A suspended and a pending device keep their secrets.
    client.suspend(&phone, true).await;
    is_taken(&client, "tablet", totp_setup(SECRET)).await;
    client.enroll_totp("alice", "new phone", b"another secret of 20").await;
    is_taken(&client, "tablet", totp_setup(b"another secret of 20")).await;
    // Another subject, and another tenant, may have the same secret.
    client.active_totp_named("bob", "phone", SECRET, START).await;
    harness.stranger().await.active_totp_named("alice", "phone", SECRET, START).await;
    harness.stop().await;
}

#[tokio::test]
async fn a_secret_that_was_made_here_is_known_again() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let enrolled = client.enroll("alice", "phone", totp_setup(&[])).await.unwrap();
    let Some(pb::enrollment::Material::Oath(shown)) = enrolled.enrollment.unwrap().material else { panic!() };
    let secret = data_encoding::BASE32_NOPAD.decode(shown.secret_base32.as_bytes()).unwrap();
    is_taken(&client, "tablet", totp_setup(&secret)).await;
    harness.stop().await;
}

#[tokio::test]
async fn the_code_that_confirmed_a_removed_device_does_not_confirm_it_again() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let phone = client.active_totp_named("alice", "phone", SECRET, START).await;
    assert_eq!(client.says("alice", &phone.id, &code(SECRET, START, 1)).await, "accepted");
    client.delete(&phone).await.unwrap();
    let again = client.enroll_totp("alice", "phone", &same(SECRET)).await;
    let Some(pb::device::Detail::Totp(detail)) = &again.detail else { panic!("no TOTP") };
    assert_eq!(detail.last_step, Some(START.secs() / 30 + 1), "it goes on where the other stopped");
    let answer = client.confirm("alice", &again.id, &code(SECRET, START, 1)).await.unwrap();
    assert_eq!(said(answer.verdict.as_ref()), "rejected replayed");
    harness.clock.set(START.plus(std::time::Duration::from_secs(30)));
    let answer = client.confirm("alice", &again.id, &code(SECRET, START, 2)).await.unwrap();
    assert_eq!(said(answer.verdict.as_ref()), "accepted");
    harness.stop().await;
}

#[tokio::test]
async fn a_token_that_comes_back_goes_on_with_its_counter_and_the_uri_says_so() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let token = client.active_hotp("alice", "token", SECRET).await;
    assert_eq!(client.says("alice", &token.id, &hotp(SECRET, 3)).await, "accepted");
    client.delete(&token).await.unwrap();
    let enrolled = client.enroll("alice", "token", hotp_setup(SECRET, 0)).await.unwrap();
    let Some(pb::enrollment::Material::Oath(shown)) = enrolled.enrollment.unwrap().material else { panic!() };
    assert!(shown.otpauth_uri.contains("counter=4"), "the counter that it begins with is another");
    let again = enrolled.device.unwrap();
    let Some(pb::device::Detail::Hotp(detail)) = &again.detail else { panic!("no HOTP") };
    assert_eq!(detail.counter, 4);
    let answer = client.confirm("alice", &again.id, &hotp(SECRET, 3)).await.unwrap();
    assert_eq!(said(answer.verdict.as_ref()), "rejected replayed");
    harness.clock.advance(std::time::Duration::from_secs(1));
    let answer = client.confirm("alice", &again.id, &hotp(SECRET, 4)).await.unwrap();
    assert_eq!(said(answer.verdict.as_ref()), "accepted");
    // A setup with a larger counter begins there.
    client.delete(&again).await.unwrap();
    let ahead = client.enroll("alice", "token", hotp_setup(SECRET, 90)).await.unwrap().device.unwrap();
    let Some(pb::device::Detail::Hotp(detail)) = ahead.detail else { panic!("no HOTP") };
    assert_eq!(detail.counter, 90);
    harness.stop().await;
}

#[tokio::test]
async fn a_secret_comes_back_only_as_what_it_was() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let phone = client.active_totp_named("alice", "phone", SECRET, START).await;
    client.delete(&phone).await.unwrap();
    let with = |change: fn(&mut pb::TotpSetup)| {
        let mut setup = pb::TotpSetup { secret: SECRET.to_vec(), ..Default::default() };
        change(&mut setup);
        pb::enroll_device_request::Setup::Totp(setup)
    };
    let period = |setup: &mut pb::TotpSetup| {
        setup.period = Some(prost_types::Duration { seconds: 60, nanos: 0 });
    };
    let start = |setup: &mut pb::TotpSetup| {
        setup.start_time = Some(prost_types::Timestamp { seconds: 7, nanos: 0 });
    };
    let before = harness.dump().await;
    for (setup, field) in
        [(hotp_setup(SECRET, 0), "hotp.secret"), (with(period), "totp.secret"), (with(start), "totp.secret")]
    {
        let refusal = client.enroll("alice", "again", setup).await.unwrap_err();
        let expected = (Code::InvalidArgument, format!("INVALID_REQUEST {field}"));
        assert_eq!((refusal.code(), refused(&refusal)), expected);
        let details = refusal.get_details_bad_request().unwrap();
        assert!(details.field_violations[0].description.starts_with("must be another one"));
    }
    assert_eq!(harness.dump().await, before);
    // Digits and algorithm do not change which step a code is of.
    let again =
        client.enroll("alice", "again", with(|setup| setup.digits = 8)).await.unwrap().device.unwrap();
    let Some(pb::device::Detail::Totp(detail)) = again.detail else { panic!("no TOTP") };
    assert_eq!(detail.last_step, Some(START.secs() / 30));
    harness.stop().await;
}

#[tokio::test]
async fn a_code_that_was_chosen_before_is_refused_unless_it_is_there_unused() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let (list, made) = client.list_of_codes("alice", 3).await;
    let (other, others) = client.list_of_codes("alice", 3).await;
    let choose = async |list: &pb::Device, code: &str| {
        let request = pb::IssueRecoveryCodesRequest {
            subject: "alice".to_owned(),
            device_id: list.id.clone(),
            code: code.to_owned(),
            ..Default::default()
        };
        let answer: Result<pb::IssueRecoveryCodesResponse, _> =
            client.send("DeviceService/IssueRecoveryCodes", &request).await;
        answer.map(drop).map_err(|refusal| refused(&refusal))
    };
    let taken = || Err("SECRET_EXISTS".to_owned());
    // The list holds the code, unused: it can be used once.
    assert_eq!(choose(&list, "open sesame").await, Ok(()));
    assert_eq!(choose(&list, "open sesame").await, Ok(()));
    assert_eq!(choose(&other, "open sesame").await, taken());
    assert_eq!(client.says("alice", &list.id, "open sesame").await, "accepted");
    for there in [&list, &other] {
        assert_eq!(choose(there, "open sesame").await, taken());
    }
    // A code of another list, however it is typed, and a used code of this list are refused.
    assert_eq!(choose(&list, &others[0].to_uppercase()).await, taken());
    assert_eq!(client.says("alice", &list.id, &made[0]).await, "accepted");
    assert_eq!(choose(&list, &made[0].replace('-', " ")).await, taken());
    // A code that was replaced or removed with its list is refused.
    assert_eq!(choose(&other, "open barley").await, Ok(()));
    client.delete(&other).await.unwrap();
    assert_eq!(choose(&list, "open barley").await, taken());
    assert_eq!(choose(&list, "open sesame").await, taken());
    assert_eq!(choose(&list, "open wheat").await, Ok(()));
    // Bob may choose what Alice chose.
    let request = pb::IssueRecoveryCodesRequest {
        subject: "bob".to_owned(),
        code: "open sesame".to_owned(),
        ..Default::default()
    };
    let _: pb::IssueRecoveryCodesResponse =
        client.send("DeviceService/IssueRecoveryCodes", &request).await.unwrap();
    harness.stop().await;
}

#[tokio::test]
async fn a_retried_enrollment_gets_its_first_answer() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let request = pb::EnrollDeviceRequest {
        subject: "alice".to_owned(),
        name: "phone".to_owned(),
        setup: Some(totp_setup(SECRET)),
        request_id: "0b6f5a4e-7a0e-4c5d-9a57-1d2f3c4b5a69".to_owned(),
        ..Default::default()
    };
    let first: pb::EnrollDeviceResponse = client.send("DeviceService/EnrollDevice", &request).await.unwrap();
    let again: pb::EnrollDeviceResponse = client.send("DeviceService/EnrollDevice", &request).await.unwrap();
    assert_eq!(again, first);
    harness.stop().await;
}
