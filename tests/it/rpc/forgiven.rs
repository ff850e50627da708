//! Which failures of attempts without a device id a success forgives, and to which devices.

use std::time::Duration;

use countersign::env::Clock as _;

use super::fan_out::{booked, other};
use super::recovery_codes::chosen;
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
    assert_eq!(booked(&client, "alice").await, 7, "the first device judged that code, too");
    harness.clock.advance(Duration::from_secs(1));
    assert_eq!(client.says("alice", "", &hotp(OTHER, 2)).await, "accepted");
    assert_eq!(booked(&client, "alice").await, 7, "the device that was used last judges first");
    assert_eq!(client.says("alice", &one.id, &hotp(SECRET, 3)).await, "accepted");
    assert_eq!(client.says("alice", "", &hotp(SECRET, 4)).await, "accepted");
    assert_eq!(booked(&client, "alice").await, 0, "both succeeded since the last failure");
    // By its id, a device never waits for those failures.
    fail(&harness, &client, "alice", "", 5).await;
    for (id, code) in [(&one.id, hotp(SECRET, 5)), (&two.id, hotp(OTHER, 3))] {
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

#[tokio::test]
async fn codes_of_another_device_are_guesses_at_one_that_was_used_ahead() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    client.active_hotp("alice", "one", SECRET).await;
    let two = other(&client, "alice").await;
    let now = harness.clock.now();
    // The clock is a day ahead when the second device is used, and is put right.
    harness.clock.advance(Duration::from_secs(24 * 3600));
    assert_eq!(client.says("alice", &two.id, &hotp(OTHER, 1)).await, "accepted");
    harness.clock.set(now);
    // The second device judges first, once; then it is delayed by that guess.
    for counter in 1..=5 {
        assert_eq!(client.says("alice", "", &hotp(SECRET, counter)).await, "accepted");
        assert_eq!(booked(&client, "alice").await, 1, "after code {counter}");
    }
    harness.clock.advance(Duration::from_secs(1));
    assert_eq!(client.says("alice", "", &hotp(SECRET, 6)).await, "accepted");
    assert_eq!(booked(&client, "alice").await, 2);
    harness.stop().await;
}

#[tokio::test]
async fn a_list_with_a_code_that_was_chosen_can_be_guessed() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    client.active_hotp("alice", "one", SECRET).await;
    client.issue(chosen("alice", "open sesame")).await.unwrap();
    // A right code of the token does not forgive guesses at the chosen code.
    for failures in 1..=4 {
        assert_eq!(client.says("alice", "", "open barley").await, "rejected mismatch");
        harness.clock.advance(Duration::from_secs(1));
        assert_eq!(client.says("alice", "", &hotp(SECRET, u64::from(failures))).await, "accepted");
        assert_eq!(booked(&client, "alice").await, failures);
        harness.clock.advance(Duration::from_secs(1 << failures));
    }
    harness.clock.advance(Duration::from_secs(60));
    assert_eq!(client.says("alice", "", "open sesame").await, "accepted");
    harness.stop().await;
}

#[tokio::test]
async fn a_new_device_is_not_delayed_by_failures_from_before() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    client.active_hotp("alice", "one", SECRET).await;
    fail(&harness, &client, "alice", "", 5).await;
    assert_eq!(client.says("alice", "", WRONG).await, "rejected mismatch");
    assert_eq!(client.says("alice", "", &hotp(SECRET, 1)).await, "throttled");
    other(&client, "alice").await;
    assert_eq!(client.says("alice", "", &hotp(OTHER, 1)).await, "accepted");
    harness.stop().await;
}
