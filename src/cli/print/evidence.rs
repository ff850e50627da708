//! Evidence in words.

use super::{bare, kind};
use crate::wire::convert::rfc3339;
use crate::wire::pb;

/// The heading over rows of evidence.
pub(in crate::cli) const EVIDENCE: [&str; 6] = ["EVIDENCE", "METHOD", "VERIFIED", "EXPIRES", "SCOPE", "BY"];

/// A piece of evidence in one row.
pub(in crate::cli) fn evidence(evidence: &pb::Evidence) -> [String; 6] {
    let time = |time: &Option<_>| time.as_ref().map_or_else(String::new, rfc3339);
    let by = if evidence.device_id.is_empty() { &evidence.source } else { &evidence.device_id };
    [
        evidence.id.clone(),
        method(evidence),
        time(&evidence.verify_time),
        time(&evidence.expire_time),
        scope(evidence.scope),
        by.clone(),
    ]
}

/// How it was proved: a kind of device, or the name of what was proved elsewhere.
fn method(evidence: &pb::Evidence) -> String {
    use pb::method::Method;
    match evidence.method.as_ref().and_then(|method| method.method.as_ref()) {
        Some(Method::DeviceKind(number)) => kind(*number),
        Some(Method::External(name)) => name.clone(),
        None => "in a way that this version does not know".to_owned(),
    }
}

/// A scope in a word: `session`.
fn scope(number: i32) -> String {
    let known = pb::EvidenceScope::try_from(number).ok();
    bare(known.map(|scope| scope.as_str_name()), "EVIDENCE_SCOPE_", number)
}

/// A new piece of evidence in a line.
pub(in crate::cli) fn gained(evidence: &pb::Evidence) -> String {
    let until = evidence.expire_time.as_ref().map_or_else(String::new, rfc3339);
    format!(
        "evidence {}: {}, for this {} until {until}",
        evidence.id,
        method(evidence),
        scope(evidence.scope)
    )
}

#[cfg(test)]
mod tests {
    use prost_types::Timestamp;

    use super::*;

    #[test]
    fn evidence_is_told_by_its_device_or_by_who_says_so() {
        let at = |seconds| Some(Timestamp { seconds, nanos: 0 });
        let by = |method| Some(pb::Method { method: Some(method) });
        let device = pb::Evidence {
            id: "e1".into(),
            method: by(pb::method::Method::DeviceKind(pb::DeviceKind::Totp.into())),
            device_id: "d1".into(),
            verify_time: at(0),
            expire_time: at(60),
            scope: pb::EvidenceScope::Client.into(),
            ..Default::default()
        };
        let row = ["e1", "totp", "1970-01-01T00:00:00Z", "1970-01-01T00:01:00Z", "client", "d1"];
        assert_eq!(evidence(&device), row);
        assert_eq!(gained(&device), "evidence e1: totp, for this client until 1970-01-01T00:01:00Z");
        let elsewhere = pb::Evidence {
            method: by(pb::method::Method::External("oidc".into())),
            device_id: String::new(),
            source: "https://id.example".into(),
            ..device
        };
        let [_, method, .., by] = evidence(&elsewhere);
        assert_eq!((method.as_str(), by.as_str()), ("oidc", "https://id.example"));
    }
}
