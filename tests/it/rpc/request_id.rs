//! Retrying: the same `request_id` gets the same answer and changes nothing again.

use countersign::wire::pb;
use prost::Message as _;
use prost_reflect::{DynamicMessage, Value};
use std::time::Duration;

use crate::harness::answers::{reason, refused, said};
use crate::harness::assurance::session;
use crate::harness::calls::totp_setup;
use crate::harness::descriptors::{input, is_mutating, methods, path};
use crate::harness::fixture::{Fixture, SECRET, WRONG};
use crate::harness::{Client, Harness, START, code, hotp};

const ID: &str = "7f0d9f3c-3c5e-4a8b-9d5f-0a1b2c3d4e5f";
const OTHER_ID: &str = "00000000-0000-0000-0000-000000000001";
const NIL: &str = "00000000-0000-0000-0000-000000000000";

/// The request with another value in a field.
fn with(label: &str, body: &[u8], field: &str, value: &str) -> Vec<u8> {
    let message = input(label.split(' ').next().unwrap());
    let mut request = DynamicMessage::decode(message, body).unwrap();
    request.set_field_by_name(field, Value::String(value.to_owned()));
    request.encode_to_vec()
}

/// The sorts of requests that change something.
async fn mutating(harness: &Harness) -> Vec<usize> {
    mutating_places(&Fixture::new(&harness.client().await, "shape").await)
}

fn mutating_places(fixture: &Fixture) -> Vec<usize> {
    let is_one = |path: &String| methods().iter().any(|m| self::path(m) == *path && is_mutating(m));
    let requests = fixture.requests();
    (0..requests.len()).filter(|place| is_one(&requests[*place].path)).collect()
}

/// Fails an attempt without a device id before `UnlockSubject`, so that there is a failure to clear. Before other requests
/// it would delay a Verify.
async fn fail_before(client: &Client, subject: &str, label: &str) {
    if label == "UnlockSubject" {
        assert_eq!(client.says(subject, "", WRONG).await, "rejected mismatch");
    }
}

#[test]
fn every_method_that_changes_something_takes_a_request_id_and_no_other_does() {
    for method in methods() {
        let reads = method.name().starts_with("Get") || method.name().starts_with("List");
        assert_eq!(is_mutating(&method), !reads, "{}", method.full_name());
    }
}

#[tokio::test]
async fn a_retry_gets_the_same_bytes_and_changes_nothing() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    for place in mutating(&harness).await {
        let subject = format!("subject-{place}");
        let fixture = Fixture::new(&client, &subject).await;
        let request = fixture.requests().swap_remove(place);
        let label = request.label;
        fail_before(&client, &subject, label).await;
        let id = ID.replace("7f0d", &format!("{place:04}"));
        let body = with(label, &request.body, "request_id", &id);
        let other_case = with(label, &request.body, "request_id", &id.to_uppercase());

        let earlier = harness.events_of(&subject).await;
        let first = client.raw(&request.path, body.clone()).await.unwrap();
        let after = harness.dump().await;
        assert!(harness.events_of(&subject).await.len() > earlier.len(), "{label} tells of no event");
        for _ in 0..3 {
            assert_eq!(client.raw(&request.path, body.clone()).await.unwrap(), first, "{label}");
            assert_eq!(client.raw(&request.path, other_case.clone()).await.unwrap(), first, "{label}");
            // Another connection, and a moment later.
            harness.clock.advance(Duration::from_secs(30));
            assert_eq!(harness.unix_client().await.raw(&request.path, body.clone()).await.unwrap(), first);
        }
        assert_eq!(harness.dump().await, after, "{label}: a retry changed something");
        harness.clock.set(START);
    }
    harness.stop().await;
}

#[tokio::test]
async fn the_nil_uuid_is_no_request_id() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let fixture = Fixture::new(&client, "alice").await;
    let before = harness.dump().await;
    for place in mutating_places(&fixture) {
        let request = fixture.requests().swap_remove(place);
        let body = with(request.label, &request.body, "request_id", NIL);
        let refusal = client.raw(&request.path, body).await.unwrap_err();
        assert_eq!(refused(&refusal), "INVALID_REQUEST request_id", "{}", request.label);
    }
    assert_eq!(harness.dump().await, before);
    harness.stop().await;
}

