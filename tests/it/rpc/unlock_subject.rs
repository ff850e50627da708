//! Attempts without a device id are delayed and never locked, so a stranger who fails locks nobody out. Decisions say when
//! such an attempt is judged again, and `UnlockSubject` clears the delay.

use std::time::Duration;

use countersign::domain::throttle::ThrottlePolicy;
use countersign::env::Clock as _;
use countersign::wire::pb;

use super::throttle::{fail, moment};
use crate::harness::databases::{TestDatabase, on_every_database};
use crate::harness::fixture::{OTHER, SECRET, WRONG};
use crate::harness::{Client, Harness, START, Wish, hotp};

on_every_database!(
    no_number_of_failures_locks_attempts_without_a_device,
    a_stranger_who_fails_without_a_device_delays_no_named_one,
    a_decision_says_when_an_attempt_without_a_device_is_judged_again,
    a_decision_says_when_the_first_of_several_devices_judges_such_an_attempt_again,
    unlocking_clears_the_failures_of_every_device,
    unlocking_a_subject_clears_its_failures_once_and_says_so,
    a_subject_without_a_device_is_unlocked_and_then_forgotten,
);

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn start(database: &TestDatabase) -> (Harness, Client) {
    let harness = Harness::start_on(database, Wish::default()).await;
    let client = harness.client().await;
    (harness, client)
}

async fn no_number_of_failures_locks_attempts_without_a_device(database: TestDatabase) {
    let (harness, client) = start(&database).await;
    let lock_after = ThrottlePolicy::default().lock_after as usize;
    for subject in ["alice", "nobody"] {
        // "nobody" has no device at all while it fails, and enrolls one later.
        if subject == "alice" {
            client.active_hotp(subject, "token", SECRET).await;
        }
        fail(&harness, &client, subject, "", lock_after + 5).await;
        let throttle = client.subject(subject).await.throttle.unwrap();
        assert_eq!((throttle.failure_count, throttle.failures_until_lock), (105, 0));
        // The longest delay is a day.
        assert_eq!(client.says(subject, "", WRONG).await, "rejected mismatch");
        let retry_time = client.subject(subject).await.throttle.unwrap().retry_time;
        assert_eq!(retry_time, Some(moment(harness.clock.now().plus(DAY))));
        if subject == "nobody" {
            // What failed before was no guess at this device.
            client.active_hotp(subject, "token", SECRET).await;
        } else {
            assert_eq!(client.says(subject, "", &hotp(SECRET, 1)).await, "throttled");
            harness.clock.advance(DAY);
        }
        assert_eq!(client.says(subject, "", &hotp(SECRET, 1)).await, "accepted");
        assert_eq!(client.subject(subject).await.throttle.unwrap().failure_count, 0);
    }
    harness.stop().await;
}

async fn a_stranger_who_fails_without_a_device_delays_no_named_one(database: TestDatabase) {
    let (harness, client) = start(&database).await;
    let device = client.active_hotp("alice", "token", SECRET).await;
    for counter in 1..20 {
        fail(&harness, &client, "alice", "", 1).await;
        assert_eq!(client.says("alice", &device.id, &hotp(SECRET, counter)).await, "accepted");
    }
    assert_eq!(client.subject("alice").await.throttle.unwrap().failure_count, 19);
    harness.stop().await;
}

async fn a_decision_says_when_an_attempt_without_a_device_is_judged_again(database: TestDatabase) {
    let (harness, client) = start(&database).await;
    let context = pb::Context { session: "s".to_owned(), ..Default::default() };
    let device = client.active_hotp("alice", "token", SECRET).await;
    client.record(context.clone(), "alice", "password").await.unwrap();
    let decision = async || client.evaluate(context.clone(), "alice", "login").await;
    assert_eq!(decision().await.any_device_retry_time, None);
    client.says("alice", "", WRONG).await;
    let throttled = decision().await;
    assert_eq!(throttled.outcome(), pb::DecisionOutcome::StepUpRequired);
    let Some(pb::step::Step::Device(step)) = &throttled.plans[0].steps[0].step else { panic!("a device") };
    assert_eq!(step.device_ids, std::slice::from_ref(&device.id), "a plan by device id stays");
    let retry = START.plus(Duration::from_secs(1));
    assert_eq!(throttled.any_device_retry_time, Some(moment(retry)));
    // An attempt at exactly this moment is judged.
    harness.clock.set(retry.minus(Duration::from_micros(1)));
    assert_eq!(client.says("alice", "", &hotp(SECRET, 1)).await, "throttled");
    harness.clock.set(retry);
    assert_eq!(decision().await.any_device_retry_time, None);
    client.says("alice", "", WRONG).await;
    // Satisfied by the named device: nothing is left to try.
    client.verify_in(context.clone(), "alice", &device.id, &hotp(SECRET, 1)).await;
    let satisfied = decision().await;
    assert_eq!(satisfied.outcome(), pb::DecisionOutcome::Satisfied);
    assert_eq!(satisfied.any_device_retry_time, None);
    harness.stop().await;
}

