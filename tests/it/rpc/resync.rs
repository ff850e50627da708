//! `ResyncDevice`: a device that lost step is found again from consecutive codes (RFC 4226, 7.4).

use std::time::Duration;

use countersign::domain::throttle::ThrottlePolicy;
use countersign::wire::pb;
use tonic_types::StatusExt as _;

use super::throttle::{fail, throttled};
use crate::harness::answers::{refused, said};
use crate::harness::fixture::{OTHER, SECRET, WRONG};
use crate::harness::{Client, Harness, START, code, hotp};

/// What is said of the codes of those counters.
async fn found(client: &Client, device: &pb::Device, counters: &[u64]) -> String {
    let codes: Vec<String> = counters.iter().map(|counter| hotp(SECRET, *counter)).collect();
    said(client.resync(device, &codes).await.unwrap().verdict.as_ref())
}

/// What is said of the codes of those steps after [`START`].
async fn found_at(client: &Client, device: &pb::Device, steps: &[i64]) -> String {
    let codes: Vec<String> = steps.iter().map(|step| code(SECRET, START, *step)).collect();
    said(client.resync(device, &codes).await.unwrap().verdict.as_ref())
}

fn counter(device: &pb::Device) -> u64 {
    let Some(pb::device::Detail::Hotp(hotp)) = &device.detail else { panic!("no HOTP") };
    hotp.counter
}

#[tokio::test]
async fn a_token_that_ran_ahead_is_found_within_100_counters() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    // Row 6 of django-otp, which has no such thing.
    let device = client.active_hotp("alice", "token", SECRET).await;
    assert_eq!(client.says("alice", &device.id, &hotp(SECRET, 60)).await, "rejected mismatch");
    harness.clock.advance(Duration::from_secs(1));
    let codes = [hotp(SECRET, 60), hotp(SECRET, 61)];
    let answer = client.resync(&device, &codes).await.unwrap();
    assert_eq!(said(answer.verdict.as_ref()), "accepted");
    let after = answer.device.unwrap();
    assert_eq!((counter(&after), after.throttle.unwrap().failure_count), (62, 0));
    let events = harness.events_of("alice").await;
    assert_eq!(events[events.len() - 2..], ["proof.accepted", "device.resynced"]);
    // Three as well, at the far end: the first code may be 100 ahead.
    assert_eq!(found(&client, &device, &[163, 164, 165]).await, "rejected mismatch");
    harness.clock.advance(Duration::from_secs(1));
    assert_eq!(found(&client, &device, &[162, 163, 164]).await, "accepted");
    assert_eq!(client.says("alice", &device.id, &hotp(SECRET, 165)).await, "accepted");
    harness.stop().await;
}

#[tokio::test]
async fn codes_must_be_consecutive_in_order_and_ahead() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.active_hotp("alice", "token", SECRET).await;
    assert_eq!(found(&client, &device, &[10, 11]).await, "accepted");
    for counters in
        [&[20, 22][..], &[21, 20], &[20, 20], &[20, 21, 23], &[10, 11], &[8, 9], &[11, 12], &[3, 4, 5]]
    {
        let said = found(&client, &device, counters).await;
        assert!(said == "rejected mismatch" || said == "rejected replayed", "{counters:?}: {said}");
        client.unlock(&device).await.unwrap();
    }
    let unchanged = client.device("alice", &device.id).await.unwrap();
    assert_eq!(counter(&unchanged), 12);
    harness.stop().await;
}

#[tokio::test]
async fn it_is_counted_throttled_and_locked_like_a_login() {
    let harness = throttled(ThrottlePolicy { lock_after: 3, ..ThrottlePolicy::default() }).await;
    let client = harness.client().await;
    let device = client.active_hotp("alice", "token", SECRET).await;
    assert_eq!(found(&client, &device, &[20, 22]).await, "rejected mismatch");
    assert_eq!(client.failures("alice", &device.id).await, 1);
    let before = harness.dump().await;
    assert_eq!(found(&client, &device, &[20, 21]).await, "throttled");
    assert_eq!(client.says("alice", &device.id, &hotp(SECRET, 1)).await, "throttled");
    assert_eq!(harness.dump().await, before);
    harness.clock.advance(Duration::from_secs(1));
    fail(&harness, &client, "alice", &device.id, 1).await;
    assert_eq!(found(&client, &device, &[20, 22]).await, "rejected mismatch");
    assert_eq!(client.state("alice", &device.id).await, pb::DeviceState::Locked);
    harness.clock.advance(Duration::from_secs(86_400));
    assert_eq!(found(&client, &device, &[20, 21]).await, "unavailable");
    harness.stop().await;
}

