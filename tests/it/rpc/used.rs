//! Used codes as input of every RPC that takes one, found by walking the descriptors.

use std::collections::BTreeSet;
use std::time::Duration;

use countersign::wire::pb;
use prost::Message as _;
use prost_reflect::{FieldDescriptor, Kind};

use crate::harness::answers::{refused, said};
use crate::harness::descriptors::{leaves, methods, name};
use crate::harness::fixture::SECRET;
use crate::harness::{Client, Harness, START, code, hotp};

/// What is used up, by a device that is still active.
struct Used {
    device: pb::Device,
    code: String,
    /// The code after it, unused; empty for kinds without an order.
    next: String,
    /// A chosen code of a list.
    is_chosen: bool,
}

/// `debug_redact = true` among a field's options: number 16, a varint, 1.
const DEBUG_REDACT: [u8; 3] = [0x80, 0x01, 0x01];

/// The fields of requests that hold a code: proofs, and text that logs must not show.
fn fields_with_codes() -> BTreeSet<String> {
    let holds_code = |path: &Vec<FieldDescriptor>| {
        let field = path.last().unwrap();
        let is_proof = matches!(field.kind(), Kind::Message(m) if m.full_name() == "countersign.v1.Proof");
        let is_redacted = field.options().encode_to_vec().windows(3).any(|part| part == DEBUG_REDACT);
        let is_in_proof = field.parent_message().full_name() == "countersign.v1.Proof";
        // A client's token is none: being recognised is not authentication.
        let is_token = field.full_name() == "countersign.v1.Context.client_token";
        is_proof || (field.kind() == Kind::String && is_redacted && !is_in_proof && !is_token)
    };
    let of = |method: prost_reflect::MethodDescriptor| {
        let found: Vec<_> = leaves(&method.input()).into_iter().filter(holds_code).collect();
        found.into_iter().map(move |path| format!("{}.{}", method.name(), name(&path)))
    };
    methods().into_iter().flat_map(of).collect()
}

/// Offers a used code there, in each way in which the RPC takes it. None may be accepted.
async fn offer(client: &Client, field: &str, used: &Used) {
    let subject = used.device.subject.as_str();
    let has_order = !used.next.is_empty();
    match field {
        "Verify.proof" => {
            for id in [used.device.id.as_str(), ""] {
                let answer = client.says(subject, id, &used.code).await;
                assert!(["rejected replayed", "rejected mismatch"].contains(&answer.as_str()), "{answer}");
                client.unlock(&used.device).await.unwrap();
            }
        }
        "ConfirmDevice.proof" => {
            let refusal = client.confirm(subject, &used.device.id, &used.code).await.unwrap_err();
            assert_eq!(refused(&refusal), "DEVICE_STATE");
        }
        "ResyncDevice.codes" if has_order => {
            for codes in [[&used.code, &used.next], [&used.code, &used.code], [&used.next, &used.code]] {
                let answer = client.resync(&used.device, &codes.map(Clone::clone)).await.unwrap();
                let said = said(answer.verdict.as_ref());
                assert!(said.starts_with("rejected"), "{codes:?}: {said}");
                client.unlock(&used.device).await.unwrap();
            }
        }
        "ResyncDevice.codes" => {
            let codes = [used.code.clone(), used.code.clone()];
            let refusal = client.resync(&used.device, &codes).await.unwrap_err();
            assert_eq!(refused(&refusal), "DEVICE_KIND");
        }
        // Not a proof, and no way to make a used code good again.
        "IssueRecoveryCodes.code" if used.is_chosen => {
            let request = pb::IssueRecoveryCodesRequest {
                subject: subject.to_owned(),
                device_id: used.device.id.clone(),
                code: used.code.clone(),
                ..Default::default()
            };
            assert_eq!(refused(&client.issue(request).await.unwrap_err()), "SECRET_EXISTS");
        }
        "IssueRecoveryCodes.code" => {}
        new => panic!("{new} takes a code: say here what becomes of a used one"),
    }
}

