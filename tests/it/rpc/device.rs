//! `DeviceService`: enrolling, reading and removing.

use std::time::Duration;

use countersign::domain::policy::{Policies, Policy};
use countersign::wire::pb;
use data_encoding::BASE32_NOPAD;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::throttle::moment;
use crate::harness::answers::refused;
use crate::harness::calls::{codes_setup, hotp_setup, totp_setup};
use crate::harness::fixture::{Fixture, OTHER, SECRET};
use crate::harness::{Client, Harness, START, Wish, code, hotp, secret_of};

const QUARTER: Duration = Duration::from_secs(15 * 60);

/// The names of a subject's devices of every state.
async fn all(client: &Client, subject: &str) -> Vec<String> {
    let states = vec![1, 2, 3, 4];
    client.names(&pb::ListDevicesRequest { subject: subject.to_owned(), states, ..Default::default() }).await
}

#[tokio::test]
async fn a_new_device_is_pending_and_shows_its_secret_once_in_every_form() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let enrolled = client.enroll("alice@example.com", "phone", totp_setup(SECRET)).await.unwrap();
    let device = enrolled.device.unwrap();
    assert_eq!((device.kind(), device.state()), (pb::DeviceKind::Totp, pb::DeviceState::Pending));
    assert_eq!((device.id.len(), device.name.as_str(), device.preferred), (26, "phone", false));
    assert_eq!(device.create_time, Some(moment(START)));
    assert_eq!(device.expire_time, Some(moment(START.plus(QUARTER))));
    assert_eq!((device.confirm_time, device.last_used_time), (None, None));
    // Row 2 of django-otp: its fields, with their defaults.
    let Some(pb::device::Detail::Totp(totp)) = device.detail else { panic!("no TOTP") };
    assert_eq!(
        (totp.algorithm(), totp.digits, totp.tolerance, totp.drift),
        (pb::OathAlgorithm::Sha1, 6, 1, 0)
    );
    assert_eq!(totp.period, Some(prost_types::Duration { seconds: 30, nanos: 0 }));
    assert_eq!((totp.last_step, totp.start_time), (None, None));

    let Some(pb::enrollment::Material::Oath(shown)) = enrolled.enrollment.unwrap().material else {
        panic!("no secret is shown");
    };
    let base32 = BASE32_NOPAD.encode(SECRET);
    assert_eq!(shown.secret_base32, base32);
    let uri = format!("otpauth://totp/alice%40example.com?secret={base32}&algorithm=SHA1&digits=6&period=30");
    assert_eq!(shown.otpauth_uri, uri);
    assert!(shown.qr_svg.contains("<svg") && shown.qr_png.starts_with(b"\x89PNG\r\n\x1a\n"));

    let event = harness.events().await.pop().unwrap();
    assert_eq!(
        (event.what.as_str(), event.device, event.caller.as_str()),
        ("device.enrolled", device.id, "app")
    );
    assert_eq!((event.tenant.as_str(), event.details["kind"].as_str()), ("default", "totp"));
    harness.stop().await;
}

#[tokio::test]
async fn a_secret_that_is_left_out_is_made_and_each_is_another() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let mut secrets = Vec::new();
    for setup in [totp_setup(&[]), totp_setup(&[]), hotp_setup(&[], 0), hotp_setup(&[], 7)] {
        let enrolled = client.enroll("alice", "", setup).await.unwrap();
        let Some(pb::enrollment::Material::Oath(shown)) = enrolled.enrollment.unwrap().material else {
            panic!("no secret is shown");
        };
        let secret = BASE32_NOPAD.decode(shown.secret_base32.as_bytes()).unwrap();
        assert_eq!(secret.len(), 20);
        secrets.push(secret);
    }
    secrets.sort_unstable();
    secrets.dedup();
    assert_eq!(secrets.len(), 4);
    harness.stop().await;
}

