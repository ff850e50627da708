//! `ConfirmDevice`: the proof is judged, throttled and used up like a login.

use std::time::Duration;

use countersign::wire::pb;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::throttle::moment;
use crate::harness::answers::{refused, said};
use crate::harness::fixture::{SECRET, WRONG};
use crate::harness::{Client, Harness, START, code, hotp};

async fn says(client: &Client, device: &pb::Device, code: &str) -> String {
    said(client.confirm(&device.subject, &device.id, code).await.unwrap().verdict.as_ref())
}

#[tokio::test]
async fn a_pending_device_proves_nothing_until_it_is_confirmed() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    // Row 18 of django-otp, which lets unconfirmed devices verify.
    let device = client.enroll_totp("alice", "phone", SECRET).await;
    let before = harness.dump().await;
    let refusal = client.verify("alice", &device.id, &code(SECRET, START, 0)).await.unwrap_err();
    assert_eq!((refusal.code(), refused(&refusal)), (Code::FailedPrecondition, "DEVICE_STATE".to_owned()));
    assert_eq!(refusal.get_details_error_info().unwrap().metadata["state"], "pending");
    assert_eq!(harness.dump().await, before);
    assert!(!client.subject("alice").await.has_active_device);

    let confirmed = client.confirm("alice", &device.id, &code(SECRET, START, 0)).await.unwrap();
    assert_eq!(said(confirmed.verdict.as_ref()), "accepted");
    let now = confirmed.device.unwrap();
    assert_eq!(now.state(), pb::DeviceState::Active);
    assert_eq!((now.confirm_time, now.last_used_time), (Some(moment(START)), Some(moment(START))));
    assert_eq!(now.expire_time, None);
    assert!(client.subject("alice").await.has_active_device);
    assert_eq!(client.says("alice", &device.id, &code(SECRET, START, 0)).await, "rejected replayed");
    let events = harness.events_of("alice").await;
    assert_eq!(events[..3], ["device.enrolled", "proof.accepted", "device.confirmed"]);
    harness.stop().await;
}

#[tokio::test]
async fn wrong_codes_are_counted_and_throttled_and_the_right_one_clears_them() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.enroll_totp("alice", "phone", SECRET).await;
    assert_eq!(says(&client, &device, WRONG).await, "rejected mismatch");
    assert_eq!(says(&client, &device, &code(SECRET, START, 0)).await, "throttled");
    assert_eq!(says(&client, &device, "12345").await, "rejected malformed");
    harness.clock.advance(Duration::from_secs(1));
    assert_eq!(says(&client, &device, WRONG).await, "rejected mismatch");
    assert_eq!(client.failures("alice", &device.id).await, 2);
    harness.clock.advance(Duration::from_micros(1_999_999));
    assert_eq!(says(&client, &device, &code(SECRET, START, 0)).await, "throttled");
    harness.clock.advance(Duration::from_micros(1));
    assert_eq!(says(&client, &device, &code(SECRET, START, 0)).await, "accepted");
    assert_eq!(client.failures("alice", &device.id).await, 0);
    harness.stop().await;
}

#[tokio::test]
async fn a_device_is_confirmed_once() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.active_hotp("alice", "token", SECRET).await;
    let (list, codes) = client.list_of_codes("alice", 3).await;
    assert_eq!(list.state(), pb::DeviceState::Active);
    assert_eq!((list.confirm_time, list.expire_time), (Some(moment(START)), None));
    let before = harness.dump().await;
    for (id, code) in [(&device.id, &hotp(SECRET, 1)), (&list.id, &codes[0])] {
        let refusal = client.confirm("alice", id, code).await.unwrap_err();
        assert_eq!(refused(&refusal), "DEVICE_STATE");
        assert_eq!(refusal.get_details_error_info().unwrap().metadata["state"], "active");
    }
    assert_eq!(harness.dump().await, before, "nothing is used up");
    assert_eq!(client.says("alice", &device.id, &hotp(SECRET, 1)).await, "accepted");
    assert_eq!(client.says("alice", &list.id, &codes[0]).await, "accepted");
    harness.stop().await;
}

#[tokio::test]
async fn confirming_50_times_at_once_accepts_once() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.enroll_totp("alice", "phone", SECRET).await;
    let now = code(SECRET, START, 0);
    let answers =
        futures_util::future::join_all((0..50).map(|_| client.confirm("alice", &device.id, &now))).await;
    let accepted =
        answers.iter().flatten().filter(|answer| said(answer.verdict.as_ref()) == "accepted").count();
    assert_eq!(accepted, 1);
    let refused = answers.iter().filter_map(|answer| answer.as_ref().err()).map(refused);
    assert!(refused.collect::<Vec<_>>().iter().all(|refused| refused == "DEVICE_STATE"));
    let events = harness.events_of("alice").await;
    assert_eq!(events.iter().filter(|what| *what == "device.confirmed").count(), 1);
    harness.stop().await;
}