#[tokio::test]
async fn a_used_code_is_accepted_by_no_rpc_that_takes_one() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let totp = client.active_totp("confirmed", SECRET, START).await;
    let confirmed =
        Used { device: totp, code: code(SECRET, START, 0), next: code(SECRET, START, 1), is_chosen: false };

    let totp = client.active_totp("logged in", SECRET, START).await;
    harness.clock.advance(Duration::from_secs(30));
    let now = code(SECRET, START, 1);
    assert_eq!(client.says("logged in", "", &now).await, "accepted");
    let logged_in = Used { device: totp.clone(), code: now, next: code(SECRET, START, 2), is_chosen: false };
    // The one before the used one is as dead.
    let before =
        Used { device: totp, code: code(SECRET, START, 0), next: code(SECRET, START, 1), is_chosen: false };

    let token = client.active_hotp("token", "token", SECRET).await;
    // One in between was skipped: it is dead as well.
    assert_eq!(client.says("token", &token.id, &hotp(SECRET, 2)).await, "accepted");
    let of_token = |counter| Used {
        device: token.clone(),
        code: hotp(SECRET, counter),
        next: hotp(SECRET, counter + 1),
        is_chosen: false,
    };
    let tokens = [of_token(0), of_token(1), of_token(2)];

    let (list, codes) = client.list_of_codes("list", 3).await;
    assert_eq!(client.says("list", "", &codes[0]).await, "accepted");
    let recovery = Used { device: list, code: codes[0].clone(), next: String::new(), is_chosen: false };

    let request = pb::IssueRecoveryCodesRequest {
        subject: "chosen".to_owned(),
        code: "open sesame".to_owned(),
        ..Default::default()
    };
    let (list, _) = client.issue(request).await.unwrap();
    assert_eq!(client.says("chosen", &list.id, "open sesame").await, "accepted");
    let chosen = Used { device: list, code: "open sesame".to_owned(), next: String::new(), is_chosen: true };

    let fields = fields_with_codes();
    let known = ["ConfirmDevice.proof", "IssueRecoveryCodes.code", "ResyncDevice.codes", "Verify.proof"];
    assert_eq!(
        fields,
        BTreeSet::from(known.map(str::to_owned)),
        "a new one: say in `offer` what becomes of a used code"
    );
    for used in [confirmed, logged_in, before, recovery, chosen].iter().chain(&tokens) {
        for field in &fields {
            offer(&client, field, used).await;
        }
    }
    harness.stop().await;
}

#[tokio::test]
async fn codes_that_found_a_device_again_are_used_up() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let token = client.active_hotp("alice", "token", SECRET).await;
    let codes = [hotp(SECRET, 40), hotp(SECRET, 41)];
    assert_eq!(said(client.resync(&token, &codes).await.unwrap().verdict.as_ref()), "accepted");
    for code in &codes {
        assert!(client.says("alice", &token.id, code).await.starts_with("rejected"));
        client.unlock(&token).await.unwrap();
    }
    assert_eq!(said(client.resync(&token, &codes).await.unwrap().verdict.as_ref()), "rejected replayed");
    client.unlock(&token).await.unwrap();
    assert_eq!(client.says("alice", &token.id, &hotp(SECRET, 42)).await, "accepted");
    harness.stop().await;
}

#[tokio::test]
async fn a_used_code_stays_used_after_a_restart_and_on_every_connection() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.active_totp("alice", SECRET, START).await;
    let used = code(SECRET, START, 1);
    assert_eq!(client.says("alice", &device.id, &used).await, "accepted");
    assert_eq!(harness.unix_client().await.says("alice", &device.id, &used).await, "rejected replayed");
    let harness = harness.restart().await;
    let client = harness.client().await;
    client.unlock(&device).await.unwrap();
    assert_eq!(client.says("alice", &device.id, &used).await, "rejected replayed");
    harness.clock.advance(Duration::from_secs(60));
    assert_eq!(client.says("alice", &device.id, &code(SECRET, START, 2)).await, "accepted");
    harness.stop().await;
}
