//! A code without the name of a device.

use std::time::Duration;

use countersign::domain::throttle::ThrottlePolicy;
use countersign::env::Clock as _;
use countersign::wire::pb;

use super::throttle::{fail, throttled};
use crate::harness::answers::said;
use crate::harness::assurance::session;
use crate::harness::fixture::{Fixture, OTHER, SECRET, WRONG};
use crate::harness::{Client, Harness, START, code, hotp, proof};

/// A device with another secret than the others.
pub(super) async fn other(client: &Client, subject: &str) -> pb::Device {
    client.active_hotp(subject, "other", OTHER).await
}

/// The failures booked on a subject.
pub(super) async fn booked(client: &Client, subject: &str) -> u32 {
    client.subject(subject).await.throttle.unwrap().failure_count
}

/// An answer with all that could tell one subject from another.
async fn shape(client: &Client, subject: &str, code: &str) -> String {
    format!("{:?}", client.verify(subject, "", code).await.unwrap())
}

#[tokio::test]
async fn a_code_of_any_device_is_accepted_and_the_answer_says_of_which() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let fixture = Fixture::new(&client, "alice").await;
    let other = other(&client, "alice").await;
    for (code, id) in [
        (code(SECRET, START, 1), &fixture.totp.id),
        (hotp(OTHER, 1), &other.id),
        (fixture.codes[1].clone(), &fixture.list.id),
        (fixture.codes[0].to_uppercase().replace('-', " "), &fixture.list.id),
    ] {
        let answer = client.verify("alice", "", &code).await.unwrap();
        assert_eq!(said(answer.verdict.as_ref()), "accepted");
        assert_eq!(answer.device.unwrap().id, *id);
        // Once.
        assert_ne!(client.says("alice", "", &code).await, "accepted");
        client.unlock(&fixture.totp).await.unwrap();
    }
    harness.stop().await;
}

#[tokio::test]
async fn a_failure_is_booked_once_on_the_subject_and_on_no_device() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    // Row 22 of django-otp, which books one on each device.
    let fixture = Fixture::new(&client, "alice").await;
    let before: Vec<String> =
        harness.dump().await.into_iter().filter(|row| row.starts_with("device")).collect();
    let events = harness.events().await.len();
    let answer = client.verify("alice", "", WRONG).await.unwrap();
    assert_eq!(said(answer.verdict.as_ref()), "rejected mismatch");
    assert_eq!(answer.device, None);
    let after: Vec<String> =
        harness.dump().await.into_iter().filter(|row| row.starts_with("device")).collect();
    assert_eq!(after, before);
    assert_eq!(booked(&client, "alice").await, 1);
    let told = harness.events().await.split_off(events);
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].what.as_str(), told[0].device.as_str()), ("proof.rejected", ""));
    assert_eq!((told[0].details["reason"].as_str(), told[0].details["failures"].as_str()), ("mismatch", "1"));
    // The subject's back-off holds for such attempts, and for no others.
    assert_eq!(client.says("alice", "", &code(SECRET, START, 1)).await, "throttled");
    assert_eq!(client.says("alice", &fixture.totp.id, &code(SECRET, START, 1)).await, "accepted");
    assert_eq!(booked(&client, "alice").await, 1, "a device's own success is not the subject's");
    harness.stop().await;
}

/// The code of [`SECRET`] and of [`COLLIDES`] for counter 1.
const OF_BOTH: &str = "287082";
const COLLIDES: &[u8] = b"collides000001718915";

/// A preferred token, and a token that was used after it.
async fn preferred_and_recent(harness: &Harness, client: &Client) -> [pb::Device; 2] {
    let preferred = client.active_hotp("alice", "preferred", SECRET).await;
    let to = pb::UpdateDeviceRequest { preferred: true, ..Default::default() };
    let preferred = client.update(&preferred, &["preferred"], to).await.unwrap();
    harness.clock.advance(Duration::from_secs(1));
    let recent = client.active_hotp("alice", "recent", COLLIDES).await;
    assert_eq!([hotp(SECRET, 1), hotp(COLLIDES, 1)], [OF_BOTH, OF_BOTH]);
    [preferred, recent]
}

#[tokio::test]
async fn a_code_of_the_last_used_device_is_no_guess_at_another() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let [preferred, recent] = preferred_and_recent(&harness, &client).await;
    let answer = client.verify("alice", "", OF_BOTH).await.unwrap();
    assert_eq!(said(answer.verdict.as_ref()), "accepted");
    assert_eq!(answer.device.unwrap().id, recent.id);
    // Nor is it when it is offered again.
    assert_eq!(client.says("alice", "", OF_BOTH).await, "rejected replayed");
    assert_eq!(client.says("alice", &preferred.id, OF_BOTH).await, "accepted");
    harness.stop().await;
}

