//! `AssuranceService`.

use std::sync::Arc;
use std::time::Duration;

use tonic::{Request, Response, Status};

use super::{Received, Rpc, answer, kept, message, once, parse, received, view};
use crate::auth::{self, rpc};
use crate::domain::client::Client;
use crate::domain::context::NOWHERE;
use crate::domain::evidence::Evidence;
use crate::domain::ids::{ClientId, ClientName, EvidenceId, SessionId, Subject};
use crate::domain::violation::{Problem, Violations};
use crate::service::{
    CLIENTS_MAX, Decisions, NOWHERE_TO_COUNT, Question, Remembered, Reply, Revocation, Testimony,
};
use crate::wire::convert::{parse_moment, timestamp};
use crate::wire::decision::decided;
use crate::wire::evidence::evidence;
use crate::wire::pb;
use crate::wire::pb::assurance_service_server::AssuranceService;
use crate::wire::pb::revoke_evidence_request::Selection;

/// Evidence on a page by default, and at most.
const PAGE: usize = 50;
const PAGE_MAX: usize = 200;
/// The longest source, in bytes.
const SOURCE_MAX: usize = 255;
/// Values of an issuer at most, and their longest, in bytes.
const AMR_MAX: usize = 16;
const AMR_LONGEST: usize = 255;
/// The bytes of all values of an issuer together at most. A subject has up to 256 pieces of evidence with them.
const AMR_BYTES_MAX: usize = 512;

#[tonic::async_trait]
impl AssuranceService for Rpc {
    async fn evaluate(
        &self,
        request: Request<pb::EvaluateRequest>,
    ) -> Result<Response<pb::EvaluateResponse>, Status> {
        let Received { caller, asked, name } = received(request)?;
        let answered = async {
            let grant = auth::grant::<rpc::Evaluate>(&caller)?;
            let write = |decisions: &Decisions| {
                Ok(pb::EvaluateResponse {
                    decisions: decisions.each.iter().map(decided).collect(),
                    joint: decisions.joint.decided().map(decided),
                    joint_absence: view::joint_absence(&decisions.joint).into(),
                })
            };
            let mut violations = Violations::default();
            let once = once("Evaluate", &asked.request_id, &asked, &mut violations, &write);
            let subject = parse::subject(&mut violations, &asked.subject);
            let context = parse::context(&mut violations, asked.context);
            if asked.requirements.is_empty() {
                violations.push("requirements", Problem::new("must name at least one"));
            }
            let question =
                parse::question(&mut violations, asked.requirements, asked.attributes, asked.capabilities);
            let question = Question { explain: asked.explain, ..question };
            let subject = parse::checked(violations, subject)?;
            let context = context.as_ref().unwrap_or(&NOWHERE);
            let reply = self.service.evaluate(&grant, &subject, context, &question, once).await?;
            let mut answer = message(&reply, &write)?;
            if let Reply::Again(_) = reply
                && let Some(kept) = kept::of(&answer.decisions, answer.joint.as_ref())
                && let Some(anew) = self.service.revisit(&grant, &subject, context, &question, &kept).await?
            {
                answer.decisions = anew.each.iter().map(decided).collect();
                answer.joint = anew.joint.decided().map(decided);
                answer.joint_absence = view::joint_absence(&anew.joint).into();
            }
            Ok(answer)
        }
        .await;
        answer(answered, &name)
    }

    async fn record_evidence(
        &self,
        request: Request<pb::RecordEvidenceRequest>,
    ) -> Result<Response<pb::RecordEvidenceResponse>, Status> {
        let Received { caller, asked, name } = received(request)?;
        let answered = async {
            let grant = auth::grant::<rpc::RecordEvidence>(&caller)?;
            let mut violations = Violations::default();
            let subject = parse::subject(&mut violations, &asked.subject);
            let whose = subject.clone();
            let write = move |recorded: &Evidence| {
                let recorded = whose.as_ref().map(|subject| evidence(subject, recorded));
                Ok(pb::RecordEvidenceResponse { evidence: recorded })
            };
            let once = once("RecordEvidence", &asked.request_id, &asked, &mut violations, &write);
            let testimony = testimony(subject, asked, &mut violations);
            let testimony = parse::checked(violations, testimony)?;
            message(&self.service.record_evidence(&grant, &testimony, once).await?, &write)
        }
        .await;
        answer(answered, &name)
    }

