//! Evidence: what verifications leave behind, and what was proved elsewhere.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;

use super::Service;
use super::unit::{Once, Reply, Step};
use crate::assurance::counting::{Asked, CLOCK_SKEW, counts};
use crate::auth::{Caller, Grant, rpc};
use crate::domain::context::{Context, Reach};
use crate::domain::device::{Device, State};
use crate::domain::event::{Event, What};
use crate::domain::evidence::{Binding, Evidence, Scope};
use crate::domain::ids::{DeviceId, EvidenceId, Subject};
use crate::domain::method::{Method, MethodName, Sort};
use crate::domain::moment::Moment;
use crate::domain::policy::Policy;
use crate::domain::strength::Strength;
use crate::domain::violation::Violations;
use crate::error::{Error, Fault};
use crate::kinds;
use crate::store::{Change, Commit, Standing, Wanted};

/// The problem of a context that names nothing in which evidence could count.
pub const NOWHERE_TO_COUNT: &str = "must name where this counts: a session, a transaction, or with the scope CLIENT a client that is remembered";

/// How long ago a client must have been seen that is noted as seen again.
const SEEN_EVERY: Duration = Duration::from_secs(3600);

/// Something that was proved elsewhere.
#[derive(Debug, Clone)]
pub struct Testimony {
    /// By whom.
    pub subject: Subject,
    /// Where.
    pub context: Context,
    /// How, by a name of the configuration.
    pub method: String,
    /// When. `None`: now.
    pub at: Option<Moment>,
    /// Who says so.
    pub source: Option<Arc<str>>,
    /// What they say of how, beside what the configuration does.
    pub amr: Vec<String>,
    /// How far it reaches.
    pub reach: Reach,
}

/// New evidence, and what else its commit changes.
pub(super) struct Given {
    pub(super) evidence: Evidence,
    pub(super) seen: Option<Change>,
}

/// Where evidence is given.
pub(super) struct Giving<'a> {
    pub(super) policy: &'a Policy,
    pub(super) context: &'a Context,
    pub(super) reach: Reach,
    /// Needed only where the context shows a client's token.
    pub(super) standing: Option<&'a Standing>,
    pub(super) now: Moment,
}

impl Service {
    /// What a device has proved now.
    pub(super) fn given(&self, device: &Device, giving: &Giving<'_>) -> Result<Given, Fault> {
        let method = Method::device(device.kind.clone(), device.id.clone());
        let strength = kinds::kind(&device.kind)?.info().strength();
        Ok(self.give(method, strength, device.epoch, giving.now, None, giving))
    }

    fn give(
        &self,
        method: Method,
        strength: Strength,
        epoch: i64,
        at: Moment,
        source: Option<Arc<str>>,
        giving: &Giving<'_>,
    ) -> Given {
        let Giving { policy, context, reach, standing, now } = giving;
        let client = standing.and_then(|standing| standing.recognised(context, *now));
        let scope = match (reach, context.transaction, client) {
            (Reach::Usual | Reach::Transaction, Some(digest), _) => Scope::Transaction(digest),
            (Reach::Client, _, Some(_)) => Scope::Client,
            _ => Scope::Session,
        };
        let lasts = match scope {
            Scope::Transaction(_) => policy.evidence.transaction_for,
            Scope::Session => policy.evidence.session_for,
            Scope::Client => policy.evidence.client_for,
        };
        let seen = client.filter(|client| now.since(client.seen_at) >= SEEN_EVERY);
        let evidence = Evidence {
            id: EvidenceId::from_entropy(self.entropy.bytes()),
            method,
            verified_at: at,
            expires_at: at.plus(lasts),
            scope,
            binding: Binding {
                session: context.session.clone(),
                client: client.map(|client| client.id.clone()),
            },
            epoch,
            revoked: false,
            used_up: false,
            strength,
            source,
        };
        Given { evidence, seen: seen.map(|client| Change::See(client.id.clone(), *now)) }
    }

