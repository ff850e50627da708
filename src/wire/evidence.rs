//! Evidence as messages.

use super::convert::timestamp;
use super::decision::named;
use super::pb;
use crate::domain::evidence::{Evidence, Scope};
use crate::domain::ids::{DeviceId, Subject};
use crate::domain::method::Method;
use crate::domain::strength::{FactorType, Strength};

/// Evidence as callers see it.
#[must_use]
pub fn evidence(subject: &Subject, evidence: &Evidence) -> pb::Evidence {
    use pb::method::Method as Message;
    let method = match &evidence.method {
        Method::Device { kind, .. } => Message::DeviceKind(named(kind).into()),
        Method::External(name) => Message::External(name.to_string()),
    };
    pb::Evidence {
        id: evidence.id.to_string(),
        subject: subject.to_string(),
        method: Some(pb::Method { method: Some(method) }),
        device_id: evidence.method.device_id().map_or(String::new(), DeviceId::to_string),
        verify_time: Some(timestamp(evidence.verified_at)),
        expire_time: Some(timestamp(evidence.expires_at)),
        scope: scope(evidence.scope).into(),
        strength: Some(strength(&evidence.strength)),
        source: evidence.source.as_deref().unwrap_or_default().to_owned(),
    }
}

fn scope(scope: Scope) -> pb::EvidenceScope {
    match scope {
        Scope::Transaction(_) => pb::EvidenceScope::Transaction,
        Scope::Session => pb::EvidenceScope::Session,
        Scope::Client => pb::EvidenceScope::Client,
    }
}

fn strength(strength: &Strength) -> pb::Strength {
    let factor = |factor: &FactorType| match factor {
        FactorType::Knowledge => pb::FactorType::Knowledge,
        FactorType::Possession => pb::FactorType::Possession,
        FactorType::Inherence => pb::FactorType::Inherence,
    };
    pb::Strength {
        amr: strength.amr.iter().map(ToString::to_string).collect(),
        factor_types: strength.factor_types.iter().map(|one| factor(one).into()).collect(),
        phishing_resistant: strength.phishing_resistant,
        hardware_bound: strength.hardware_bound,
        user_verified: strength.user_verified,
        restricted_channel: strength.restricted_channel,
        recovery: strength.recovery,
    }
}