    async fn list_evidence(
        &self,
        request: Request<pb::ListEvidenceRequest>,
    ) -> Result<Response<pb::ListEvidenceResponse>, Status> {
        let Received { caller, asked, name } = received(request)?;
        let answered = async {
            let grant = auth::grant::<rpc::ListEvidence>(&caller)?;
            let mut violations = Violations::default();
            let subject = parse::subject(&mut violations, &asked.subject);
            let context = parse::context(&mut violations, asked.context);
            let size = parse::page_size(&mut violations, asked.page_size, PAGE, PAGE_MAX);
            let (subject, size) = parse::checked(violations, subject.zip(size))?;
            let all = self.service.evidence(&grant, &subject, context.as_ref()).await?;
            let id = |one: &Evidence| one.id.to_string();
            let write = |one: &Evidence| Ok(evidence(&subject, one));
            let (evidence, next_page_token) = parse::page(&all, size, &asked.page_token, id, write)?;
            Ok(pb::ListEvidenceResponse { evidence, next_page_token })
        }
        .await;
        answer(answered, &name)
    }

    async fn revoke_evidence(
        &self,
        request: Request<pb::RevokeEvidenceRequest>,
    ) -> Result<Response<pb::RevokeEvidenceResponse>, Status> {
        let Received { caller, asked, name } = received(request)?;
        let answered = async {
            let grant = auth::grant::<rpc::RevokeEvidence>(&caller)?;
            let write = |count: &u64| Ok(pb::RevokeEvidenceResponse { revoked_count: *count });
            let mut violations = Violations::default();
            let once = once("RevokeEvidence", &asked.request_id, &asked, &mut violations, &write);
            let subject = parse::subject(&mut violations, &asked.subject);
            let revocation = revocation(asked.selection, &mut violations);
            let (subject, revocation) = parse::checked(violations, subject.zip(revocation))?;
            message(&self.service.revoke_evidence(&grant, &subject, &revocation, once).await?, &write)
        }
        .await;
        answer(answered, &name)
    }

    async fn remember_client(
        &self,
        request: Request<pb::RememberClientRequest>,
    ) -> Result<Response<pb::RememberClientResponse>, Status> {
        let Received { caller, asked, name } = received(request)?;
        let answered = async {
            let grant = auth::grant::<rpc::RememberClient>(&caller)?;
            let write = |remembered: &Remembered| {
                Ok(pb::RememberClientResponse {
                    client_token: remembered.token.expose().to_owned(),
                    client: Some(client(&remembered.client)),
                })
            };
            let mut violations = Violations::default();
            let once = once("RememberClient", &asked.request_id, &asked, &mut violations, &write);
            let subject = parse::subject(&mut violations, &asked.subject);
            let label = violations.take("name", ClientName::parse(&asked.name));
            let duration = asked.duration.map(|duration| violations.take("duration", seconds(&duration)));
            let (subject, label) = parse::checked(violations, subject.zip(label))?;
            let duration = duration.flatten();
            message(&self.service.remember_client(&grant, &subject, &label, duration, once).await?, &write)
        }
        .await;
        answer(answered, &name)
    }

    async fn list_clients(
        &self,
        request: Request<pb::ListClientsRequest>,
    ) -> Result<Response<pb::ListClientsResponse>, Status> {
        let Received { caller, asked, name } = received(request)?;
        let answered = async {
            let grant = auth::grant::<rpc::ListClients>(&caller)?;
            let mut violations = Violations::default();
            let subject = parse::subject(&mut violations, &asked.subject);
            let subject = parse::checked(violations, subject)?;
            let clients = self.service.clients(&grant, &subject).await?;
            Ok(pb::ListClientsResponse { clients: clients.iter().map(client).collect() })
        }
        .await;
        answer(answered, &name)
    }

    async fn forget_clients(
        &self,
        request: Request<pb::ForgetClientsRequest>,
    ) -> Result<Response<pb::ForgetClientsResponse>, Status> {
        let Received { caller, asked, name } = received(request)?;
        let answered = async {
            let grant = auth::grant::<rpc::ForgetClients>(&caller)?;
            let write = |count: &u64| Ok(pb::ForgetClientsResponse { forgotten_count: *count });
            let mut violations = Violations::default();
            let once = once("ForgetClients", &asked.request_id, &asked, &mut violations, &write);
            let subject = parse::subject(&mut violations, &asked.subject);
            let ids = violations.each("client_ids", CLIENTS_MAX, asked.client_ids, |id| ClientId::parse(&id));
            let subject = parse::checked(violations, subject)?;
            message(&self.service.forget_clients(&grant, &subject, &ids, once).await?, &write)
        }
        .await;
        answer(answered, &name)
    }

