//! How fast a device may be tried, and until when.

use std::time::Duration;

use countersign::domain::moment::Moment;
use countersign::domain::policy::{Policies, Policy};
use countersign::domain::throttle::ThrottlePolicy;
use countersign::env::Clock as _;
use countersign::wire::pb;

use crate::harness::answers::said;
use crate::harness::fixture::{SECRET, WRONG};
use crate::harness::{Client, Harness, START, Wish, code, hotp};

/// A server whose devices are throttled so.
pub(super) async fn throttled(throttle: ThrottlePolicy) -> Harness {
    let policies = Policies { default: Policy { throttle, ..Policy::default() }, ..Policies::default() };
    Harness::start_with(Wish { policies, ..Wish::default() }).await
}

/// A moment as a message has it.
pub(super) fn moment(at: Moment) -> prost_types::Timestamp {
    let nanos = i32::try_from(at.micros().rem_euclid(1_000_000) * 1000).unwrap();
    prost_types::Timestamp { seconds: at.secs(), nanos }
}

/// Fails so many times, each at the first moment at which a code is looked at.
pub(super) async fn fail(harness: &Harness, client: &Client, subject: &str, device: &str, times: usize) {
    for _ in 0..times {
        let verdict = client.verify(subject, device, WRONG).await.unwrap().verdict.unwrap();
        assert_eq!(verdict.outcome(), pb::Outcome::Rejected);
        if let Some(at) = verdict.retry_time {
            harness.clock.set(Moment::from_micros(at.seconds * 1_000_000 + i64::from(at.nanos) / 1000));
        }
    }
}

#[tokio::test]
async fn the_delays_double_up_to_an_hour_and_the_device_locks_after_100() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.active_hotp("alice", "token", SECRET).await;
    for failures in 1..=100 {
        let now = harness.clock.now();
        let answer = client.verify("alice", &device.id, WRONG).await.unwrap();
        let (verdict, device) = (answer.verdict.unwrap(), answer.device.unwrap());
        let throttle = device.throttle.unwrap();
        assert_eq!((throttle.failure_count, throttle.failures_until_lock), (failures, 100 - failures));
        let delay = Duration::from_secs(if failures < 13 { 1 << (failures - 1) } else { 3600 });
        assert_eq!(verdict.retry_time, Some(moment(now.plus(delay))), "after {failures}");
        assert_eq!(throttle.retry_time, verdict.retry_time);
        harness.clock.set(now.plus(delay));
    }
    assert_eq!(client.state("alice", &device.id).await, pb::DeviceState::Locked);
    // The 101st right code is refused, whenever.
    for wait in [Duration::ZERO, Duration::from_secs(3600), Duration::from_secs(366 * 24 * 3600)] {
        harness.clock.advance(wait);
        assert_eq!(client.says("alice", &device.id, &hotp(SECRET, 1)).await, "unavailable");
        assert_eq!(client.says("alice", "", &hotp(SECRET, 1)).await, "unavailable");
    }
    let events = harness.events_of("alice").await;
    assert_eq!(events.iter().filter(|what| *what == "proof.rejected").count(), 100);
    assert_eq!(events.last().unwrap(), "device.locked");
    harness.stop().await;
}

#[tokio::test]
async fn a_code_is_looked_at_at_the_very_end_of_the_delay_and_not_before() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.active_hotp("alice", "token", SECRET).await;
    // Rows 14 and 15 of django-otp.
    for failures in 1..8 {
        assert_eq!(client.says("alice", &device.id, WRONG).await, "rejected mismatch");
        let delay = Duration::from_secs(1 << (failures - 1));
        let end = harness.clock.now().plus(delay);
        let before = harness.dump().await;
        harness.clock.set(end.minus(Duration::from_micros(1)));
        for code in [hotp(SECRET, 1).as_str(), WRONG, WRONG] {
            let answer = client.verify("alice", &device.id, code).await.unwrap();
            assert_eq!(said(answer.verdict.as_ref()), "throttled");
            assert_eq!(answer.verdict.unwrap().retry_time, Some(moment(end)));
        }
        assert_eq!(harness.dump().await, before, "too soon is not counted and moves nothing");
        harness.clock.set(end);
    }
    assert_eq!(client.says("alice", &device.id, &hotp(SECRET, 1)).await, "accepted");
    assert_eq!(client.failures("alice", &device.id).await, 0);
    harness.stop().await;
}

#[tokio::test]
async fn with_a_factor_of_zero_there_is_no_delay_and_failures_are_still_counted() {
    // Row 16 of django-otp; and its ten bad tokens, which count ten here and one with a factor of 1 s.
    let harness =
        throttled(ThrottlePolicy { factor: Duration::ZERO, lock_after: 12, ..ThrottlePolicy::default() })
            .await;
    let client = harness.client().await;
    let device = client.active_hotp("alice", "token", SECRET).await;
    let tries = (0..10).map(|_| client.verify("alice", &device.id, WRONG));
    for answer in futures_util::future::join_all(tries).await {
        let verdict = answer.unwrap().verdict;
        assert_eq!(said(verdict.as_ref()), "rejected mismatch");
        assert_eq!(verdict.unwrap().retry_time, None);
    }
    assert_eq!(client.failures("alice", &device.id).await, 10);
    fail(&harness, &client, "alice", &device.id, 2).await;
    assert_eq!(client.state("alice", &device.id).await, pb::DeviceState::Locked);
    harness.stop().await;
}

