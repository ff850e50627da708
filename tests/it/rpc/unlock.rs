//! `UnlockDevice`: an operator clears the failures of a device and of its subject.

use std::time::Duration;

use countersign::domain::throttle::ThrottlePolicy;
use countersign::wire::pb;

use super::throttle::{fail, throttled};
use crate::harness::fixture::{OTHER, SECRET, WRONG};
use crate::harness::{Client, Harness, hotp};

const POLICY: ThrottlePolicy = ThrottlePolicy {
    factor: Duration::from_secs(1),
    max_delay: Duration::from_secs(60),
    subject_max_delay: Duration::from_secs(60),
    lock_after: 3,
};

/// An HOTP device that has failed until it is locked.
async fn locked(harness: &Harness, client: &Client) -> pb::Device {
    let device = client.active_hotp("alice", "token", SECRET).await;
    fail(harness, client, "alice", &device.id, 3).await;
    let device = client.device("alice", &device.id).await.unwrap();
    assert_eq!(device.state(), pb::DeviceState::Locked);
    device
}

#[tokio::test]
async fn a_locked_device_is_opened_and_its_codes_are_as_they_were() {
    let harness = throttled(POLICY).await;
    let client = harness.client().await;
    // Row 17 of django-otp, which can do so for some kinds only.
    let device = locked(&harness, &client).await;
    let open = client.unlock(&device).await.unwrap();
    assert_eq!(open.state(), pb::DeviceState::Active);
    let throttle = open.throttle.unwrap();
    assert_eq!((throttle.failure_count, throttle.retry_time, throttle.failures_until_lock), (0, None, 3));
    let event = harness.events().await.pop().unwrap();
    assert_eq!((event.what.as_str(), &event.device), ("device.unlocked", &device.id));
    assert_eq!((event.details["failures"].as_str(), event.details["subject_failures"].as_str()), ("3", "0"));
    // Unlocking gives no code a second life.
    assert_eq!(client.says("alice", &device.id, &hotp(SECRET, 0)).await, "rejected replayed");
    client.unlock(&device).await.unwrap();
    assert_eq!(client.says("alice", &device.id, &hotp(SECRET, 1)).await, "accepted");
    harness.stop().await;
}

#[tokio::test]
async fn a_throttled_device_and_its_subject_may_be_tried_at_once() {
    let harness = throttled(POLICY).await;
    let client = harness.client().await;
    let device = client.active_hotp("alice", "token", SECRET).await;
    let other = client.active_hotp("alice", "other", OTHER).await;
    for id in [device.id.as_str(), other.id.as_str(), ""] {
        assert_eq!(client.says("alice", id, "12345").await, "rejected malformed");
    }
    assert_eq!(client.says("alice", "", WRONG).await, "rejected mismatch");
    assert_eq!(client.says("alice", &device.id, WRONG).await, "rejected mismatch");
    assert_eq!(client.says("alice", &other.id, WRONG).await, "rejected mismatch");
    client.unlock(&device).await.unwrap();
    assert_eq!(client.subject("alice").await.throttle.unwrap().failure_count, 0);
    assert_eq!(client.failures("alice", &other.id).await, 1, "another device is left as it is");
    assert_eq!(client.says("alice", "", &hotp(SECRET, 1)).await, "accepted");
    harness.stop().await;
}

#[tokio::test]
async fn where_there_is_nothing_to_clear_nothing_is_written() {
    let harness = throttled(POLICY).await;
    let client = harness.client().await;
    let device = client.active_hotp("alice", "token", SECRET).await;
    let before = harness.dump().await;
    assert_eq!(client.unlock(&device).await.unwrap(), device);
    assert_eq!(harness.dump().await, before);
    harness.stop().await;
}

#[tokio::test]
async fn a_suspended_device_stays_suspended() {
    let harness = throttled(POLICY).await;
    let client = harness.client().await;
    let device = locked(&harness, &client).await;
    client.suspend(&device, true).await;
    assert_eq!(client.unlock(&device).await.unwrap().state(), pb::DeviceState::Suspended);
    assert_eq!(client.says("alice", &device.id, &hotp(SECRET, 1)).await, "unavailable");
    assert_eq!(client.suspend(&device, false).await.state(), pb::DeviceState::Active);
    assert_eq!(client.says("alice", &device.id, &hotp(SECRET, 1)).await, "accepted");
    harness.stop().await;
}

#[tokio::test]
async fn a_success_of_another_device_does_not_open_a_locked_one() {
    let harness = throttled(POLICY).await;
    let client = harness.client().await;
    let device = locked(&harness, &client).await;
    let (_, codes) = client.list_of_codes("alice", 3).await;
    assert_eq!(client.says("alice", "", &codes[0]).await, "accepted");
    assert_eq!(client.state("alice", &device.id).await, pb::DeviceState::Locked);
    assert_eq!(client.failures("alice", &device.id).await, 3);
    harness.stop().await;
}

#[tokio::test]
async fn a_new_enrollment_takes_the_place_of_a_locked_device_under_another_name() {
    let harness = throttled(POLICY).await;
    let client = harness.client().await;
    locked(&harness, &client).await;
    let new = client.active_hotp("alice", "new token", OTHER).await;
    assert_eq!(client.says("alice", "", &hotp(OTHER, 1)).await, "accepted");
    assert_eq!(client.says("alice", &new.id, &hotp(OTHER, 2)).await, "accepted");
    harness.stop().await;
}
