//! Evidence.

use sea_orm::entity::prelude::*;

use crate::domain::evidence::{Binding, Evidence, Scope, TransactionDigest};
use crate::domain::ids::{ClientId, DeviceId, EvidenceId, SessionId, Subject, Tenant};
use crate::domain::method::{Method, MethodName};
use crate::domain::moment::Moment;
use crate::error::Fault;

/// A row. What is absent is empty, so that every column can be compared.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "evidence")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub subject: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub method: String,
    pub device: String,
    pub verified_at: i64,
    pub expires_at: i64,
    pub scope: String,
    pub session: String,
    pub client: String,
    pub digest: Vec<u8>,
    pub epoch: i64,
    pub strength: String,
    pub source: String,
    pub revoked_at: Option<i64>,
    pub spent_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The name of a scope, and the digest of the transaction.
pub fn scope(scope: &Scope) -> (&'static str, &[u8]) {
    match scope {
        Scope::Transaction(TransactionDigest(digest)) => ("transaction", digest),
        Scope::Session => ("session", &[]),
        Scope::Client => ("client", &[]),
    }
}

/// What it is worth, as it is written.
pub fn strength(evidence: &Evidence) -> Result<String, Fault> {
    serde_json::to_string(&evidence.strength).map_err(|e| Fault::internal("writing evidence", e))
}

impl Model {
    /// New evidence as it is written.
    pub fn of(tenant: &Tenant, subject: &Subject, evidence: &Evidence) -> Result<Self, Fault> {
        let (name, digest) = scope(&evidence.scope);
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let Binding { session, client } = &evidence.binding;
        Ok(Self {
            tenant: tenant.as_str().to_owned(),
            subject: subject.as_str().to_owned(),
            id: evidence.id.as_str().to_owned(),
            method: evidence.method.name().as_str().to_owned(),
            device: text(evidence.method.device_id().map(DeviceId::as_str)),
            verified_at: evidence.verified_at.micros(),
            expires_at: evidence.expires_at.micros(),
            scope: name.to_owned(),
            session: text(session.as_ref().map(SessionId::as_str)),
            client: text(client.as_ref().map(ClientId::as_str)),
            digest: digest.to_vec(),
            epoch: evidence.epoch,
            strength: strength(evidence)?,
            source: text(evidence.source.as_deref()),
            revoked_at: None,
            spent_at: evidence.used_up.then_some(evidence.verified_at.micros()),
        })
    }

    /// The evidence that is written here.
    pub fn evidence(self) -> Result<Evidence, Fault> {
        let broken = |what: &'static str| Fault::internal("reading a row of evidence", what);
        let name = MethodName::trusted(self.method);
        let method = match self.device.as_str() {
            "" => Method::External(name),
            id => Method::Device { kind: name, device: DeviceId::trusted(id) },
        };
        let scope = match self.scope.as_str() {
            "session" => Scope::Session,
            "client" => Scope::Client,
            "transaction" => {
                let digest = <[u8; 32]>::try_from(self.digest);
                Scope::Transaction(TransactionDigest(digest.map_err(|_| broken("its digest is no SHA-256"))?))
            }
            _ => return Err(broken("its scope is not known to this version")),
        };
        let there = |text: String| (!text.is_empty()).then_some(text);
        Ok(Evidence {
            id: EvidenceId::trusted(&self.id),
            method,
            verified_at: Moment::from_micros(self.verified_at),
            expires_at: Moment::from_micros(self.expires_at),
            scope,
            binding: Binding {
                session: there(self.session).map(|text| SessionId::trusted(&text)),
                client: there(self.client).map(|text| ClientId::trusted(&text)),
            },
            epoch: self.epoch,
            revoked: self.revoked_at.is_some(),
            used_up: self.spent_at.is_some(),
            strength: serde_json::from_str(&self.strength)
                .map_err(|e| Fault::internal("reading a row of evidence", e))?,
            source: there(self.source).map(Into::into),
        })
    }
}