/// Six failures without an id, the last of them after a success of the first of two devices.
async fn two_devices(harness: &Harness, client: &Client) -> [pb::Device; 2] {
    let devices =
        [client.active_hotp("alice", "one", SECRET).await, client.active_hotp("alice", "two", OTHER).await];
    fail(harness, client, "alice", "", 5).await;
    assert_eq!(client.says("alice", "", &hotp(SECRET, 1)).await, "accepted");
    assert_eq!(client.says("alice", "", WRONG).await, "rejected mismatch");
    devices
}

async fn a_decision_says_when_the_first_of_several_devices_judges_such_an_attempt_again(
    database: TestDatabase,
) {
    let (harness, client) = start(&database).await;
    two_devices(&harness, &client).await;
    let context = pb::Context { session: "s".to_owned(), ..Default::default() };
    client.record(context.clone(), "alice", "password").await.unwrap();
    let retry = harness.clock.now().plus(Duration::from_secs(1));
    let decision = client.evaluate(context, "alice", "login").await;
    assert_eq!(decision.any_device_retry_time, Some(moment(retry)));
    harness.clock.set(retry.minus(Duration::from_micros(1)));
    for code in [hotp(SECRET, 2), hotp(OTHER, 1)] {
        assert_eq!(client.says("alice", "", &code).await, "throttled");
    }
    harness.clock.set(retry);
    assert_eq!(client.says("alice", "", &hotp(SECRET, 2)).await, "accepted");
    harness.stop().await;
}

async fn unlocking_clears_the_failures_of_every_device(database: TestDatabase) {
    let (harness, client) = start(&database).await;
    let [one, _] = two_devices(&harness, &client).await;
    assert_eq!(unlock(&client, "alice", "").await, 6);
    assert_eq!(client.says("alice", "", &hotp(SECRET, 2)).await, "accepted");
    assert_eq!(client.subject("alice").await.throttle.unwrap().failure_count, 0);
    assert_eq!(database.count("subject WHERE forgiven IS NOT NULL").await, 0);
    fail(&harness, &client, "alice", "", 5).await;
    assert_eq!(client.says("alice", "", &hotp(SECRET, 3)).await, "accepted");
    assert_eq!(database.count("subject WHERE forgiven IS NOT NULL").await, 1);
    client.unlock(&one).await.unwrap();
    assert_eq!(client.subject("alice").await.throttle.unwrap().failure_count, 0);
    assert_eq!(database.count("subject WHERE forgiven IS NOT NULL").await, 0);
    harness.stop().await;
}

/// Unlocks a subject. Gives how many failures were cleared.
async fn unlock(client: &Client, subject: &str, request_id: &str) -> u32 {
    let request = pb::UnlockSubjectRequest { subject: subject.to_owned(), request_id: request_id.to_owned() };
    client.subjects.clone().unlock_subject(request).await.unwrap().into_inner().cleared_failure_count
}

async fn unlocking_a_subject_clears_its_failures_once_and_says_so(database: TestDatabase) {
    let (harness, client) = start(&database).await;
    let device = client.active_hotp("alice", "token", SECRET).await;
    let before = database.count("event").await;
    assert_eq!(unlock(&client, "alice", "").await, 0);
    assert_eq!(database.count("event").await, before, "nothing to clear, nothing to say");
    fail(&harness, &client, "alice", "", 7).await;
    client.says("alice", &device.id, WRONG).await;
    harness.clock.set(START);
    assert_eq!(client.says("alice", "", &hotp(SECRET, 1)).await, "throttled");
    let id = "6a1f2c34-9d57-4c1e-8f60-2b7a1f0c9e11";
    assert_eq!(unlock(&client, "alice", id).await, 7);
    assert_eq!(database.events("subject.unlocked").await, 1);
    assert_eq!(client.failures("alice", &device.id).await, 1, "a device keeps its own");
    client.unlock(&device).await.unwrap();
    assert_eq!(client.says("alice", "", WRONG).await, "rejected mismatch");
    // A retry clears nothing again.
    assert_eq!(unlock(&client, "alice", id).await, 7);
    assert_eq!(client.subject("alice").await.throttle.unwrap().failure_count, 1);
    assert_eq!(unlock(&client, "alice", "").await, 1);
    assert_eq!(client.says("alice", "", &hotp(SECRET, 1)).await, "accepted");
    harness.stop().await;
}

async fn a_subject_without_a_device_is_unlocked_and_then_forgotten(database: TestDatabase) {
    let (harness, client) = start(&database).await;
    fail(&harness, &client, "nobody", "", 30).await;
    assert_eq!(unlock(&client, "nobody", "").await, 30);
    assert_eq!(client.subject("nobody").await.throttle.unwrap(), pb::Throttle::default());
    client.active_hotp("nobody", "token", SECRET).await;
    assert_eq!(client.says("nobody", "", &hotp(SECRET, 1)).await, "accepted");
    fail(&harness, &client, "stranger", "", 1).await;
    assert_eq!(unlock(&client, "stranger", "").await, 1);
    harness.clock.advance(2 * DAY + Duration::from_micros(1));
    assert_eq!(harness.service.sweep().await.unwrap().strangers, 1);
    harness.stop().await;
}
