//! From what went wrong to what the caller is told: the whole table, as a golden file.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use countersign::domain::decision::{Decided, Decision};
use countersign::domain::device::State;
use countersign::domain::kind::Kind;
use countersign::domain::refusal::Refusal;
use countersign::domain::violation::Violations;
use countersign::error::{Error, Fault, Origin};
use countersign::wire::pb::ErrorReason;
use countersign::wire::status;
use tonic::Status;
use tonic_types::StatusExt as _;

use crate::harness::golden;

/// What a driver might say: none of it may reach the caller.
const CHAIN: &str = "UNIQUE constraint failed: device.secret";

/// One of each refusal. A new one does not compile here until it has a row.
fn refusals() -> Vec<(&'static str, Refusal)> {
    let name = |refusal: &Refusal| match refusal {
        Refusal::Invalid(_) => "Invalid",
        Refusal::CallerUnknown => "CallerUnknown",
        Refusal::RoleMissing { .. } => "RoleMissing",
        Refusal::DeviceNotFound => "DeviceNotFound",
        Refusal::DeviceExists => "DeviceExists",
        Refusal::SecretExists => "SecretExists",
        Refusal::DeviceState { .. } => "DeviceState",
        Refusal::DeviceKind { .. } => "DeviceKind",
        Refusal::DeviceLimit { .. } => "DeviceLimit",
        Refusal::RequirementNotFound { .. } => "RequirementNotFound",
        Refusal::StepUpRequired(_) => "StepUpRequired",
        Refusal::Stale => "Stale",
        Refusal::RequestIdReused => "RequestIdReused",
        Refusal::Overloaded => "Overloaded",
        Refusal::AnswersUnsent => "AnswersUnsent",
        Refusal::Draining => "Draining",
        Refusal::MethodUnknown { .. } => "MethodUnknown",
        Refusal::DeadlineExceeded => "DeadlineExceeded",
        Refusal::PeerUnknown { .. } => "PeerUnknown",
        Refusal::ContextMissing => "ContextMissing",
        Refusal::Compressed => "Compressed",
        Refusal::ServiceUnknown { .. } => "ServiceUnknown",
    };
    let all = [
        Refusal::Invalid(Violations::one("subject", "must not be empty")),
        Refusal::CallerUnknown,
        Refusal::RoleMissing { role: "manage" },
        Refusal::DeviceNotFound,
        Refusal::DeviceExists,
        Refusal::SecretExists,
        Refusal::DeviceState { state: State::Pending },
        Refusal::DeviceKind { kind: Kind::named("recovery_codes") },
        Refusal::DeviceLimit { limit: 32 },
        Refusal::RequirementNotFound { requirement: "payout".to_owned() },
        Refusal::StepUpRequired(Box::new(Decided {
            requirement: "countersign.enroll".to_owned(),
            applied: vec!["countersign.enroll".to_owned()],
            revision: "0".to_owned(),
            decision: Decision::StepUp { plans: Vec::new() },
            grace_until: None,
            any_device_retry_at: None,
            explanation: "step-up required".to_owned(),
        })),
        Refusal::Stale,
        Refusal::RequestIdReused,
        Refusal::Overloaded,
        Refusal::AnswersUnsent,
        Refusal::Draining,
        Refusal::MethodUnknown { method: "/a.B/C".to_owned() },
        Refusal::DeadlineExceeded,
        Refusal::PeerUnknown { uid: 1000 },
        Refusal::ContextMissing,
        Refusal::Compressed,
        Refusal::ServiceUnknown { service: "a.B".to_owned() },
    ];
    all.into_iter().map(|refusal| (name(&refusal), refusal)).collect()
}

/// A fault of each origin. A new one does not compile here until it has a row.
fn faults() -> Vec<(&'static str, Fault)> {
    let name = |fault: &Fault| match fault.origin {
        Origin::Store => "Fault: Store",
        Origin::Doubt => "Fault: Doubt",
        Origin::Crowd => "Fault: Crowd",
        Origin::Internal => "Fault: Internal",
    };
    let all = [
        Fault::store("committing", CHAIN),
        Fault::doubt("committing", CHAIN),
        Fault::crowded("committing", CHAIN),
        Fault::internal("opening a secret", CHAIN),
    ];
    all.into_iter().map(|fault| (name(&fault), fault)).collect()
}

