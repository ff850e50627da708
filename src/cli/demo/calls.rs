//! The calls of the demonstration, as any client would make them.

use super::super::client::Client;
use super::super::failure::Failure;
use super::super::typed;
use crate::domain::secret::SecretText;
use crate::env::{Entropy, SystemEntropy};
use crate::wire::pb;
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

pub(super) async fn enroll(
    client: &Client,
    name: &str,
    setup: Setup,
) -> Result<pb::EnrollDeviceResponse, Failure> {
    let request = pb::EnrollDeviceRequest {
        subject: SUBJECT.to_owned(),
        name: name.to_owned(),
        setup: Some(setup),
        request_id: request_id(),
        ..Default::default()
    };
    client
        .call(request, async |channel, request| {
            DeviceServiceClient::new(channel).enroll_device(request).await
        })
        .await
}

pub(super) async fn confirm(
    client: &Client,
    device: &str,
    code: &SecretText,
) -> Result<pb::ConfirmDeviceResponse, Failure> {
    let request = pb::ConfirmDeviceRequest {
        subject: SUBJECT.to_owned(),
        device_id: device.to_owned(),
        proof: Some(proof(code)),
        request_id: request_id(),
        ..Default::default()
    };
    client
        .call(request, async |channel, request| {
            DeviceServiceClient::new(channel).confirm_device(request).await
        })
        .await
}

/// Offers a code; an empty `device` names none.
pub(super) async fn verify(
    client: &Client,
    device: &str,
    code: &SecretText,
    request_id: String,
) -> Result<pb::VerifyResponse, Failure> {
    let request = pb::VerifyRequest {
        subject: SUBJECT.to_owned(),
        device_id: device.to_owned(),
        proof: Some(proof(code)),
        request_id,
        ..Default::default()
    };
    client
        .call(request, async |channel, request| VerificationServiceClient::new(channel).verify(request).await)
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
