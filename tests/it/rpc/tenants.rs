//! A caller of one tenant with the ids of another: like ids that never were, and nothing written.

use countersign::wire::pb;
use prost::Message as _;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};
use tonic::Status;

use crate::harness::answers::{refused, said};
use crate::harness::descriptors::{input, is_reachable, leaves, name, put};
use crate::harness::fixture::{Fixture, SECRET, Valid};
use crate::harness::{Harness, START, code};

/// What the other tenant calls a subject of its own, and what nobody calls any.
const THEIR_SUBJECT: &str = "their subject";
const NO_SUBJECT: &str = "never subject";
/// Of the form of a device's id, and no device's.
const NO_DEVICE: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaa";

/// All that a caller is told, but for the text that it asked with. What succeeds is told in a word: it is
/// about the caller's own devices, whose ids are random.
fn told(answer: Result<Vec<u8>, Status>, asked: &str) -> String {
    match answer {
        Ok(_) => "ok".to_owned(),
        Err(status) => {
            let details = String::from_utf8_lossy(status.details()).into_owned();
            without_ids(&format!("{:?} {} {details}", status.code(), status.message()).replace(asked, "_"))
        }
    }
}

/// Text without the ids that are made anew for each fixture.
fn without_ids(text: &str) -> String {
    let is_of_id = |c: char| c.is_ascii_lowercase() || ('2'..='7').contains(&c);
    let mut rest = text;
    let mut out = String::new();
    while let Some(start) = rest.find(is_of_id) {
        let (before, word) = rest.split_at(start);
        let (word, after) = word.split_at(word.find(|c| !is_of_id(c)).unwrap_or(word.len()));
        out += before;
        out += if word.len() >= 26 { "ID" } else { word };
        rest = after;
    }
    out + rest
}

/// The fields that hold text, by their paths.
fn texts(message: &MessageDescriptor) -> Vec<Vec<FieldDescriptor>> {
    let is_text = |path: &Vec<FieldDescriptor>| matches!(path.last().map(|f| f.kind()), Some(Kind::String));
    leaves(message).into_iter().filter(is_text).collect()
}

/// Every row of the other tenant.
async fn theirs(harness: &Harness) -> Vec<String> {
    let rows = harness.dump().await;
    let theirs: Vec<String> = rows.into_iter().filter(|row| row.contains("'other'")).collect();
    assert!(!theirs.is_empty());
    theirs
}

#[tokio::test]
async fn each_id_of_another_tenant_in_each_field_is_like_one_that_never_was() {
    let harness = Harness::start().await;
    let (client, stranger) = (harness.client().await, harness.stranger().await);
    let their = Fixture::new(&stranger, THEIR_SUBJECT).await;
    let before = theirs(&harness).await;
    let pairs = [
        (their.totp.id.as_str(), NO_DEVICE),
        (their.list.id.as_str(), "bbbbbbbbbbbbbbbbbbbbbbbbbb"),
        (their.pending.id.as_str(), "cccccccccccccccccccccccccc"),
        (THEIR_SUBJECT, NO_SUBJECT),
        (their.codes[0].as_str(), "zzzz-zzzz-zzzz-zzzz"),
        (their.session.as_str(), "session of never subject"),
        (their.client.id.as_str(), "dddddddddddddddddddddddddd"),
        (their.client_token.as_str(), "csc_0000000000000000000000000000000000000000000000000000000000000000"),
        (their.evidence.id.as_str(), "eeeeeeeeeeeeeeeeeeeeeeeeee"),
    ];
    let mut watch = harness.watch().await;
    let mut made = 0;
    let mut ours = Fixture::new(&client, "subject-0").await;
    for place in 0..ours.requests().len() {
        let label = ours.requests().swap_remove(place).label;
        let message = input(label.split(' ').next().unwrap());
        for path in texts(&message) {
            for (one, never) in pairs {
                let mut answers = Vec::new();
                for text in [one, never] {
                    let Valid { path: method, body, .. } = ours.requests().swap_remove(place);
                    let mut request = DynamicMessage::decode(message.clone(), body.as_slice()).unwrap();
                    if !is_reachable(&request, &path) {
                        continue;
                    }
                    put(&mut request, &path, Value::String(text.to_owned()));
                    watch.has_changed().await;
                    answers.push(told(client.raw(&method, request.encode_to_vec()).await, text));
                    if watch.has_changed().await {
                        made += 1;
                        ours = Fixture::new(&client, &format!("subject-{made}")).await;
                    }
                }
                assert_eq!(answers.first(), answers.get(1), "{label} {} {one}", name(&path));
            }
        }
    }
    assert_eq!(theirs(&harness).await, before);
    harness.stop().await;
}

