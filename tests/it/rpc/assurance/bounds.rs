//! What is refused, and what a refusal carries.

use std::collections::BTreeMap;

use countersign::domain::moment::Moment;
use countersign::wire::pb;
use countersign::wire::pb::DecisionOutcome as Outcome;
use countersign::wire::status::decision_of;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::{asks, evaluate, plans, server};
use crate::harness::answers::{reason, refused};
use crate::harness::assurance::session;
use crate::harness::fixture::SECRET;
use crate::harness::{START, code, hotp, proof};

#[tokio::test]
async fn every_bound_of_a_question_is_told() {
    let harness = server().await;
    let client = harness.client().await;
    let attributes = |count: usize, name: usize, value: usize| -> BTreeMap<String, String> {
        (0..count).map(|number| (format!("{number:0name$}"), "x".repeat(value))).collect()
    };
    let long = "x".repeat(64);
    for (request, wrong) in [
        (asks(&[]), "requirements"),
        (asks(&["device"; 17]), "requirements"),
        (asks(&["device", "", &long]), "requirements[1], requirements[2]"),
        (asks(&["device", "login", "device"]), "requirements[2]"),
        (pb::EvaluateRequest { attributes: attributes(65, 2, 1), ..asks(&["device"]) }, "attributes"),
        (pb::EvaluateRequest { attributes: attributes(1, 64, 1), ..asks(&["device"]) }, "attributes"),
        (pb::EvaluateRequest { attributes: attributes(1, 1, 4097), ..asks(&["device"]) }, "attributes"),
        (pb::EvaluateRequest { attributes: attributes(64, 63, 194), ..asks(&["device"]) }, "attributes"),
        (
            pb::EvaluateRequest {
                context: Some(pb::Context {
                    session: "x".repeat(256),
                    client_token: "x".repeat(1025),
                    transaction_digest: vec![1; 31],
                }),
                ..asks(&["device"])
            },
            "context.session, context.transaction_digest, context.client_token",
        ),
    ] {
        assert_eq!(
            refused(&evaluate(&client, &request).await.unwrap_err()),
            format!("INVALID_REQUEST {wrong}")
        );
    }
    let widest = pb::EvaluateRequest {
        attributes: attributes(64, 63, 193),
        context: Some(pb::Context {
            session: "x".repeat(255),
            client_token: "x".repeat(1024),
            transaction_digest: vec![1; 32],
        }),
        ..asks(&["device"])
    };
    assert_eq!(evaluate(&client, &widest).await.unwrap().decisions.len(), 1);
    harness.stop().await;
}

#[tokio::test]
async fn an_unknown_requirement_is_not_found_before_a_code_is_used_up() {
    let harness = server().await;
    let client = harness.client().await;
    let token = client.active_hotp("alice", "token", SECRET).await;
    let before = harness.dump().await;
    let verify = |requirements: &[&str]| pb::VerifyRequest {
        subject: "alice".to_owned(),
        device_id: token.id.clone(),
        proof: Some(proof(&hotp(SECRET, 1))),
        context: Some(session("here")),
        requirements: requirements.iter().map(|name| (*name).to_owned()).collect(),
        ..Default::default()
    };
    let verified: Result<pb::VerifyResponse, _> =
        client.send("VerificationService/Verify", &verify(&["login", "logim"])).await;
    for status in [verified.unwrap_err(), evaluate(&client, &asks(&["login", "logim"])).await.unwrap_err()] {
        assert_eq!((status.code(), refused(&status)), (Code::NotFound, "REQUIREMENT_NOT_FOUND".to_owned()));
        assert_eq!(status.get_details_error_info().unwrap().metadata["requirement"], "logim");
    }
    assert_eq!(harness.dump().await, before);
    let verified: pb::VerifyResponse =
        client.send("VerificationService/Verify", &verify(&["token", "login"])).await.unwrap();
    let outcomes: Vec<_> = verified.decisions.iter().map(pb::Decision::outcome).collect();
    assert_eq!(outcomes, [Outcome::Satisfied, Outcome::StepUpRequired]);
    assert_eq!(plans(&verified.joint.unwrap(), &BTreeMap::new()), [["password"]]);
    let again: pb::VerifyResponse =
        client.send("VerificationService/Verify", &verify(&["token", "login"])).await.unwrap();
    assert_eq!((again.decisions.len(), again.joint, again.evidence), (0, None, None), "not accepted");
    harness.stop().await;
}

#[tokio::test]
async fn a_step_up_carries_its_decision_in_the_details() {
    let harness = server().await;
    let client = harness.client().await;
    let phone = client.active_totp("alice", SECRET, START).await;
    client.record(session("here"), "alice", "password").await.unwrap();
    let request = pb::DeleteDeviceRequest {
        subject: "alice".to_owned(),
        device_id: phone.id.clone(),
        context: Some(session("here")),
        ..Default::default()
    };
    let delete = async || {
        let answer: Result<pb::DeleteDeviceResponse, _> =
            client.send("DeviceService/DeleteDevice", &request).await;
        answer
    };
    let status = delete().await.unwrap_err();
    assert_eq!((status.code(), reason(&status)), (Code::FailedPrecondition, "STEP_UP_REQUIRED".to_owned()));
    let info = status.get_details_error_info().unwrap();
    assert_eq!(info.metadata["requirement"], "countersign.remove");
    let decision = decision_of(&status).unwrap();
    assert_eq!(
        (decision.requirement.as_str(), decision.outcome()),
        ("countersign.remove", Outcome::StepUpRequired)
    );
    let names = BTreeMap::from([(phone.id.clone(), "phone".to_owned())]);
    assert_eq!(plans(&decision, &names), [["totp: phone"]]);
    assert_eq!(decision.requirement_revision.len(), 12);
    // Its plan is the way.
    harness.clock.set(Moment::from_secs(START.secs() + 30));
    client.verify_in(session("here"), "alice", &phone.id, &code(SECRET, START, 1)).await;
    delete().await.unwrap();
    harness.stop().await;
}