#[tokio::test]
async fn a_form_submitted_twice_is_counted_if_another_device_judged_it_first() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let [preferred, recent] = preferred_and_recent(&harness, &client).await;
    let code = hotp(COLLIDES, 2);
    let form = pb::VerifyRequest {
        subject: "alice".to_owned(),
        proof: Some(proof(&code)),
        context: Some(session("here")),
        ..Default::default()
    };
    let submit = async || {
        let answer: pb::VerifyResponse = client.send("VerificationService/Verify", &form).await.unwrap();
        said(answer.verdict.as_ref())
    };
    assert_eq!(submit().await, "accepted");
    assert_eq!(submit().await, "rejected replayed");
    assert_eq!(booked(&client, "alice").await, 0);
    harness.clock.advance(Duration::from_secs(1));
    assert_eq!(client.says("alice", &preferred.id, OF_BOTH).await, "accepted");
    assert_eq!(submit().await, "rejected replayed");
    assert_eq!(booked(&client, "alice").await, 1);
    assert_eq!(client.says("alice", &recent.id, &code).await, "rejected replayed");
    harness.stop().await;
}

#[tokio::test]
async fn a_subject_that_was_never_seen_answers_like_one_whose_devices_do_not_match() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    client.active_totp("alice", SECRET, START).await;
    // Malformed, wrong, too soon; each delay, and each of its ends.
    for round in 0..14 {
        for code in ["12", "1234567890", "not-a-code", WRONG, "fmnp-0123-4567-89ab", WRONG, "1 2"] {
            let (seen, never) = (shape(&client, "alice", code).await, shape(&client, "nobody", code).await);
            assert_eq!(seen, never, "{code} in round {round}");
        }
        let (alice, nobody) = (client.subject("alice").await, client.subject("nobody").await);
        assert_eq!(alice.throttle, nobody.throttle);
        harness.clock.advance(Duration::from_secs(1 << round));
    }
    assert_eq!(booked(&client, "nobody").await, 14);
    harness.stop().await;
}

#[tokio::test]
async fn guesses_at_once_are_judged_one_at_a_time() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    other(&client, "alice").await;
    for subject in ["alice", "nobody"] {
        let tries = (0..50).map(|n| client.verify(subject, "", if n % 2 == 0 { WRONG } else { "000001" }));
        let answers = futures_util::future::join_all(tries).await;
        let said = answers.iter().map(|answer| said(answer.as_ref().unwrap().verdict.as_ref()));
        assert_eq!(said.filter(|said| said != "throttled").count(), 1);
        assert_eq!(booked(&client, subject).await, 1);
    }
    harness.stop().await;
}

#[tokio::test]
async fn where_every_device_is_throttled_or_shut_nothing_is_booked() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let one = client.active_hotp("alice", "one", SECRET).await;
    let two = other(&client, "alice").await;
    assert_eq!(client.says("alice", &one.id, WRONG).await, "rejected mismatch");
    fail(&harness, &client, "alice", &two.id, 3).await;
    assert_eq!(client.says("alice", &two.id, WRONG).await, "rejected mismatch");
    harness.clock.set(START);
    let earliest = client.device("alice", &one.id).await.unwrap().throttle.unwrap().retry_time;
    let before = harness.dump().await;
    let verdict = client.verify("alice", "", &hotp(OTHER, 1)).await.unwrap().verdict.unwrap();
    assert_eq!(said(Some(&verdict)), "throttled");
    assert_eq!(verdict.retry_time, earliest, "the earliest of the devices' moments");
    assert_eq!(harness.dump().await, before);

    for device in [&one, &two] {
        client.suspend(device, true).await;
    }
    let before = harness.dump().await;
    assert_eq!(client.says("alice", "", &hotp(OTHER, 1)).await, "unavailable");
    assert_eq!(harness.dump().await, before);
    harness.stop().await;
}

#[tokio::test]
async fn a_throttled_device_is_passed_over_and_the_others_are_tried() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let tired = client.active_hotp("alice", "tired", SECRET).await;
    let fresh = other(&client, "alice").await;
    assert_eq!(client.says("alice", &tired.id, WRONG).await, "rejected mismatch");
    let answer = client.verify("alice", "", &hotp(OTHER, 1)).await.unwrap();
    assert_eq!((said(answer.verdict.as_ref()), answer.device.unwrap().id), ("accepted".to_owned(), fresh.id));
    // The right code of the throttled one is not looked at.
    assert_eq!(client.says("alice", "", &hotp(SECRET, 1)).await, "rejected mismatch");
    assert_eq!(client.failures("alice", &tired.id).await, 1);
    harness.stop().await;
}

#[tokio::test]
async fn locked_and_suspended_and_pending_devices_accept_nothing() {
    let policy = ThrottlePolicy { lock_after: 3, ..ThrottlePolicy::default() };
    let harness = throttled(policy).await;
    let client = harness.client().await;
    let locked = client.active_hotp("alice", "locked", SECRET).await;
    fail(&harness, &client, "alice", &locked.id, 3).await;
    assert_eq!(client.state("alice", &locked.id).await, pb::DeviceState::Locked);
    assert_eq!(client.says("alice", "", &hotp(SECRET, 1)).await, "unavailable");
    let now = harness.clock.now();
    // A pending device is as good as none: also for the shape of the answer.
    client.enroll_totp("bob", "phone", SECRET).await;
    let (pending, never) =
        (shape(&client, "bob", &code(SECRET, now, 0)).await, shape(&client, "nobody", WRONG).await);
    assert_eq!(pending, never);
    harness.stop().await;
}
