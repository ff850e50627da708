//! A subject with a device of every sort, and a request of every sort that would succeed.

use countersign::wire::pb;
use countersign::wire::pb::revoke_evidence_request::Selection;
use prost::Message as _;

use super::calls::{codes_setup, hotp_setup, totp_setup};
use super::descriptors::{methods, path};
use super::{Client, START, code, hotp, proof, secret_of};

/// The secret of the phone of the fixture, and of every other device.
pub(crate) const SECRET: &[u8] = b"12345678901234567890";
/// The secret of the fixture's token.
pub(crate) const TOKEN: &[u8] = b"the secret of a token";
/// A secret that no device of the fixture has.
pub(crate) const OTHER: &[u8] = b"abcdefghijklmnopqrst";
/// Of the form of an id, and nobody's.
pub(crate) const NOBODYS: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaa";
/// A code that no device of the fixture has anywhere near.
pub(crate) const WRONG: &str = "000000";

/// A subject with a device of every sort, at [`START`].
pub(crate) struct Fixture {
    pub(crate) subject: String,
    /// A TOTP device that waits to be confirmed.
    pub(crate) pending: pb::Device,
    /// An active TOTP device, whose code of [`START`] is used.
    pub(crate) totp: pb::Device,
    /// An active HOTP device, whose counters 0 and 1 are used.
    pub(crate) hotp: pb::Device,
    /// An active HOTP device with one failure.
    pub(crate) tried: pb::Device,
    /// A list of three recovery codes.
    pub(crate) list: pb::Device,
    /// The codes of that list.
    pub(crate) codes: Vec<String>,
    /// The session in which all of it was proved.
    pub(crate) session: String,
    /// A client that is remembered, and its token.
    pub(crate) client: pb::Client,
    pub(crate) client_token: String,
    /// A password, for the transaction of that digest.
    pub(crate) evidence: pb::Evidence,
    pub(crate) digest: Vec<u8>,
}

/// A request that would succeed.
pub(crate) struct Valid {
    /// The method, and which sort of request it is where there are several.
    pub(crate) label: &'static str,
    /// How the method is called.
    pub(crate) path: String,
    /// The message.
    pub(crate) body: Vec<u8>,
}

impl Fixture {
    /// Enrolls the devices, and proves something.
    pub(crate) async fn new(client: &Client, subject: &str) -> Self {
        let totp = client.active_totp_named(subject, "phone", SECRET, START).await;
        let hotp = client.active_hotp(subject, "token", TOKEN).await;
        let tried = client.active_hotp(subject, "tried", &secret_of("tried")).await;
        let tried = client.verify(subject, &tried.id, WRONG).await.unwrap().device.unwrap();
        let (list, codes) = client.list_of_codes(subject, 3).await;
        let (session, digest) = (format!("session of {subject}"), vec![7; 32]);
        let here = || pb::Context { session: session.clone(), ..Default::default() };
        client.verify_in(here(), subject, &hotp.id, &self::hotp(TOKEN, 1)).await;
        let pending = client.enroll_totp(subject, "new phone", &secret_of("new phone")).await;
        let remembered = client.remember(subject, "browser").await;
        let context = pb::Context { transaction_digest: digest.clone(), ..here() };
        let evidence = client.record(context, subject, "password").await.unwrap();
        Self {
            subject: subject.to_owned(),
            pending,
            totp,
            hotp,
            tried,
            list,
            codes,
            session,
            client: remembered.client.unwrap(),
            client_token: remembered.client_token,
            evidence,
            digest,
        }
    }

    /// Where everything was proved.
    pub(crate) fn context(&self) -> pb::Context {
        pb::Context {
            session: self.session.clone(),
            client_token: self.client_token.clone(),
            transaction_digest: Vec::new(),
        }
    }