#[tokio::test]
async fn no_answer_but_the_enrollment_holds_the_secret_and_the_database_never_does() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    // Row 33 of django-otp.
    let fixture = Fixture::new(&client, "alice").await;
    let base32 = BASE32_NOPAD.encode(SECRET);
    let holds = |bytes: &[u8], secret: &[u8]| bytes.windows(secret.len()).any(|part| part == secret);
    for request in fixture.requests() {
        if request.label.starts_with("Enroll") {
            continue;
        }
        // Some are refused after the others: what is said then must not hold it either.
        let answer = client.raw(&request.path, request.body).await;
        let answer = answer.unwrap_or_else(|refusal| format!("{refusal:?}").into_bytes());
        assert!(!holds(&answer, SECRET) && !holds(&answer, base32.as_bytes()), "{}", request.label);
        assert!(!fixture.codes.iter().any(|code| holds(&answer, code.as_bytes())), "{}", request.label);
    }
    let hex = data_encoding::HEXUPPER.encode(SECRET);
    for row in harness.dump().await {
        assert!(!row.contains(&hex) && !row.contains(&base32) && !row.contains("12345678901234567890"));
        assert!(!fixture.codes.iter().any(|code| row.contains(code)), "{row}");
    }
    harness.stop().await;
}

#[tokio::test]
async fn a_device_without_a_name_gets_one_of_its_kind() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    for expected in ["Authenticator app", "Authenticator app 2", "Authenticator app 3"] {
        let device = client.active_totp_named("alice", "", &secret_of(expected), START).await;
        assert_eq!(device.name, expected);
    }
    assert_eq!(client.list_of_codes("alice", 1).await.0.name, "Recovery codes");
    assert_eq!(client.list_of_codes("alice", 1).await.0.name, "Recovery codes 2");
    assert_eq!(client.active_hotp("alice", "", SECRET).await.name, "Token");
    harness.stop().await;
}

#[tokio::test]
async fn a_pending_device_is_gone_after_15_minutes_swept_or_not() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let last = client.enroll_totp("alice", "last", SECRET).await;
    let late = client.enroll_totp("alice", "late", OTHER).await;
    harness.clock.set(START.plus(QUARTER).minus(Duration::from_micros(1)));
    let now = code(SECRET, START, 29);
    assert!(client.confirm("alice", &last.id, &now).await.is_ok());

    harness.clock.set(START.plus(QUARTER));
    let before = harness.dump().await;
    let refusals = [
        client.confirm("alice", &late.id, &code(OTHER, START, 30)).await.map(drop),
        client.device("alice", &late.id).await.map(drop),
        client.verify("alice", &late.id, &now).await.map(drop),
        client.unlock(&late).await.map(drop),
        client.delete(&late).await.map(drop),
        client.resync(&late, &[now.clone(), now.clone()]).await.map(drop),
        client.update(&late, &["preferred"], pb::UpdateDeviceRequest::default()).await.map(drop),
    ];
    for refusal in refusals {
        assert_eq!(refused(&refusal.unwrap_err()), "DEVICE_NOT_FOUND");
    }
    assert_eq!(all(&client, "alice").await, ["last"]);
    assert_eq!(harness.dump().await, before);

    assert_eq!(harness.service.sweep().await.unwrap().devices, 1);
    let event = harness.events().await.pop().unwrap();
    assert_eq!(
        (event.what.as_str(), event.device.as_str(), event.caller.as_str()),
        ("device.expired", late.id.as_str(), "countersign")
    );
    assert_eq!(harness.service.sweep().await.unwrap().devices, 0);
    assert_eq!(client.state("alice", &last.id).await, pb::DeviceState::Active);
    harness.stop().await;
}

#[tokio::test]
async fn enrolling_again_replaces_a_pending_device_of_the_same_name_and_an_expired_one() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let first = client.enroll_totp("alice", "phone", SECRET).await;
    let second = client.enroll_totp("alice", "phone", SECRET).await;
    assert_ne!(first.id, second.id);
    assert_eq!(refused(&client.device("alice", &first.id).await.unwrap_err()), "DEVICE_NOT_FOUND");
    assert_eq!(harness.events_of("alice").await, ["device.enrolled", "device.enrolled", "device.expired"]);
    // One without a name replaces the one before that was not finished either.
    let unnamed = client.enroll_totp("alice", "", OTHER).await;
    assert_eq!(client.enroll_totp("alice", "", OTHER).await.name, unnamed.name);
    harness.clock.advance(QUARTER);
    let third = client.enroll_totp("alice", "phone", SECRET).await;
    assert_eq!(all(&client, "alice").await, ["phone"]);
    assert_eq!(client.device("alice", &third.id).await.unwrap(), third);
    harness.stop().await;
}

