//! Calls of the second question, short.

use countersign::wire::pb;
use tonic::Status;

use super::answers::said;
use super::{Client, proof};

/// A session, and nothing more.
pub(crate) fn session(name: &str) -> pb::Context {
    pb::Context { session: name.to_owned(), ..Default::default() }
}

impl Client {
    /// Offers a code somewhere. It must be accepted. Gives the evidence.
    pub(crate) async fn verify_in(
        &self,
        context: pb::Context,
        subject: &str,
        device: &str,
        code: &str,
    ) -> pb::Evidence {
        let request = pb::VerifyRequest {
            subject: subject.to_owned(),
            device_id: device.to_owned(),
            proof: Some(proof(code)),
            context: Some(context),
            ..Default::default()
        };
        let answer: pb::VerifyResponse = self.send("VerificationService/Verify", &request).await.unwrap();
        assert_eq!(said(answer.verdict.as_ref()), "accepted");
        answer.evidence.unwrap()
    }

    /// Records what was proved elsewhere.
    pub(crate) async fn record(
        &self,
        context: pb::Context,
        subject: &str,
        method: &str,
    ) -> Result<pb::Evidence, Status> {
        let (subject, method) = (subject.to_owned(), method.to_owned());
        let context = Some(context);
        let request = pb::RecordEvidenceRequest { subject, context, method, ..Default::default() };
        let answer: pb::RecordEvidenceResponse =
            self.send("AssuranceService/RecordEvidence", &request).await?;
        Ok(answer.evidence.unwrap())
    }

    /// Remembers a client.
    pub(crate) async fn remember(&self, subject: &str, name: &str) -> pb::RememberClientResponse {
        let (subject, name) = (subject.to_owned(), name.to_owned());
        let request = pb::RememberClientRequest { subject, name, ..Default::default() };
        self.send("AssuranceService/RememberClient", &request).await.unwrap()
    }

    /// Decides one requirement.
    pub(crate) async fn evaluate(
        &self,
        context: pb::Context,
        subject: &str,
        requirement: &str,
    ) -> pb::Decision {
        let request = pb::EvaluateRequest {
            subject: subject.to_owned(),
            context: Some(context),
            requirements: vec![requirement.to_owned()],
            ..Default::default()
        };
        let answer: pb::EvaluateResponse = self.send("AssuranceService/Evaluate", &request).await.unwrap();
        answer.decisions.into_iter().next().unwrap()
    }

    /// Takes evidence back. Gives how much.
    pub(crate) async fn revoke(
        &self,
        subject: &str,
        selection: pb::revoke_evidence_request::Selection,
    ) -> u64 {
        let request = pb::RevokeEvidenceRequest {
            subject: subject.to_owned(),
            selection: Some(selection),
            request_id: String::new(),
        };
        let answer: pb::RevokeEvidenceResponse =
            self.send("AssuranceService/RevokeEvidence", &request).await.unwrap();
        answer.revoked_count
    }
}