#[tokio::test]
async fn malformed_codes_are_not_counted() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.active_hotp("alice", "token", SECRET).await;
    let before = harness.dump().await;
    for codes in [["12345", "123456"], ["123456", "+123456"], ["1234567", "12345678"], ["x", "y"]] {
        let answer = client.resync(&device, &codes.map(str::to_owned)).await.unwrap();
        assert_eq!(said(answer.verdict.as_ref()), "rejected malformed");
    }
    for count in [0, 1, 4, 100] {
        let codes = vec![WRONG.to_owned(); count];
        assert_eq!(refused(&client.resync(&device, &codes).await.unwrap_err()), "INVALID_REQUEST codes");
    }
    assert_eq!(harness.dump().await, before);
    let spaced = [hotp(SECRET, 7), hotp(SECRET, 8)].map(|code| format!("{} {}", &code[..3], &code[3..]));
    assert_eq!(said(client.resync(&device, &spaced).await.unwrap().verdict.as_ref()), "accepted");
    harness.stop().await;
}

#[tokio::test]
async fn an_app_whose_clock_is_ahead_is_found_within_20_steps_and_its_drift_is_kept() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.active_totp("alice", SECRET, START).await;
    assert_eq!(found_at(&client, &device, &[21, 22]).await, "rejected mismatch");
    client.unlock(&device).await.unwrap();
    assert_eq!(found_at(&client, &device, &[10, 11]).await, "accepted");
    let Some(pb::device::Detail::Totp(totp)) = client.device("alice", &device.id).await.unwrap().detail
    else {
        panic!("no TOTP");
    };
    assert_eq!((totp.drift, totp.last_step), (11, Some(START.secs() / 30 + 11)));
    assert_eq!(client.says("alice", &device.id, &code(SECRET, START, 11)).await, "rejected replayed");
    client.unlock(&device).await.unwrap();
    harness.clock.advance(Duration::from_secs(30));
    assert_eq!(client.says("alice", &device.id, &code(SECRET, START, 12)).await, "accepted");
    harness.stop().await;
}

#[tokio::test]
async fn codes_of_an_app_that_have_expired_bring_nothing_back() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.active_totp("alice", SECRET, START).await;
    harness.clock.advance(Duration::from_secs(600));
    for steps in [&[1, 2][..], &[5, 6, 7], &[15, 16], &[17, 18]] {
        let said = found_at(&client, &device, steps).await;
        assert_eq!(said, "rejected mismatch", "{steps:?}");
        client.unlock(&device).await.unwrap();
    }
    assert_eq!(found_at(&client, &device, &[18, 19]).await, "accepted", "the last of them is alive");
    harness.stop().await;
}

#[tokio::test]
async fn only_an_active_device_with_a_step_can_be_found_again() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let before_all = [hotp(SECRET, 7), hotp(SECRET, 8)];
    let (list, codes) = client.list_of_codes("alice", 3).await;
    let refusal = client.resync(&list, &codes[..2]).await.unwrap_err();
    assert_eq!(refused(&refusal), "DEVICE_KIND");
    assert_eq!(refusal.get_details_error_info().unwrap().metadata["kind"], "recovery_codes");
    let pending = client.enroll_totp("alice", "phone", OTHER).await;
    let refusal = client.resync(&pending, &before_all).await.unwrap_err();
    assert_eq!(refused(&refusal), "DEVICE_STATE");
    let token = client.active_hotp("alice", "token", SECRET).await;
    client.suspend(&token, true).await;
    assert_eq!(found(&client, &token, &[7, 8]).await, "unavailable");
    client.suspend(&token, false).await;
    assert_eq!(found(&client, &token, &[7, 8]).await, "accepted");
    assert_eq!(client.says("alice", &list.id, &codes[0]).await, "accepted", "nothing was used up");
    harness.stop().await;
}

#[tokio::test]
async fn resyncing_50_times_at_once_accepts_once() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.active_hotp("alice", "token", SECRET).await;
    let codes = [hotp(SECRET, 7), hotp(SECRET, 8)];
    let answers = futures_util::future::join_all((0..50).map(|_| client.resync(&device, &codes))).await;
    let accepted = answers.iter().map(|answer| said(answer.as_ref().unwrap().verdict.as_ref()));
    assert_eq!(accepted.filter(|said| said == "accepted").count(), 1);
    harness.stop().await;
}
