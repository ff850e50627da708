//! Which failures of attempts without a device id a success forgives, and to which devices.

use std::time::Duration;

use countersign::env::Clock as _;

use super::fan_out::{booked, other};
use super::throttle::{fail, moment};
use crate::harness::answers::said;
use crate::harness::fixture::{OTHER, SECRET, WRONG};
use crate::harness::{Harness, hotp};

#[tokio::test]
async fn a_success_clears_the_failures_of_a_subject_with_one_device_that_can_be_guessed() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let token = other(&client, "alice").await;
    client.list_of_codes("alice", 3).await;
    client.enroll_totp("alice", "pending", SECRET).await;
    fail(&harness, &client, "alice", &token.id, 2).await;
    fail(&harness, &client, "alice", "", 3).await;
    assert_eq!(booked(&client, "alice").await, 3);
    assert_eq!(client.says("alice", "", &hotp(OTHER, 1)).await, "accepted");
    assert_eq!(booked(&client, "alice").await, 0);
    assert_eq!(client.failures("alice", &token.id).await, 0);
    harness.stop().await;
}

#[tokio::test]
async fn a_success_forgives_only_the_device_that_accepted() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let one = client.active_hotp("alice", "one", SECRET).await;
    let two = other(&client, "alice").await;
    fail(&harness, &client, "alice", "", 5).await;
    assert_eq!(client.says("alice", "", &hotp(SECRET, 1)).await, "accepted");
    assert_eq!(booked(&client, "alice").await, 5, "they count against the other device");
    // The other one waits 32 seconds after the sixth failure, which the first one judges.
    assert_eq!(client.says("alice", "", WRONG).await, "rejected mismatch");
    let sixth = harness.clock.now();
    harness.clock.advance(Duration::from_secs(1));
    assert_eq!(client.says("alice", "", &hotp(SECRET, 2)).await, "accepted");
    harness.clock.set(sixth.plus(Duration::from_secs(32)));
    assert_eq!(client.says("alice", "", &hotp(OTHER, 1)).await, "accepted");
    assert_eq!(booked(&client, "alice").await, 0, "both succeeded since the last failure");
    // By its id, a device never waits for those failures.
    fail(&harness, &client, "alice", "", 5).await;
    for (id, code) in [(&one.id, hotp(SECRET, 3)), (&two.id, hotp(OTHER, 2))] {
        assert_eq!(client.says("alice", id, &code).await, "accepted");
    }
    harness.stop().await;
}

#[tokio::test]
async fn a_device_that_is_not_forgiven_is_passed_over_until_its_delay_is_over() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let one = client.active_hotp("alice", "one", SECRET).await;
    other(&client, "alice").await;
    fail(&harness, &client, "alice", "", 5).await;
    assert_eq!(client.says("alice", "", &hotp(SECRET, 1)).await, "accepted");
    fail(&harness, &client, "alice", "", 1).await;
    // The seventh failure: only the first device judges the right code of the other.
    let seventh = harness.clock.now();
    assert_eq!(client.says("alice", "", &hotp(OTHER, 1)).await, "rejected mismatch");
    assert_eq!(booked(&client, "alice").await, 7);
    let delayed_until = async || client.subject("alice").await.throttle.unwrap().retry_time;
    let after = |seconds| Some(moment(seventh.plus(Duration::from_secs(seconds))));
    assert_eq!(delayed_until().await, after(2), "the earliest of both");
    let one = client.device("alice", &one.id).await.unwrap();
    client.suspend(&one, true).await;
    assert_eq!(delayed_until().await, after(64));
    let verdict = client.verify("alice", "", &hotp(OTHER, 1)).await.unwrap().verdict.unwrap();
    assert_eq!((said(Some(&verdict)), verdict.retry_time), ("throttled".to_owned(), after(64)));
    harness.clock.advance(Duration::from_secs(64));
    assert_eq!(client.says("alice", "", &hotp(OTHER, 1)).await, "accepted");
    harness.stop().await;
}

#[tokio::test]
async fn suspended_devices_keep_the_count_and_removed_ones_do_not() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    client.active_hotp("alice", "one", SECRET).await;
    let two = other(&client, "alice").await;
    fail(&harness, &client, "alice", "", 3).await;
    let suspended = client.suspend(&two, true).await;
    assert_eq!(client.says("alice", "", &hotp(SECRET, 1)).await, "accepted");
    assert_eq!(booked(&client, "alice").await, 3);
    let resumed = client.suspend(&suspended, false).await;
    fail(&harness, &client, "alice", "", 2).await;
    assert_eq!(client.says("alice", "", &hotp(SECRET, 2)).await, "accepted");
    assert_eq!(booked(&client, "alice").await, 5);
    client.delete(&resumed).await.unwrap();
    assert_eq!(client.says("alice", "", &hotp(SECRET, 3)).await, "accepted");
    assert_eq!(booked(&client, "alice").await, 0);
    harness.stop().await;
}

#[tokio::test]
async fn a_success_of_any_device_ends_the_delay_of_recovery_codes() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    client.active_hotp("alice", "one", SECRET).await;
    other(&client, "alice").await;
    let (list, codes) = client.list_of_codes("alice", 3).await;
    fail(&harness, &client, "alice", "", 5).await;
    let over = harness.clock.now();
    let fifth = over.minus(Duration::from_secs(16));
    harness.clock.set(fifth);
    assert_eq!(client.says("alice", "", &codes[0]).await, "throttled");
    harness.clock.set(over);
    assert_eq!(client.says("alice", "", &hotp(SECRET, 1)).await, "accepted");
    harness.clock.set(fifth);
    let answer = client.verify("alice", "", &codes[0]).await.unwrap();
    assert_eq!((said(answer.verdict.as_ref()), answer.device.unwrap().id), ("accepted".to_owned(), list.id));
    assert_eq!(booked(&client, "alice").await, 5, "a list forgives no other device");
    assert_eq!(client.says("alice", "", &hotp(OTHER, 1)).await, "rejected mismatch");
    harness.stop().await;
}