#[tokio::test]
async fn another_request_under_the_same_id_is_refused() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let places = mutating(&harness).await;
    for place in places.clone() {
        let id = ID.replace("7f0d", &format!("{place:04}"));
        let subject = format!("subject-{place}");
        let fixture = Fixture::new(&client, &subject).await;
        let request = fixture.requests().swap_remove(place);
        fail_before(&client, &subject, request.label).await;
        client.raw(&request.path, with(request.label, &request.body, "request_id", &id)).await.unwrap();
        let before = harness.dump().await;
        // The same method for another subject, and every other method.
        let other = with(request.label, &request.body, "subject", "somebody else");
        let refusal =
            client.raw(&request.path, with(request.label, &other, "request_id", &id)).await.unwrap_err();
        assert_eq!(refused(&refusal), "REQUEST_ID_REUSED", "{}", request.label);
        for other in places.iter().map(|other| fixture.requests().swap_remove(*other)) {
            if other.label == request.label {
                continue;
            }
            let body = with(other.label, &other.body, "request_id", &id);
            let refusal = client.raw(&other.path, body).await.unwrap_err();
            assert_eq!(refused(&refusal), "REQUEST_ID_REUSED", "{} after {}", other.label, request.label);
        }
        assert_eq!(harness.dump().await, before);
    }
    harness.stop().await;
}

#[tokio::test]
async fn the_secrets_of_an_enrollment_are_in_the_retry_too() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let request = pb::EnrollDeviceRequest {
        subject: "alice".to_owned(),
        setup: Some(totp_setup(&[])),
        request_id: ID.to_owned(),
        ..Default::default()
    };
    let enroll = async || -> pb::EnrollDeviceResponse {
        client.send("DeviceService/EnrollDevice", &request).await.unwrap()
    };
    let (first, second) = (enroll().await, enroll().await);
    let Some(pb::enrollment::Material::Oath(shown)) = second.enrollment.clone().unwrap().material else {
        panic!("an enrollment of TOTP shows a secret");
    };
    assert_eq!(shown.secret_base32.len(), 32);
    assert!(shown.otpauth_uri.contains(&shown.secret_base32));
    assert!(first == second);
    assert_eq!(harness.events_of("alice").await, ["device.enrolled"]);
    harness.stop().await;
}

#[tokio::test]
async fn each_caller_and_each_tenant_has_ids_of_its_own() {
    let harness = Harness::start().await;
    let enroll = async |client: crate::harness::Client| -> pb::EnrollDeviceResponse {
        let request = pb::EnrollDeviceRequest {
            subject: "alice".to_owned(),
            setup: Some(totp_setup(&[])),
            request_id: ID.to_owned(),
            context: Some(session("s")),
            ..Default::default()
        };
        client.send("DeviceService/EnrollDevice", &request).await.unwrap()
    };
    let app = enroll(harness.client().await).await;
    let stranger = enroll(harness.stranger().await).await;
    // Another caller of the same tenant.
    let manager = enroll(harness.client_as(countersign::auth::Role::Manage).await).await;
    assert!(app != stranger && app != manager && stranger != manager);
    assert!(enroll(harness.client().await).await == app);
    assert!(enroll(harness.stranger().await).await == stranger);
    harness.stop().await;
}

#[tokio::test]
async fn a_lost_answer_does_not_cost_a_code() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.active_totp("alice", SECRET, START).await;
    let next = code(SECRET, START, 1);
    let first = client.verify_once("alice", &device.id, &next, ID).await.unwrap();
    assert_eq!(said(first.verdict.as_ref()), "accepted");
    // The answer is lost, the user waits, the caller asks again: long after the code has expired.
    harness.clock.advance(Duration::from_secs(9 * 60));
    let again = client.verify_once("alice", &device.id, &next, ID).await.unwrap();
    assert_eq!(again, first);
    // Without the id, or under another one, it is the replay that it is.
    assert_ne!(client.says("alice", &device.id, &next).await, "accepted");
    let other = client.verify_once("alice", &device.id, &next, OTHER_ID).await.unwrap();
    assert_ne!(said(other.verdict.as_ref()), "accepted");
    harness.stop().await;
}