    /// A request of every sort. Each would succeed, but not all of them one after the other.
    pub(crate) fn requests(&self) -> Vec<Valid> {
        let subject = || self.subject.clone();
        let context = || Some(self.context());
        let enroll = |name: &str, setup| {
            let (name, setup) = (name.to_owned(), Some(setup));
            let context = context();
            pb::EnrollDeviceRequest { subject: subject(), name, setup, context, ..Default::default() }
                .encode_to_vec()
        };
        let issue = |request: pb::IssueRecoveryCodesRequest| {
            pb::IssueRecoveryCodesRequest {
                subject: subject(),
                device_id: self.list.id.clone(),
                context: context(),
                ..request
            }
            .encode_to_vec()
        };
        let verify = |device_id: &pb::Device, code: &str| pb::VerifyRequest {
            subject: subject(),
            device_id: device_id.id.clone(),
            proof: Some(proof(code)),
            context: context(),
            requirements: vec!["login".to_owned()],
            attributes: [("amount".to_owned(), "7".to_owned())].into(),
            capabilities: vec![pb::ClientCapability::Code.into()],
            scope: pb::EvidenceScope::Client.into(),
            ..Default::default()
        };
        let paths = ["name", "preferred", "suspended"].map(str::to_owned).to_vec();
        let bodies: Vec<(&'static str, Vec<u8>)> = vec![
            ("EnrollDevice totp", enroll("another phone", totp_setup(OTHER))),
            ("EnrollDevice hotp", enroll("another token", hotp_setup(&secret_of("another token"), 0))),
            ("EnrollDevice recovery_codes", enroll("another list", codes_setup(0))),
            (
                "ConfirmDevice",
                pb::ConfirmDeviceRequest {
                    subject: subject(),
                    device_id: self.pending.id.clone(),
                    proof: Some(proof(&code(&secret_of("new phone"), START, 0))),
                    context: context(),
                    scope: pb::EvidenceScope::Session.into(),
                    ..Default::default()
                }
                .encode_to_vec(),
            ),
            (
                "GetDevice",
                pb::GetDeviceRequest { subject: subject(), device_id: self.totp.id.clone() }.encode_to_vec(),
            ),
            (
                "ListDevices",
                pb::ListDevicesRequest {
                    subject: subject(),
                    states: vec![pb::DeviceState::Active.into()],
                    kinds: vec![pb::DeviceKind::Totp.into()],
                    ..Default::default()
                }
                .encode_to_vec(),
            ),
            (
                "UpdateDevice",
                pb::UpdateDeviceRequest {
                    subject: subject(),
                    device_id: self.totp.id.clone(),
                    update_mask: Some(prost_types::FieldMask { paths }),
                    name: "old phone".to_owned(),
                    preferred: true,
                    suspended: true,
                    etag: self.totp.etag.clone(),
                    context: context(),
                    ..Default::default()
                }
                .encode_to_vec(),
            ),
            (
                "DeleteDevice",
                pb::DeleteDeviceRequest {
                    subject: subject(),
                    device_id: self.hotp.id.clone(),
                    context: context(),
                    ..Default::default()
                }
                .encode_to_vec(),
            ),
            (
                "ResyncDevice",
                pb::ResyncDeviceRequest {
                    subject: subject(),
                    device_id: self.hotp.id.clone(),
                    codes: vec![hotp(TOKEN, 50), hotp(TOKEN, 51)],
                    ..Default::default()
                }
                .encode_to_vec(),
            ),
            (
                "UnlockDevice",
                pb::UnlockDeviceRequest {
                    subject: subject(),
                    device_id: self.tried.id.clone(),
                    ..Default::default()
                }
                .encode_to_vec(),
            ),
            ("IssueRecoveryCodes", issue(pb::IssueRecoveryCodesRequest { count: 5, ..Default::default() })),
            (
                "IssueRecoveryCodes chosen",
                issue(pb::IssueRecoveryCodesRequest { code: "open sesame".to_owned(), ..Default::default() }),
            ),
            ("GetSubject", pb::GetSubjectRequest { subject: subject() }.encode_to_vec()),
            (
                "UnlockSubject",
                pb::UnlockSubjectRequest { subject: subject(), ..Default::default() }.encode_to_vec(),
            ),
            ("Verify", verify(&self.totp, &code(SECRET, START, 1)).encode_to_vec()),
            ("Verify any", {
                let any = verify(&self.totp, &code(SECRET, START, 1));
                pb::VerifyRequest { device_id: String::new(), ..any }.encode_to_vec()
            }),
        ];
        let requests: Vec<Valid> = bodies
            .into_iter()
            .chain(self.of_assurance())
            .map(|(label, body)| {
                let method = methods().into_iter().find(|m| label.split(' ').next() == Some(m.name()));
                Valid { label, path: path(&method.unwrap()), body }
            })
            .collect();
        for method in methods() {
            let has_one = requests.iter().any(|request| request.path == path(&method));
            assert!(has_one, "{} has no request in the fixture: add one", method.full_name());
        }
        requests
    }
    /// Those of the second question.
    fn of_assurance(&self) -> Vec<(&'static str, Vec<u8>)> {
        let subject = || self.subject.clone();
        let for_transaction =
            || Some(pb::Context { transaction_digest: self.digest.clone(), ..self.context() });
        let revoke = |selection| {
            pb::RevokeEvidenceRequest {
                subject: subject(),
                selection: Some(selection),
                request_id: String::new(),
            }
            .encode_to_vec()
        };
        vec![
            (
                "Evaluate",
                pb::EvaluateRequest {
                    subject: subject(),
                    context: for_transaction(),
                    requirements: vec!["payout".to_owned(), "login".to_owned()],
                    attributes: [("amount".to_owned(), "7".to_owned())].into(),
                    capabilities: vec![pb::ClientCapability::Code.into()],
                    ..Default::default()
                }
                .encode_to_vec(),
            ),
            (
                "RecordEvidence",
                pb::RecordEvidenceRequest {
                    subject: subject(),
                    context: Some(self.context()),
                    method: "password".to_owned(),
                    verify_time: Some(prost_types::Timestamp { seconds: START.secs(), nanos: 0 }),
                    source: "the app's own".to_owned(),
                    amr: vec!["pwd".to_owned()],
                    scope: pb::EvidenceScope::Client.into(),
                    request_id: String::new(),
                }
                .encode_to_vec(),
            ),
            (
                "ListEvidence",
                pb::ListEvidenceRequest {
                    subject: subject(),
                    context: Some(self.context()),
                    ..Default::default()
                }
                .encode_to_vec(),
            ),
            ("RevokeEvidence one", revoke(Selection::EvidenceId(self.evidence.id.clone()))),
            ("RevokeEvidence session", revoke(Selection::Session(self.session.clone()))),
            ("RevokeEvidence everything", revoke(Selection::Everything(true))),
            (
                "RememberClient",
                pb::RememberClientRequest {
                    subject: subject(),
                    name: "another browser".to_owned(),
                    duration: Some(prost_types::Duration { seconds: 3600, nanos: 0 }),
                    request_id: String::new(),
                }
                .encode_to_vec(),
            ),
            ("ListClients", pb::ListClientsRequest { subject: subject() }.encode_to_vec()),
            (
                "ForgetClients",
                pb::ForgetClientsRequest {
                    subject: subject(),
                    client_ids: vec![self.client.id.clone()],
                    request_id: String::new(),
                }
                .encode_to_vec(),
            ),
            ("ListRequirements", pb::ListRequirementsRequest {}.encode_to_vec()),
        ]
    }
}
