//! The calls of the demonstration, as any client would make them.

use super::super::client::Client;
use super::super::failure::Failure;
use super::super::typed;
use super::settings::REQUIREMENT;
use crate::domain::secret::SecretText;
use crate::env::{Entropy, SystemEntropy};
use crate::wire::pb;
use crate::wire::pb::assurance_service_client::AssuranceServiceClient;
use crate::wire::pb::device_service_client::DeviceServiceClient;
use crate::wire::pb::enroll_device_request::Setup;
use crate::wire::pb::subject_service_client::SubjectServiceClient;
use crate::wire::pb::verification_service_client::VerificationServiceClient;

/// Who the demonstration is about.
pub(super) const SUBJECT: &str = "alice";

/// A fresh request id.
pub(super) fn request_id() -> String {
    let entropy: &dyn Entropy = &SystemEntropy;
    typed::uuid(entropy.bytes())
}

/// A session, in a browser that shows that token.
pub(super) fn session(name: &str, client_token: &str) -> pb::Context {
    pb::Context {
        session: name.to_owned(),
        client_token: client_token.to_owned(),
        transaction_digest: Vec::new(),
    }
}

pub(super) async fn enroll(
    client: &Client,
    context: &pb::Context,
    name: &str,
    setup: Setup,
) -> Result<pb::EnrollDeviceResponse, Failure> {
    let request = pb::EnrollDeviceRequest {
        subject: SUBJECT.to_owned(),
        name: name.to_owned(),
        setup: Some(setup),
        context: Some(context.clone()),
        request_id: request_id(),
    };
    client
        .call(request, async |channel, request| {
            DeviceServiceClient::new(channel).enroll_device(request).await
        })
        .await
}

pub(super) async fn confirm(
    client: &Client,
    context: &pb::Context,
    device: &str,
    code: &SecretText,
) -> Result<pb::ConfirmDeviceResponse, Failure> {
    let request = pb::ConfirmDeviceRequest {
        subject: SUBJECT.to_owned(),
        device_id: device.to_owned(),
        proof: Some(proof(code)),
        context: Some(context.clone()),
        request_id: request_id(),
        ..Default::default()
    };
    client
        .call(request, async |channel, request| {
            DeviceServiceClient::new(channel).confirm_device(request).await
        })
        .await
}

/// Offers a code that decides nothing; an empty `device` names none.
pub(super) async fn verify(
    client: &Client,
    context: &pb::Context,
    device: &str,
    code: &SecretText,
) -> Result<pb::VerifyResponse, Failure> {
    offer(client, offered(context, device, code)).await
}

/// The request that offers a code of a device.
pub(super) fn offered(context: &pb::Context, device: &str, code: &SecretText) -> pb::VerifyRequest {
    pb::VerifyRequest {
        subject: SUBJECT.to_owned(),
        device_id: device.to_owned(),
        proof: Some(proof(code)),
        context: Some(context.clone()),
        request_id: request_id(),
        ..Default::default()
    }
}

pub(super) async fn offer(
    client: &Client,
    request: pb::VerifyRequest,
) -> Result<pb::VerifyResponse, Failure> {
    client
        .call(request, async |channel, request| VerificationServiceClient::new(channel).verify(request).await)
        .await
}

/// Says that the password was right.
pub(super) async fn record_password(
    client: &Client,
    context: &pb::Context,
) -> Result<pb::RecordEvidenceResponse, Failure> {
    let request = pb::RecordEvidenceRequest {
        subject: SUBJECT.to_owned(),
        context: Some(context.clone()),
        method: "password".to_owned(),
        request_id: request_id(),
        ..Default::default()
    };
    client
        .call(request, async |channel, request| {
            AssuranceServiceClient::new(channel).record_evidence(request).await
        })
        .await
}

/// Asks whether enough was proved to log in.
pub(super) async fn evaluate(
    client: &Client,
    context: &pb::Context,
) -> Result<pb::EvaluateResponse, Failure> {
    let request = pb::EvaluateRequest {
        subject: SUBJECT.to_owned(),
        context: Some(context.clone()),
        requirements: vec![REQUIREMENT.to_owned()],
        request_id: request_id(),
        ..Default::default()
    };
    client
        .call(request, async |channel, request| AssuranceServiceClient::new(channel).evaluate(request).await)
        .await
}

pub(super) async fn remember(client: &Client, name: &str) -> Result<pb::RememberClientResponse, Failure> {
    let request = pb::RememberClientRequest {
        subject: SUBJECT.to_owned(),
        name: name.to_owned(),
        duration: None,
        request_id: request_id(),
    };
    client
        .call(request, async |channel, request| {
            AssuranceServiceClient::new(channel).remember_client(request).await
        })
        .await
}

pub(super) async fn subject(client: &Client) -> Result<pb::GetSubjectResponse, Failure> {
    let request = pb::GetSubjectRequest { subject: SUBJECT.to_owned() };
    client
        .call(request, async |channel, request| SubjectServiceClient::new(channel).get_subject(request).await)
        .await
}

fn proof(code: &SecretText) -> pb::Proof {
    pb::Proof { proof: Some(pb::proof::Proof::Code(code.expose().to_owned())) }
}
