//! Clients' tokens and sessions, in every call that takes a context.

use countersign::wire::pb;
use countersign::wire::pb::EvidenceScope as Scope;
use countersign::wire::pb::enroll_device_request::Setup;
use data_encoding::BASE64URL_NOPAD;

use super::{Flight, canaries};
use crate::harness::proof;

impl Flight {
    /// A browser that is remembered, one that was forgotten, and tokens that are none.
    pub(super) async fn contexts(&mut self, subject: &str) {
        let mut tokens = Vec::new();
        for _ in 0..2 {
            tokens.push(self.remember(subject).await);
        }
        let forget = pb::ForgetClientsRequest {
            subject: subject.to_owned(),
            client_ids: vec![tokens[1].1.clone()],
            request_id: canaries::request_id(),
        };
        let forgotten: Result<pb::ForgetClientsResponse, _> =
            self.client.send("AssuranceService/ForgetClients", &forget).await;
        assert_eq!(self.heard(forgotten).unwrap().forgotten_count, 1);
        let mut shown: Vec<String> = tokens.into_iter().map(|(token, _)| token).collect();
        shown.push(format!("csc_{}", self.canaries.text(64)));
        shown.push(self.canaries.text(40));
        for token in shown {
            let session = self.sessions.text(40);
            self.calls(subject, pb::Context { session, client_token: token, ..Default::default() }).await;
        }
        // What no field takes.
        for length in [1025, 5000] {
            let (client_token, session) = (self.canaries.text(length), self.sessions.text(length));
            let context = pb::Context { session, client_token, transaction_digest: vec![1; 7] };
            self.calls(subject, context).await;
        }
    }

    async fn remember(&mut self, subject: &str) -> (String, String) {
        let request = pb::RememberClientRequest {
            subject: subject.to_owned(),
            name: "browser".to_owned(),
            request_id: canaries::request_id(),
            ..Default::default()
        };
        let remembered: Result<pb::RememberClientResponse, _> =
            self.client.send("AssuranceService/RememberClient", &request).await;
        let remembered = self.heard(remembered).unwrap();
        let token = remembered.client_token;
        self.canaries.made(token.as_bytes());
        // The client's id is no secret, and comes first.
        let bytes = BASE64URL_NOPAD.decode(token.trim_start_matches("csc_").as_bytes()).unwrap();
        self.canaries.made(&bytes[16..]);
        (token, remembered.client.unwrap().id)
    }

    /// Each call that takes a context.
    async fn calls(&mut self, subject: &str, context: pb::Context) {
        let subject = || subject.to_owned();
        let context = || Some(context.clone());
        let record = pb::RecordEvidenceRequest {
            subject: subject(),
            context: context(),
            method: "password".to_owned(),
            scope: Scope::Client.into(),
            request_id: canaries::request_id(),
            ..Default::default()
        };
        self.call::<pb::RecordEvidenceResponse>("AssuranceService/RecordEvidence", &record).await;
        for explain in [false, true] {
            let evaluate = pb::EvaluateRequest {
                subject: subject(),
                context: context(),
                requirements: vec!["countersign.enroll".to_owned()],
                explain,
                request_id: canaries::request_id(),
                ..Default::default()
            };
            self.call::<pb::EvaluateResponse>("AssuranceService/Evaluate", &evaluate).await;
        }
        let list = pb::ListEvidenceRequest { subject: subject(), context: context(), ..Default::default() };
        self.call::<pb::ListEvidenceResponse>("AssuranceService/ListEvidence", &list).await;
        let verify = pb::VerifyRequest {
            subject: subject(),
            proof: Some(proof(&self.canaries.wrong_digits())),
            context: context(),
            requirements: vec!["nothing".to_owned(), "countersign.remove".to_owned()],
            request_id: canaries::request_id(),
            ..Default::default()
        };
        self.call::<pb::VerifyResponse>("VerificationService/Verify", &verify).await;
        let (setup, request_id) =
            (Some(Setup::RecoveryCodes(pb::RecoveryCodesSetup::default())), canaries::request_id());
        let enroll = pb::EnrollDeviceRequest {
            subject: subject(),
            setup,
            context: context(),
            request_id,
            ..Default::default()
        };
        let enrolled = self.call::<pb::EnrollDeviceResponse>("DeviceService/EnrollDevice", &enroll).await;
        let device_id = enrolled.and_then(|enrolled| enrolled.device).unwrap_or_default().id;
        let update = pb::UpdateDeviceRequest {
            subject: subject(),
            device_id: device_id.clone(),
            update_mask: Some(prost_types::FieldMask { paths: vec!["suspended".to_owned()] }),
            suspended: true,
            context: context(),
            ..Default::default()
        };
        self.call::<pb::UpdateDeviceResponse>("DeviceService/UpdateDevice", &update).await;
        let delete = pb::DeleteDeviceRequest {
            subject: subject(),
            device_id,
            context: context(),
            ..Default::default()
        };
        self.call::<pb::DeleteDeviceResponse>("DeviceService/DeleteDevice", &delete).await;
        let session = context().unwrap_or_default().session;
        let revoke = pb::RevokeEvidenceRequest {
            subject: subject(),
            selection: Some(pb::revoke_evidence_request::Selection::Session(session)),
            request_id: canaries::request_id(),
        };
        self.call::<pb::RevokeEvidenceResponse>("AssuranceService/RevokeEvidence", &revoke).await;
    }

    async fn call<R: prost::Message + Default>(
        &mut self,
        method: &str,
        request: &impl prost::Message,
    ) -> Option<R> {
        let answer = self.client.send(method, request).await;
        self.heard(answer)
    }
}