#[tokio::test]
async fn a_wrong_code_that_is_retried_counts_once_and_stays_wrong() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.active_hotp("alice", "token", SECRET).await;
    for _ in 0..3 {
        let answer = client.verify_once("alice", &device.id, WRONG, ID).await.unwrap();
        assert_eq!(said(answer.verdict.as_ref()), "rejected mismatch");
        assert_eq!(answer.device.unwrap().throttle.unwrap().failure_count, 1);
    }
    assert_eq!(client.failures("alice", &device.id).await, 1);
    harness.stop().await;
}

#[tokio::test]
async fn an_answer_that_was_given_is_given_again_though_the_device_is_throttled_suspended_or_gone() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.active_hotp("alice", "token", SECRET).await;
    let ask = async || client.verify_once("alice", &device.id, &hotp(SECRET, 1), ID).await.unwrap();
    let first = ask().await;
    assert_eq!(said(first.verdict.as_ref()), "accepted");
    assert_eq!(client.says("alice", &device.id, WRONG).await, "rejected mismatch");
    assert_eq!(client.says("alice", &device.id, &hotp(SECRET, 2)).await, "throttled");
    assert_eq!(ask().await, first);
    client.suspend(&device, true).await;
    assert_eq!(client.says("alice", &device.id, &hotp(SECRET, 2)).await, "unavailable");
    assert_eq!(ask().await, first);
    client.delete(&device).await.unwrap();
    assert_eq!(ask().await, first);
    let refusal = client.verify_once("alice", &device.id, WRONG, ID).await.unwrap_err();
    assert_eq!(reason(&refusal), "REQUEST_ID_REUSED");
    harness.stop().await;
}

#[tokio::test]
async fn an_answer_that_committed_nothing_leaves_its_id_free() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.active_hotp("alice", "token", SECRET).await;
    client.says("alice", &device.id, WRONG).await;
    let ask = async |code: &str| {
        let answer = client.verify_once("alice", &device.id, code, ID).await.unwrap();
        said(answer.verdict.as_ref())
    };
    assert_eq!(ask(&hotp(SECRET, 1)).await, "throttled");
    assert_eq!(ask("12").await, "rejected malformed");
    assert_eq!(
        refused(&client.verify_once("alice", "nobody's", WRONG, ID).await.unwrap_err()),
        "DEVICE_NOT_FOUND"
    );
    harness.clock.advance(Duration::from_secs(1));
    assert_eq!(ask(&hotp(SECRET, 1)).await, "accepted");
    harness.stop().await;
}

#[tokio::test]
async fn an_id_is_kept_for_ten_minutes_and_then_forgotten() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.active_hotp("alice", "token", SECRET).await;
    let ask = async || {
        let answer = client.verify_once("alice", &device.id, &hotp(SECRET, 1), ID).await.unwrap();
        said(answer.verdict.as_ref())
    };
    assert_eq!(ask().await, "accepted");
    harness.clock.advance(Duration::from_micros(10 * 60 * 1_000_000 - 1));
    assert_eq!(harness.service.sweep().await.unwrap().requests, 0);
    assert_eq!(ask().await, "accepted");
    harness.clock.advance(Duration::from_micros(1));
    assert_eq!(harness.service.sweep().await.unwrap().requests, 1);
    assert!(harness.query("SELECT 1 FROM request").await.is_empty());
    assert_eq!(ask().await, "rejected replayed");
    harness.stop().await;
}

#[tokio::test]
async fn many_of_the_same_request_at_once_are_one() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.active_hotp("alice", "token", SECRET).await;
    let (_, codes) = client.list_of_codes("alice", 5).await;
    for (place, (id, code)) in
        [(device.id.as_str(), hotp(SECRET, 1)), ("", codes[0].clone())].iter().enumerate()
    {
        let request_id = ID.replace("7f0d", &format!("{place:04}"));
        let asks = (0..50).map(|_| client.verify_once("alice", id, code, &request_id));
        let answers = futures_util::future::join_all(asks).await;
        let first = answers[0].as_ref().unwrap();
        assert_eq!(said(first.verdict.as_ref()), "accepted");
        assert!(answers.iter().all(|answer| answer.as_ref().unwrap() == first));
    }
    let accepted = harness.events_of("alice").await.into_iter().filter(|what| what == "proof.accepted");
    assert_eq!(accepted.count(), 3, "the confirmation and the two");
    harness.stop().await;
}
