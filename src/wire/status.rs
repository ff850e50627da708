//! From what went wrong to what the caller is told: the one table.

use std::collections::HashMap;
use std::time::Duration;

use prost::Message as _;
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::pb::ErrorReason;
use super::{decision, pb, undecodable};
use crate::domain::decision::Decided;
use crate::domain::refusal::Refusal;
use crate::domain::violation::{Violations, echo};
use crate::error::{Error, Fault, Origin};
use crate::ops::lines::Lines;

/// The domain of every `google.rpc.ErrorInfo`.
pub const DOMAIN: &str = "countersign";
/// What the decision is called in the details of a step-up.
const DECISION: &str = "type.googleapis.com/countersign.v1.Decision";
/// When to come back after an overload or a database that did not answer.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Lines of faults, by what they mean and what was being done. Callers can cause many: a deadline of a few milliseconds
/// leaves commits in doubt.
static FAULTS: Lines<(Origin, &str)> = Lines::new();

/// What the caller is told. `request` names the request in the log.
#[must_use]
pub fn of(error: Error, request: &str) -> Status {
    match error {
        Error::Refused(refusal) => refused(&refusal),
        Error::Fault(fault) => broken(&fault, request),
    }
}

/// What the caller is told of a refusal.
#[must_use]
pub fn refused(refusal: &Refusal) -> Status {
    use ErrorReason as Reason;
    let none = HashMap::new;
    let (code, message, reason, metadata) = match refusal {
        Refusal::Invalid(violations) => return invalid(violations),
        Refusal::CallerUnknown => (
            Code::Unauthenticated,
            "missing or unknown credential: send `authorization: Bearer TOKEN`".to_owned(),
            Reason::CallerUnknown,
            none(),
        ),
        Refusal::RoleMissing { role } => (
            Code::PermissionDenied,
            format!("this needs the role {role}"),
            Reason::RoleMissing,
            one("role", role),
        ),
        Refusal::DeviceNotFound => {
            (Code::NotFound, "no such device of this subject".to_owned(), Reason::DeviceNotFound, none())
        }
        Refusal::DeviceExists => (
            Code::AlreadyExists,
            "the subject has a device of this name".to_owned(),
            Reason::DeviceExists,
            none(),
        ),
        Refusal::SecretExists => (
            Code::AlreadyExists,
            "the subject has this secret already: one secret is one device".to_owned(),
            Reason::SecretExists,
            none(),
        ),
        Refusal::DeviceState { state } => (
            Code::FailedPrecondition,
            format!("the device is {}", state.as_str()),
            Reason::DeviceState,
            one("state", state.as_str()),
        ),
        Refusal::DeviceKind { kind } => (
            Code::FailedPrecondition,
            format!("a device of the kind {} cannot do that", kind.as_str()),
            Reason::DeviceKind,
            one("kind", kind.as_str()),
        ),
        Refusal::DeviceLimit { limit } => (
            Code::FailedPrecondition,
            format!("the subject has {limit} devices, and may not have more"),
            Reason::DeviceLimit,
            one("limit", limit),
        ),
        Refusal::RequirementNotFound { requirement } => (
            Code::NotFound,
            format!("there is no requirement {}", echo(requirement)),
            Reason::RequirementNotFound,
            one("requirement", echo(requirement)),
        ),
        Refusal::StepUpRequired(decided) => return step_up(decided),
        Refusal::Stale => {
            (Code::Aborted, "it changed in the meantime: read it again".to_owned(), Reason::Stale, none())
        }
        Refusal::RequestIdReused => (
            Code::FailedPrecondition,
            "this request_id came before with another request".to_owned(),
            Reason::RequestIdReused,
            none(),
        ),
        Refusal::Overloaded => {
            (Code::Unavailable, "too much is asked at once".to_owned(), Reason::Overloaded, none())
        }
        Refusal::AnswersUnsent => (
            Code::Unavailable,
            "earlier answers must be read first; this request was carried out: if it had a request_id, a retry \
             with the same one learns the answer"
                .to_owned(),
            Reason::Overloaded,
            none(),
        ),
        Refusal::Draining => {
            (Code::Unavailable, "the server is going away".to_owned(), Reason::Draining, none())
        }
        Refusal::MethodUnknown { method } => (
            Code::Unimplemented,
            format!("there is no method {} in this version", echo(method)),
            Reason::MethodUnknown,
            one("method", echo(method)),
        ),
        Refusal::DeadlineExceeded => (
            Code::DeadlineExceeded,
            "the time for this request ran out; retry it with the same request_id to learn what became of it"
                .to_owned(),
            Reason::DeadlineExceeded,
            none(),
        ),
        Refusal::PeerUnknown { uid } => (
            Code::Unauthenticated,
            format!(
                "the user id {uid} on this Unix socket is no caller's: add it to a caller's uids in the \
                 configuration, or send `authorization: Bearer TOKEN`"
            ),
            Reason::CallerUnknown,
            one("uid", uid),
        ),
        Refusal::ContextMissing => (
            Code::PermissionDenied,
            "set context to where the user asks for this: what they proved in that session decides whether they \
             may; without a context this is an operator's call, and needs the role admin"
                .to_owned(),
            Reason::RoleMissing,
            one("role", "admin"),
        ),
        Refusal::Compressed => (
            Code::Unimplemented,
            "requests must not be compressed: grpc-encoding must be identity or left out".to_owned(),
            Reason::CompressionUnsupported,
            none(),
        ),
        Refusal::ServiceUnknown { service } => (
            Code::NotFound,
            format!("there is no service {}", echo(service)),
            Reason::ServiceUnknown,
            one("service", echo(service)),
        ),
    };
    let mut details = ErrorDetails::with_error_info(reason.as_str_name(), DOMAIN, metadata);
    if code == Code::Unavailable {
        details.set_retry_info(Some(RETRY_AFTER));
    }
    Status::with_error_details(code, message, details)
}

