//! `VerificationService`: codes of a named device.

use std::time::Duration;

use countersign::domain::moment::Moment;
use countersign::wire::pb;
use countersign::wire::pb::{Outcome, RejectReason};
use tonic::Code;

use super::throttle::moment;
use crate::harness::answers::{refused, said};
use crate::harness::fixture::{Fixture, SECRET, TOKEN, WRONG};
use crate::harness::{Harness, START, code, hotp};

#[tokio::test]
async fn a_code_works_once_and_the_code_that_confirmed_does_not_log_in() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.active_totp("alice", SECRET, START).await;

    let again = client.verify("alice", &device.id, &code(SECRET, START, 0)).await.unwrap();
    let verdict = again.verdict.unwrap();
    assert_eq!(verdict.outcome(), Outcome::Rejected);
    assert_eq!(verdict.reject_reason(), RejectReason::Replayed);

    harness.clock.set(Moment::from_secs(START.secs() + 30));
    let next = code(SECRET, START, 1);
    let first = client.verify("alice", &device.id, &next).await.unwrap();
    assert_eq!(first.verdict.unwrap().outcome(), Outcome::Accepted);
    assert_eq!(first.device.unwrap().throttle.unwrap().failure_count, 0);
    let second = client.verify("alice", &device.id, &next).await.unwrap();
    assert_eq!(second.verdict.unwrap().reject_reason(), RejectReason::Replayed);
    harness.stop().await;
}

#[tokio::test]
async fn a_success_is_on_disk_with_its_event_and_its_time() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    // Rows 31 and 32 of django-otp.
    let device = client.active_totp("alice", SECRET, START).await;
    harness.clock.advance(Duration::from_secs(31));
    let answer = client.verify("alice", &device.id, &code(SECRET, START, 1)).await.unwrap();
    let used = answer.device.unwrap();
    assert_eq!(used.last_used_time, Some(moment(START.plus(Duration::from_secs(31)))));
    assert_eq!((used.create_time, used.confirm_time), (Some(moment(START)), Some(moment(START))));
    let event = harness.events().await.pop().unwrap();
    assert_eq!((event.what.as_str(), event.subject.as_str()), ("proof.accepted", "alice"));
    assert_eq!(
        (event.device, event.caller.as_str(), event.details["kind"].as_str()),
        (device.id, "app", "totp")
    );
    assert_eq!(client.says("alice", &used.id, WRONG).await, "rejected mismatch");
    let event = harness.events().await.pop().unwrap();
    assert_eq!((event.what.as_str(), event.details["reason"].as_str()), ("proof.rejected", "mismatch"));
    let seen = client.device("alice", &used.id).await.unwrap();
    assert_eq!(seen.last_used_time, used.last_used_time, "a failure is no use");
    harness.stop().await;
}

#[tokio::test]
async fn a_totp_code_is_taken_one_step_early_and_late_and_no_older_one_after_it() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    // Rows 2 and 3 of django-otp: tolerance 1; only steps above the last accepted one.
    for (subject, steps, expected) in [
        ("a", &[8][..], &["rejected mismatch"][..]),
        ("b", &[9], &["accepted"]),
        ("c", &[11], &["accepted"]),
        ("d", &[12], &["rejected mismatch"]),
        ("e", &[9, 10, 11], &["accepted", "accepted", "accepted"]),
        ("f", &[11, 10], &["accepted", "rejected replayed"]),
        ("g", &[10, 9], &["accepted", "rejected replayed"]),
    ] {
        harness.clock.set(START);
        let device = client.active_totp(subject, SECRET, START).await;
        harness.clock.set(START.plus(Duration::from_secs(300)));
        for (step, expected) in steps.iter().zip(expected) {
            let answer = client.says(subject, &device.id, &code(SECRET, START, *step)).await;
            assert_eq!(answer, *expected, "{subject}: step {step}");
        }
    }
    harness.stop().await;
}

#[tokio::test]
async fn drift_is_learned_and_never_beyond_its_bound() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    // Row 4 of django-otp, whose drift follows every match without bound.
    let device = client.active_totp("alice", SECRET, START).await;
    let mut step = 0;
    for (now, ahead, expected) in [
        (1, 1, "accepted"),
        (2, 2, "accepted"),
        (3, 3, "rejected mismatch"),
        (6, 2, "accepted"),
        (9, 0, "accepted"),
    ] {
        harness.clock.set(START.plus(Duration::from_secs(30 * now)));
        step = i64::try_from(now).unwrap() + ahead;
        assert_eq!(client.says("alice", &device.id, &code(SECRET, START, step)).await, expected, "at {now}");
    }
    let Some(pb::device::Detail::Totp(totp)) = client.device("alice", &device.id).await.unwrap().detail
    else {
        panic!("no TOTP");
    };
    assert_eq!((totp.drift, totp.last_step), (0, Some(START.secs() / 30 + step)));
    harness.stop().await;
}

