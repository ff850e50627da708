//! What a tenant sets.

use std::collections::BTreeMap;
use std::time::Duration;

use toml::Value;

use super::error::ConfigError;
use super::guess::Guess;
use super::layers::{Layers, Sourced};
use super::take::{Take, flag, number, span, text};
use crate::domain::ids::Tenant;
use crate::domain::policy::{EvidencePolicy, Policies, Policy};
use crate::domain::setting::{Setting, Unit};
use crate::domain::throttle::{LONGEST_DELAY, ThrottlePolicy};
use crate::kinds;

/// Parses the settings of every tenant. One tenant's stand over those of all.
pub(super) fn policies(layers: &Layers, errors: &mut ConfigError) -> Policies {
    let default = policy(&layers.policy, &Policy::default(), "policy", errors);
    let mut policies = Policies { default, ..Policies::default() };
    for (name, settings) in &layers.tenants {
        let place = format!("tenants.{name}");
        match Tenant::parse(name) {
            Ok(tenant) => {
                let policy = policy(settings, &policies.default, &place, errors);
                policies.tenants.insert(tenant, policy);
            }
            Err(problem) => errors.add(place, format!("the tenant's name {problem}")),
        }
    }
    policies
}

fn policy(
    settings: &BTreeMap<String, Sourced>,
    base: &Policy,
    place: &str,
    errors: &mut ConfigError,
) -> Policy {
    let (zero, second, hour) = (Duration::ZERO, Duration::from_secs(1), Duration::from_secs(3600));
    let day = 24 * hour;
    let mut take = Take::from(settings, errors);
    let throttle = ThrottlePolicy {
        factor: take.parsed("throttle.factor", base.throttle.factor, |v| span(v, zero, 60 * second)),
        max_delay: take
            .parsed("throttle.max_delay", base.throttle.max_delay, |v| span(v, second, LONGEST_DELAY)),
        subject_max_delay: take.parsed("throttle.subject_max_delay", base.throttle.subject_max_delay, |v| {
            span(v, second, LONGEST_DELAY)
        }),
        // NIST SP 800-63B-4, 3.2.2: no more than 100 failures in a row.
        lock_after: take.parsed("throttle.lock_after", base.throttle.lock_after, |v| number(v, 3, 100)),
    };
    let mut of_kinds = base.kinds.clone();
    for setting in kinds::settings() {
        let value = take.parsed(setting.name, base.kinds.number(setting), |v| of_kind(setting, v));
        of_kinds.set(setting, value);
    }
    let evidence = EvidencePolicy {
        session_for: take.parsed("evidence.session_for", base.evidence.session_for, |v| {
            whole(span(v, 60 * second, 31 * day)?)
        }),
        client_for: take.parsed("evidence.client_for", base.evidence.client_for, |v| {
            whole(span(v, 60 * second, 366 * day)?)
        }),
        transaction_for: take.parsed("evidence.transaction_for", base.evidence.transaction_for, |v| {
            whole(span(v, 10 * second, hour)?)
        }),
    };
    let policy = Policy {
        issuer: take.maybe("issuer", |v| issuer(text(v)?)).or_else(|| base.issuer.clone()),
        image: take.maybe("image", |v| short(text(v)?, 255)).or_else(|| base.image.clone()),
        throttle,
        devices_per_subject: take
            .parsed("devices_per_subject", base.devices_per_subject, |v| number(v, 1, 200)),
        pending_for: take.parsed("pending_for", base.pending_for, |v| span(v, 60 * second, 15 * 60 * second)),
        kinds: of_kinds,
        evidence,
        remember_for: take.parsed("remember_for", base.remember_for, |v| whole(span(v, hour, 366 * day)?)),
        enrollment_grace: take
            .maybe("enrollment_grace", |v| whole(span(v, hour, 366 * day)?))
            .or(base.enrollment_grace),
    };
    let guess = Guess::of(&policy);
    if guess.is_too_likely() {
        errors.add(place, guess.refusal());
    }
    policy
}

/// A value of a setting that a kind brings along.
fn of_kind(setting: &Setting, value: &Value) -> Result<u32, String> {
    match setting.unit {
        Unit::Number => number(value, setting.least.into(), setting.most.into()),
        Unit::Seconds => {
            let [least, most] = [setting.least, setting.most].map(|secs| Duration::from_secs(secs.into()));
            let span = whole(span(value, least, most)?)?;
            u32::try_from(span.as_secs()).map_err(|e| e.to_string())
        }
        Unit::Flag => flag(value).map(u32::from),
    }
}

fn whole(span: Duration) -> Result<Duration, String> {
    if span.subsec_nanos() == 0 { Ok(span) } else { Err("must be whole seconds".to_owned()) }
}

/// Refuses an issuer that apps would show differently: a colon ends the issuer in the label of a URI, and apps drop
/// white space around it.
fn issuer(text: String) -> Result<String, String> {
    let text = short(text, 128)?;
    if text.contains(':') || text.trim() != text {
        return Err(
            "must not hold a colon, or begin or end with white space: apps would show another".to_owned()
        );
    }
    Ok(text)
}

/// Both stand in the URI of every enrollment, percent-encoded, and that must fit into a QR code.
fn short(text: String, most: usize) -> Result<String, String> {
    if text.is_empty() || text.len() > most || text.chars().any(char::is_control) {
        return Err(format!("must be 1 to {most} bytes without control characters"));
    }
    Ok(text)
}