/// The decision travels in the details, after those that every error has.
fn step_up(decided: &Decided) -> Status {
    const CODE: Code = Code::FailedPrecondition;
    let message = format!("the user must prove more first: {} asks for it", decided.requirement);
    let reason = ErrorReason::StepUpRequired.as_str_name();
    let metadata = one("requirement", &decided.requirement);
    let details = ErrorDetails::with_error_info(reason, DOMAIN, metadata);
    let status = Status::with_error_details(CODE, message.as_str(), details);
    let Ok(mut whole) = tonic_types::Status::decode(status.details()) else { return status };
    whole.details.push(prost_types::Any {
        type_url: DECISION.to_owned(),
        value: decision::decided(decided).encode_to_vec(),
    });
    Status::with_details(CODE, message, whole.encode_to_vec().into())
}

/// The decision that a step-up carries, for who is told to.
#[must_use]
pub fn decision_of(status: &Status) -> Option<pb::Decision> {
    let whole = tonic_types::Status::decode(status.details()).ok()?;
    let carried = whole.details.into_iter().find(|detail| detail.type_url == DECISION)?;
    pb::Decision::decode(carried.value.as_slice()).ok()
}

fn one(name: &str, value: impl ToString) -> HashMap<String, String> {
    HashMap::from([(name.to_owned(), value.to_string())])
}

/// What is wrong with a request, each under its field. The last one says how many more there are.
fn invalid(violations: &Violations) -> Status {
    let mut details =
        ErrorDetails::with_error_info(ErrorReason::InvalidRequest.as_str_name(), DOMAIN, HashMap::new());
    let mut message = String::new();
    for violation in violations.iter() {
        details.add_bad_request_violation(&violation.field, violation.problem.text());
        let separator = if message.is_empty() { "" } else { "; " };
        message += &format!("{separator}{} {}", violation.field, violation.problem);
    }
    if violations.more() > 0 {
        let problem = format!("has {} more violations, which are not listed", violations.more());
        details.add_bad_request_violation("request", &problem);
        message += &format!("; request {problem}");
    }
    Status::with_error_details(Code::InvalidArgument, message, details)
}

/// A bland sentence and an id; the chain goes to the log, here and nowhere else, at a bounded rate.
fn broken(fault: &Fault, request: &str) -> Status {
    if fault.origin == Origin::Crowd {
        // Under a flood the log would be one.
        tracing::debug!(request_id = request, error = %fault, "a request was shed");
    } else if let Some(left_out) = FAULTS.note((fault.origin, fault.doing())) {
        tracing::error!(request_id = request, error = %fault, left_out, "a request failed");
    } else {
        tracing::debug!(request_id = request, error = %fault, "a request failed");
    }
    let (code, message, reason) = match fault.origin {
        Origin::Store => (
            Code::Unavailable,
            "the database does not answer; nothing was accepted",
            ErrorReason::StoreUnavailable,
        ),
        Origin::Doubt => (
            Code::Unavailable,
            "the database did not say whether it committed; retry with the same request_id to learn it",
            ErrorReason::StoreUnavailable,
        ),
        Origin::Crowd => {
            (Code::Unavailable, "too much is asked of the database at once", ErrorReason::Overloaded)
        }
        Origin::Internal => (Code::Internal, "the server failed; its log says why", ErrorReason::Internal),
    };
    let mut details = ErrorDetails::with_error_info(reason.as_str_name(), DOMAIN, HashMap::new());
    details.set_request_info(request, "");
    if code == Code::Unavailable {
        details.set_retry_info(Some(RETRY_AFTER));
    }
    Status::with_error_details(code, message, details)
}

/// The status of a compressed request. It names the accepted encodings, as gRPC's compression specification requires, so
/// that a client can send the request again without compression.
fn compressed() -> Status {
    let mut status = refused(&Refusal::Compressed);
    status.metadata_mut().insert("grpc-accept-encoding", MetadataValue::from_static("identity"));
    status
}

/// Gives an error that the transport made the form of ours: what cannot be decoded is the caller's to
/// mend, and every error carries a reason.
#[must_use]
pub fn polished(status: Status, method: &str) -> Status {
    if !status.details().is_empty() {
        return status;
    }
    match status.code() {
        // No fault of ours: those carry their details. It is about a body that is not a message, or not one.
        Code::Internal if status.message().contains(undecodable::PREFIX) => {
            invalid(&undecodable::violations(status.message()))
        }
        Code::Internal => {
            invalid(&Violations::one("request", "must be one whole message, framed as gRPC frames it"))
        }
        // A message over the limit, or a compressed one that unpacks to more.
        Code::OutOfRange | Code::ResourceExhausted => {
            invalid(&Violations::one("request", "is larger than this server takes"))
        }
        // Routes say no word with it; what says one speaks of compression.
        Code::Unimplemented if !status.message().is_empty() => compressed(),
        Code::Unimplemented => refused(&Refusal::MethodUnknown { method: method.to_owned() }),
        code => {
            let reason = match code {
                Code::Cancelled | Code::DeadlineExceeded => ErrorReason::DeadlineExceeded,
                Code::InvalidArgument | Code::FailedPrecondition => ErrorReason::InvalidRequest,
                _ => ErrorReason::Internal,
            };
            let details = ErrorDetails::with_error_info(reason.as_str_name(), DOMAIN, HashMap::new());
            Status::with_error_details(code, echo(status.message()), details)
        }
    }
}