#[tokio::test]
async fn a_whole_request_of_another_tenant_is_like_one_about_nobody() {
    let harness = Harness::start().await;
    let (client, stranger) = (harness.client().await, harness.stranger().await);
    let their = Fixture::new(&stranger, THEIR_SUBJECT).await;
    let before = theirs(&harness).await;
    let mut refusals = 0;
    for Valid { label, path, body } in their.requests() {
        let message = input(label.split(' ').next().unwrap());
        let mut nobodys = DynamicMessage::decode(message, body.as_slice()).unwrap();
        // What is about no subject is the same for every tenant.
        if nobodys.try_set_field_by_name("subject", Value::String(NO_SUBJECT.to_owned())).is_err() {
            continue;
        }
        if nobodys.get_field_by_name("device_id").is_some_and(|id| id.as_str() != Some("")) {
            nobodys.set_field_by_name("device_id", Value::String(NO_DEVICE.to_owned()));
        }
        let one = told(client.raw(&path, body).await, THEIR_SUBJECT);
        let never = told(client.raw(&path, nobodys.encode_to_vec()).await, NO_SUBJECT);
        assert_eq!(one, never, "{label}");
        refusals += usize::from(one != "ok");
    }
    assert_eq!(refusals, 9, "all that name a device");
    assert_eq!(theirs(&harness).await, before);
    // And their requests still work for them.
    let Valid { path, body, .. } =
        their.requests().into_iter().find(|valid| valid.label == "Verify").unwrap();
    let answer = stranger.raw(&path, body).await.unwrap();
    let answer = pb::VerifyResponse::decode(answer.as_slice()).unwrap();
    assert_eq!(said(answer.verdict.as_ref()), "accepted");
    harness.stop().await;
}

#[tokio::test]
async fn a_subject_of_the_same_name_in_two_tenants_is_two() {
    let harness = Harness::start().await;
    let (client, stranger) = (harness.client().await, harness.stranger().await);
    let ours = client.active_totp("alice", SECRET, START).await;
    assert!(!stranger.subject("alice").await.has_active_device);
    let request = pb::ListDevicesRequest { subject: "alice".to_owned(), ..Default::default() };
    assert!(stranger.names(&request).await.is_empty());
    let theirs = stranger.active_totp("alice", SECRET, START).await;
    assert_eq!(theirs.name, ours.name);
    // The same code of the same secret: each uses its own.
    let next = code(SECRET, START, 1);
    assert_eq!(client.says("alice", "", &next).await, "accepted");
    assert_eq!(stranger.says("alice", "", &next).await, "accepted");
    for (caller, device) in [(&client, &theirs), (&stranger, &ours)] {
        assert_eq!(refused(&caller.device("alice", &device.id).await.unwrap_err()), "DEVICE_NOT_FOUND");
    }
    // Failures of the one are not the other's.
    assert_eq!(client.says("alice", "", "000000").await, "rejected mismatch");
    assert_eq!(client.says("alice", "", "000000").await, "throttled");
    assert_eq!(stranger.says("alice", "", "000000").await, "rejected mismatch");
    harness.stop().await;
}

#[tokio::test]
async fn another_subjects_device_of_the_same_tenant_is_not_found_and_nothing_is_used_up() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    // Row 21 of django-otp: a wrong owner is "no", and consumes nothing.
    let device = client.active_totp("alice", SECRET, START).await;
    let before = harness.dump().await;
    let next = code(SECRET, START, 1);
    let not_hers = client.verify("bob", &device.id, &next).await.unwrap_err();
    let never = client.verify("bob", NO_DEVICE, &next).await.unwrap_err();
    assert_eq!(
        (not_hers.code(), not_hers.message(), not_hers.details()),
        (never.code(), never.message(), never.details())
    );
    assert_eq!(harness.dump().await, before);
    assert_eq!(client.says("alice", &device.id, &next).await, "accepted");
    harness.stop().await;
}