    async fn list_requirements(
        &self,
        request: Request<pb::ListRequirementsRequest>,
    ) -> Result<Response<pb::ListRequirementsResponse>, Status> {
        let Received { caller, name, .. } = received(request)?;
        let answered = async {
            let grant = auth::grant::<rpc::ListRequirements>(&caller)?;
            let book = self.service.requirements(&grant);
            let requirements = book.requirements().iter().map(|requirement| pb::Requirement {
                name: requirement.name().to_owned(),
                revision: requirement.revision().to_owned(),
                expression: requirement.text().to_owned(),
            });
            Ok(pb::ListRequirementsResponse { requirements: requirements.collect() })
        }
        .await;
        answer(answered, &name)
    }
}

/// What was proved elsewhere.
fn testimony(
    subject: Option<Subject>,
    asked: pb::RecordEvidenceRequest,
    violations: &mut Violations,
) -> Option<Testimony> {
    let is_somewhere = asked.context.as_ref().is_some_and(|context| *context != pb::Context::default());
    let (context, reach) = parse::place(violations, asked.context, asked.scope);
    if !is_somewhere {
        violations.push("context", Problem::new(NOWHERE_TO_COUNT));
    }
    if asked.method.is_empty() {
        violations.push("method", Problem::new("must be given"));
    }
    if asked.source.len() > SOURCE_MAX || asked.source.chars().any(char::is_control) {
        let problem = format!("must be at most {SOURCE_MAX} bytes without control characters");
        violations.push("source", Problem::new(problem));
    }
    let amr = violations.each("amr", AMR_MAX, asked.amr, |value| {
        let is_plain =
            (1..=AMR_LONGEST).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_graphic());
        let problem = || {
            format!(
                "must be a value of RFC 8176 or a URI, of 1 to {AMR_LONGEST} ASCII characters without spaces"
            )
        };
        if is_plain { Ok(value) } else { Err(Problem::new(problem())) }
    });
    let amr_bytes: usize = amr.iter().map(String::len).sum();
    if amr_bytes > AMR_BYTES_MAX {
        let problem =
            format!("must be at most {AMR_BYTES_MAX} bytes, all values together, and are {amr_bytes}");
        violations.push("amr", Problem::new(problem));
    }
    let at = asked.verify_time.and_then(|time| violations.take("verify_time", parse_moment(&time)));
    Some(Testimony {
        subject: subject?,
        context: context.unwrap_or_default(),
        method: asked.method,
        at,
        source: (!asked.source.is_empty()).then(|| Arc::from(asked.source)),
        amr,
        reach,
    })
}

/// Which evidence is taken back.
fn revocation(selection: Option<Selection>, violations: &mut Violations) -> Option<Revocation> {
    match selection {
        Some(Selection::EvidenceId(id)) => {
            violations.take("evidence_id", EvidenceId::parse(&id)).map(Revocation::One)
        }
        Some(Selection::Session(session)) => {
            violations.take("session", SessionId::parse(&session)).map(Revocation::Session)
        }
        Some(Selection::Everything(true)) => Some(Revocation::Everything),
        Some(Selection::Everything(false)) => {
            violations.push("everything", Problem::new("must be true, or another selection"));
            None
        }
        None => {
            violations.push("selection", Problem::new("must be set: evidence_id, session or everything"));
            None
        }
    }
}

fn seconds(duration: &prost_types::Duration) -> Result<Duration, Problem> {
    match u64::try_from(duration.seconds) {
        Ok(seconds) if seconds > 0 && duration.nanos == 0 => Ok(Duration::from_secs(seconds)),
        _ => Err(Problem::new("must be a whole number of seconds, and more than none")),
    }
}

fn client(client: &Client) -> pb::Client {
    pb::Client {
        id: client.id.to_string(),
        name: client.name.to_string(),
        create_time: Some(timestamp(client.created_at)),
        last_seen_time: Some(timestamp(client.seen_at)),
        expire_time: Some(timestamp(client.expires_at)),
    }
}