/// What the transport itself refuses, as it refuses it.
fn transport() -> Vec<(&'static str, Status)> {
    let decode = "failed to decode Protobuf message: VerifyRequest.subject: invalid wire type: Varint";
    vec![
        ("transport: garbage", Status::internal(decode)),
        ("transport: no message", Status::internal("Missing request message.")),
        (
            "transport: compressed",
            Status::unimplemented("Content is compressed with `zip` which isn't supported"),
        ),
        ("transport: too large", Status::out_of_range("decoded message length too large")),
        ("transport: no such method", Status::unimplemented("")),
        ("transport: cancelled", Status::cancelled("timeout expired")),
        ("transport: anything else", Status::unknown("h2 protocol error")),
    ]
}

/// A row: what went wrong, code, reason, the keys of the metadata, when to come back, fields, message.
fn row(cause: &str, status: &Status) -> String {
    let details = status.get_error_details();
    let info = details.error_info().unwrap_or_else(|| panic!("{cause} has no ErrorInfo"));
    assert_eq!(info.domain, "countersign");
    let mut keys: Vec<&str> = info.metadata.keys().map(String::as_str).collect();
    keys.sort_unstable();
    let retry = details.retry_info().and_then(|info| info.retry_delay);
    let fields = details.bad_request().map_or(Vec::new(), |b| b.field_violations.clone());
    let fields: Vec<String> = fields.into_iter().map(|violation| violation.field).collect();
    let mut row = format!("{cause}\n    code      {:?}\n    reason    {}\n", status.code(), info.reason);
    for (name, value) in [
        ("metadata", keys.join(", ")),
        ("retry", retry.map_or(String::new(), |delay| format!("after {delay:?}"))),
        ("fields", fields.join(", ")),
        ("request", details.request_info().map_or(String::new(), |info| info.request_id.clone())),
        ("message", status.message().to_owned()),
    ] {
        if !value.is_empty() {
            writeln!(row, "    {name:<10}{value}").unwrap();
        }
    }
    row
}

#[test]
fn each_cause_is_told_as_the_golden_table_says() {
    let mut statuses: Vec<(&str, Status)> = Vec::new();
    statuses.extend(refusals().into_iter().map(|(name, refusal)| (name, status::refused(&refusal))));
    statuses
        .extend(faults().into_iter().map(|(name, fault)| (name, status::of(Error::Fault(fault), "req-1"))));
    let polished = |(name, status)| (name, status::polished(status, "/a.B/C"));
    statuses.extend(transport().into_iter().map(polished));

    let mut table = "# What the caller is told: made by tests/it/rpc/errors.rs.\n".to_owned();
    let mut reasons = BTreeSet::new();
    for (cause, status) in &statuses {
        table += &row(cause, status);
        reasons.insert(status.get_details_error_info().unwrap().reason);
        let told = format!("{:?} {}", status.message(), String::from_utf8_lossy(status.details()));
        assert!(!told.contains("constraint") && !told.contains("committing"), "{cause} tells too much");
        assert!(!status.message().ends_with('.'), "{cause} ends with a period");
        assert!(status.message().chars().next().is_none_or(|c| !c.is_uppercase()), "{cause} shouts");
    }
    golden("errors.txt", include_str!("../../golden/errors.txt"), &table);

    let every = (0..64).filter_map(|number| ErrorReason::try_from(number).ok());
    let every = every.filter(|reason| *reason != ErrorReason::Unspecified);
    let every: BTreeSet<String> = every.map(|reason| reason.as_str_name().to_owned()).collect();
    assert_eq!(reasons, every, "reasons that are made, and reasons that the protobuf names");
}

#[test]
fn an_error_that_has_the_form_of_ours_is_left_as_it_is() {
    let before = status::refused(&Refusal::RoleMissing { role: "manage" });
    let after = status::polished(before.clone(), "/a.B/C");
    assert_eq!(
        (after.code(), after.message(), after.details()),
        (before.code(), before.message(), before.details())
    );
}