#[tokio::test]
async fn an_hotp_code_is_taken_up_to_two_counters_ahead_and_none_that_was_passed() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    // Row 5 of django-otp.
    let device = client.active_hotp("alice", "token", SECRET).await;
    for (counter, expected) in [
        (4, "rejected mismatch"),
        (3, "accepted"),
        (3, "rejected replayed"),
        (2, "rejected mismatch"),
        (7, "rejected mismatch"),
        (6, "accepted"),
        (7, "accepted"),
    ] {
        assert_eq!(client.says("alice", &device.id, &hotp(SECRET, counter)).await, expected, "{counter}");
        client.unlock(&device).await.unwrap();
    }
    harness.stop().await;
}

#[tokio::test]
async fn each_case_is_answered_as_the_design_says() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let fixture = Fixture::new(&client, "alice").await;
    let next = hotp(TOKEN, 2);
    let refusal = client.verify("alice", "nobody's", &next).await.unwrap_err();
    assert_eq!((refusal.code(), refused(&refusal)), (Code::NotFound, "DEVICE_NOT_FOUND".to_owned()));
    let refusal = client.verify("nobody", &fixture.hotp.id, &next).await.unwrap_err();
    assert_eq!((refusal.code(), refused(&refusal)), (Code::NotFound, "DEVICE_NOT_FOUND".to_owned()));
    let refusal = client.verify("alice", &fixture.pending.id, &next).await.unwrap_err();
    assert_eq!((refusal.code(), refused(&refusal)), (Code::FailedPrecondition, "DEVICE_STATE".to_owned()));

    for (device, code, expected) in [
        (&fixture.hotp, next.as_str(), "accepted"),
        (&fixture.hotp, WRONG, "rejected mismatch"),
        (&fixture.hotp, WRONG, "throttled"),
        (&fixture.hotp, "not a code", "rejected malformed"),
        (&fixture.list, &next, "rejected malformed"),
        (&fixture.totp, &fixture.codes[0], "rejected malformed"),
    ] {
        let answer = client.verify("alice", &device.id, code).await.unwrap();
        assert_eq!(said(answer.verdict.as_ref()), expected);
        assert_eq!(answer.device.unwrap().id, device.id, "the device that was named is in the answer");
        let retry_time = answer.verdict.unwrap().retry_time;
        let later = Some(moment(START.plus(Duration::from_secs(1))));
        let delays = ["rejected mismatch", "throttled"].contains(&expected);
        assert_eq!(retry_time, if delays { later } else { None }, "{expected}");
    }
    client.suspend(&fixture.hotp, true).await;
    assert_eq!(client.says("alice", &fixture.hotp.id, &next).await, "unavailable");
    harness.stop().await;
}

#[tokio::test]
async fn one_code_200_times_at_once_is_accepted_once() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let unix = harness.unix_client().await;
    // Row 24 of django-otp, with ten threads.
    let device = client.active_hotp("alice", "token", SECRET).await;
    for counter in 1..=3 {
        let code = hotp(SECRET, counter);
        let id = if counter == 2 { "" } else { device.id.as_str() };
        let tries = (0..200).map(|n| if n % 2 == 0 { &client } else { &unix }.verify("alice", id, &code));
        let answers = futures_util::future::join_all(tries).await;
        let said = answers.iter().map(|answer| said(answer.as_ref().unwrap().verdict.as_ref()));
        assert_eq!(said.filter(|said| said == "accepted").count(), 1, "round {counter}");
        client.unlock(&device).await.unwrap();
    }
    harness.stop().await;
}

#[tokio::test]
async fn a_clock_that_was_a_year_ahead_for_a_while_locks_nobody_out() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.active_totp("alice", SECRET, START).await;
    harness.clock.set(START.plus(Duration::from_secs(365 * 86_400)));
    // The user's own clock is right: its codes are wrong here, and counted.
    for id in ["", device.id.as_str()] {
        assert_eq!(client.says("alice", id, &code(SECRET, START, 1)).await, "rejected mismatch");
        assert_eq!(client.says("alice", id, &code(SECRET, START, 1)).await, "throttled");
    }
    harness.clock.set(START.plus(Duration::from_secs(30)));
    assert_eq!(client.says("alice", "", &code(SECRET, START, 1)).await, "accepted");
    assert_eq!(client.says("alice", &device.id, &code(SECRET, START, 2)).await, "accepted");
    harness.stop().await;
}