    /// Records what was proved elsewhere.
    ///
    /// # Errors
    /// The method is not configured; the context names nothing in which the evidence could count; the time lies in the
    /// future, too far in the past, or not after a sign-out; the database does not answer.
    pub async fn record_evidence(
        &self,
        grant: &Grant<rpc::RecordEvidence>,
        testimony: &Testimony,
        once: Option<Once<Evidence>>,
    ) -> Result<Reply<Evidence>, Error> {
        let caller = grant.caller();
        self.unit(caller, &testimony.subject, once, move |_| {
            async move {
                let Testimony { subject, context, .. } = testimony;
                let mut strength = self.external(&testimony.method)?;
                strength.amr.extend(testimony.amr.iter().map(|value| value.clone().into()));
                let now = self.clock.now();
                let standing = self.standing_of(&caller.tenant, subject, Wanted::Here(context, now)).await?;
                if testimony.at.is_some_and(|at| at > now.plus(CLOCK_SKEW)) {
                    return Err(Violations::one("verify_time", "must not lie in the future").into());
                }
                // As it is stored. The clock of the caller may be ahead: after a sign-out that is no later proof.
                let at = testimony.at.map_or(now, |at| at.min(now));
                if testimony.at.is_some() {
                    self.refuse_revoked(caller, testimony, &standing, at).await?;
                }
                let giving = Giving {
                    policy: self.policy(caller),
                    context,
                    reach: testimony.reach,
                    standing: Some(&standing),
                    now,
                };
                let method = Method::External(MethodName::trusted(testimony.method.clone()));
                let (epoch, source) = (standing.state.epoch, testimony.source.clone());
                let Given { evidence, seen } = self.give(method, strength, epoch, at, source, &giving);
                if evidence.scope == Scope::Session && evidence.binding.session.is_none() {
                    return Err(Violations::one("context", NOWHERE_TO_COUNT).into());
                }
                if evidence.expires_at <= now {
                    let problem = "is so long ago that it counts for nothing";
                    return Err(Violations::one("verify_time", problem).into());
                }
                let event = Event::about(&caller.tenant, subject, What::EvidenceRecorded, &caller.name, now)
                    .with("method", &testimony.method)
                    .with("evidence", &evidence.id);
                // Changes the subject, too: a sign-out that commits first makes this commit stale.
                let next = standing.state.moved_on(!standing.devices.is_empty(), now);
                let mut commit = Commit::new(event)
                    .change(Change::Subject(next))
                    .change(Change::Evidence(Box::new(evidence.clone())));
                if let Some(seen) = seen {
                    commit = commit.change(seen);
                }
                Ok(Step::Commit(commit, evidence))
            }
            .boxed()
        })
        .await
    }

    /// Refuses a time of proof that is not after the last sign-out, everywhere or of the session. Otherwise evidence
    /// that is recorded late would outlive the sign-out.
    async fn refuse_revoked(
        &self,
        caller: &Caller,
        testimony: &Testimony,
        standing: &Standing,
        at: Moment,
    ) -> Result<(), Error> {
        let Testimony { subject, context, .. } = testimony;
        let mut revoked_at = standing.state.signed_out_at;
        if let Some(session) = &context.session {
            let of_session = self.store.session_revoked_at(&caller.tenant, subject, session).await?;
            revoked_at = revoked_at.max(of_session);
        }
        match revoked_at.filter(|revoked_at| at <= *revoked_at) {
            Some(revoked_at) => {
                let problem = format!("must be after the sign-out at {revoked_at}");
                Err(Violations::one("verify_time", problem).into())
            }
            None => Ok(()),
        }
    }

    /// What an external method is worth.
    fn external(&self, name: &str) -> Result<Strength, Error> {
        let book = self.rulebook();
        let entry = book.vocabulary().entry(name).filter(|entry| matches!(entry.sort, Sort::External(_)));
        entry.and_then(|entry| entry.strengths.first().cloned()).ok_or_else(|| {
            let known = book.vocabulary().iter().filter_map(|entry| match &entry.sort {
                Sort::External(name) => Some(name.as_str().to_owned()),
                Sort::Kind(_) => None,
            });
            let known: Vec<String> = known.collect();
            let problem = match known.as_slice() {
                [] => "must be a method of the configuration, which has none".to_owned(),
                known => format!("must be a method of the configuration: {}", known.join(", ")),
            };
            Violations::one("method", problem).into()
        })
    }

    /// The evidence of a subject that counts, newest first: in a context, or anywhere.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn evidence(
        &self,
        grant: &Grant<rpc::ListEvidence>,
        subject: &Subject,
        context: Option<&Context>,
    ) -> Result<Vec<Evidence>, Error> {
        let now = self.clock.now();
        let wanted = context.map_or(Wanted::All(now), |context| Wanted::Here(context, now));
        let standing = self.standing_of(&grant.caller().tenant, subject, wanted).await?;
        let mut evidence = counting(&standing, context, now);
        evidence.sort_by(|a, b| (Reverse(a.verified_at), &a.id).cmp(&(Reverse(b.verified_at), &b.id)));
        Ok(evidence)
    }
}

/// The evidence that counts: in a context, or somewhere.
pub(super) fn counting(standing: &Standing, context: Option<&Context>, now: Moment) -> Vec<Evidence> {
    let active = standing.devices.iter().filter(|device| device.state == State::Active);
    let active: Vec<DeviceId> = active.map(|device| device.id.clone()).collect();
    let client = context.and_then(|context| standing.recognised(context, now));
    let counts_here = |evidence: &&Evidence| {
        let (session, client, transaction) = match context {
            Some(context) => (context.session.as_ref(), client.map(|client| &client.id), context.transaction),
            // Where it was given.
            None => {
                let Binding { session, client } = &evidence.binding;
                let transaction = match evidence.scope {
                    Scope::Transaction(digest) => Some(digest),
                    Scope::Session | Scope::Client => None,
                };
                (session.as_ref(), client.as_ref(), transaction)
            }
        };
        let epoch = standing.state.epoch;
        let asked = Asked { session, client, transaction, now, epoch, active_devices: &active };
        counts(evidence, &asked).is_ok()
    };
    standing.evidence.iter().filter(counts_here).cloned().collect()
}