#[tokio::test]
async fn ten_wrong_codes_at_once_are_one_failure() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.active_hotp("alice", "token", SECRET).await;
    let tries = (0..10).map(|_| client.verify("alice", &device.id, WRONG));
    let answers = futures_util::future::join_all(tries).await;
    let mut said: Vec<String> = answers.into_iter().map(|a| said(a.unwrap().verdict.as_ref())).collect();
    said.sort_unstable();
    assert_eq!(said[0], "rejected mismatch");
    assert!(said[1..].iter().all(|said| said == "throttled"), "{said:?}");
    assert_eq!(client.failures("alice", &device.id).await, 1);
    harness.stop().await;
}

#[tokio::test]
async fn only_a_devices_own_success_clears_its_failures() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    // Row 17 of django-otp.
    let one = client.active_hotp("alice", "one", SECRET).await;
    let two = client.active_hotp("alice", "two", b"abcdefghijklmnopqrst").await;
    fail(&harness, &client, "alice", &one.id, 3).await;
    fail(&harness, &client, "alice", &two.id, 2).await;
    harness.clock.advance(Duration::from_secs(60));
    assert_eq!(client.says("alice", &two.id, &hotp(b"abcdefghijklmnopqrst", 1)).await, "accepted");
    assert_eq!(client.failures("alice", &one.id).await, 3);
    assert_eq!(client.failures("alice", &two.id).await, 0);
    harness.stop().await;
}

#[tokio::test]
async fn what_is_malformed_is_not_counted_even_while_throttled() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.active_hotp("alice", "token", SECRET).await;
    fail(&harness, &client, "alice", &device.id, 1).await;
    client.says("alice", &device.id, WRONG).await;
    let before = harness.dump().await;
    for code in ["12345", "1234567", "+12345", "12345a"] {
        assert_eq!(client.says("alice", &device.id, code).await, "rejected malformed");
    }
    assert_eq!(client.says("alice", &device.id, WRONG).await, "throttled");
    assert_eq!(harness.dump().await, before);
    harness.stop().await;
}

#[tokio::test]
async fn a_throttle_survives_a_year_of_the_clocks_being_ahead() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let year = Duration::from_secs(365 * 24 * 3600);
    let device = client.active_hotp("alice", "token", SECRET).await;
    // A failure and a success are booked a year ahead; then the clock comes back.
    harness.clock.set(START.plus(year));
    fail(&harness, &client, "alice", &device.id, 5).await;
    harness.clock.set(START.plus(Duration::from_secs(60)));
    assert_eq!(client.says("alice", &device.id, &hotp(SECRET, 1)).await, "accepted");
    harness.stop().await;
}

#[tokio::test]
async fn a_clock_that_steps_back_does_not_open_a_throttled_device() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.active_hotp("alice", "token", SECRET).await;
    fail(&harness, &client, "alice", &device.id, 5).await;
    assert_eq!(client.says("alice", &device.id, WRONG).await, "rejected mismatch");
    let at = harness.clock.now();
    for back in [1, 60, 3600] {
        harness.clock.set(at.minus(Duration::from_secs(back)));
        assert_eq!(client.says("alice", &device.id, &hotp(SECRET, 1)).await, "throttled", "{back} s back");
    }
    harness.stop().await;
}

#[tokio::test]
async fn a_used_totp_code_stays_used_when_the_clock_steps_back() {
    // No back-off, so that every code is judged. Unlocking instead would also set the device back.
    let harness = throttled(ThrottlePolicy { factor: Duration::ZERO, ..ThrottlePolicy::default() }).await;
    let client = harness.client().await;
    let device = client.active_totp("alice", SECRET, START).await;
    harness.clock.advance(Duration::from_secs(30));
    let used = code(SECRET, START, 1);
    assert_eq!(client.says("alice", &device.id, &used).await, "accepted");
    for (back, answer) in
        [(1, "rejected replayed"), (60, "rejected replayed"), (24 * 3600, "rejected replayed")]
    {
        harness.clock.set(START.plus(Duration::from_secs(30)).minus(Duration::from_secs(back)));
        assert_eq!(client.says("alice", &device.id, &used).await, answer, "{back} s back");
        // Nor is any older one accepted that fits the clock now.
        let older = code(SECRET, harness.clock.now(), 0);
        assert_ne!(client.says("alice", &device.id, &older).await, "accepted");
    }
    // After an operator has unlocked the device, current codes are accepted, and used ones are not.
    client.unlock(&device).await.unwrap();
    assert_eq!(client.says("alice", &device.id, &code(SECRET, harness.clock.now(), 0)).await, "accepted");
    harness.clock.set(START.plus(Duration::from_secs(30)));
    assert_eq!(client.says("alice", &device.id, &used).await, "rejected replayed");
    harness.stop().await;
}