#[tokio::test]
async fn the_name_of_a_device_in_use_is_taken() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.active_totp_named("alice", "phone", SECRET, START).await;
    for state in ["active", "suspended"] {
        for setup in [totp_setup(SECRET), hotp_setup(SECRET, 0), codes_setup(3)] {
            let before = harness.dump().await;
            let refusal = client.enroll("alice", "phone", setup).await.unwrap_err();
            assert_eq!(
                (refusal.code(), refused(&refusal)),
                (Code::AlreadyExists, "DEVICE_EXISTS".to_owned())
            );
            assert_eq!(harness.dump().await, before, "{state}");
        }
        client.suspend(&device, true).await;
    }
    assert!(client.enroll("bob", "phone", totp_setup(SECRET)).await.is_ok());
    client.delete(&device).await.unwrap();
    assert!(client.enroll("alice", "phone", totp_setup(SECRET)).await.is_ok());
    harness.stop().await;
}

#[tokio::test]
async fn a_subject_has_at_most_as_many_devices_as_allowed() {
    let policies =
        Policies { default: Policy { devices_per_subject: 3, ..Policy::default() }, ..Policies::default() };
    let harness = Harness::start_with(Wish { policies, ..Wish::default() }).await;
    let client = harness.client().await;
    client.active_totp("alice", SECRET, START).await;
    client.active_hotp("alice", "token", OTHER).await;
    let pending = client.enroll_totp("alice", "pending", &secret_of("pending")).await;
    // An unfinished enrollment makes room, whatever its name.
    let last = client.enroll("alice", "last", hotp_setup(&secret_of("last"), 0)).await.unwrap();
    assert_eq!(refused(&client.device("alice", &pending.id).await.unwrap_err()), "DEVICE_NOT_FOUND");
    client.confirm("alice", &last.device.unwrap().id, &hotp(&secret_of("last"), 0)).await.unwrap();
    let before = harness.dump().await;
    let refusal = client.enroll("alice", "one more", totp_setup(&secret_of("one more"))).await.unwrap_err();
    assert_eq!((refusal.code(), refused(&refusal)), (Code::FailedPrecondition, "DEVICE_LIMIT".to_owned()));
    assert_eq!(refusal.get_details_error_info().unwrap().metadata["limit"], "3");
    assert_eq!(harness.dump().await, before);
    harness.stop().await;
}

#[tokio::test]
async fn of_many_enrollments_at_once_as_many_stay_as_allowed() {
    let policies =
        Policies { default: Policy { devices_per_subject: 5, ..Policy::default() }, ..Policies::default() };
    let harness = Harness::start_with(Wish { policies, ..Wish::default() }).await;
    let client = harness.client().await;
    let names: Vec<String> = (0..12).map(|n| format!("device {n}")).collect();
    let enrolls = names.iter().map(|name| client.enroll("alice", name, totp_setup(&secret_of(name))));
    let answers = futures_util::future::join_all(enrolls).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(all(&client, "alice").await.len(), 5);
    // Of devices in use all count.
    let lists = (0..12).map(|_| client.enroll("bob", "", codes_setup(1)));
    let answers = futures_util::future::join_all(lists).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 5);
    assert_eq!(all(&client, "bob").await.len(), 5);
    harness.stop().await;
}

#[tokio::test]
async fn a_removed_device_is_gone_and_its_code_with_it() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.active_totp("alice", SECRET, START).await;
    client.delete(&device).await.unwrap();
    for refusal in [
        client.delete(&device).await.map(drop),
        client.device("alice", &device.id).await.map(drop),
        client.verify("alice", &device.id, &code(SECRET, START, 1)).await.map(drop),
    ] {
        assert_eq!(refused(&refusal.unwrap_err()), "DEVICE_NOT_FOUND");
    }
    assert_eq!(client.says("alice", "", &code(SECRET, START, 1)).await, "rejected mismatch");
    assert_eq!(harness.events_of("alice").await.iter().filter(|what| *what == "device.deleted").count(), 1);
    harness.stop().await;
}
