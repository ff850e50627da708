//! Answers in few words, so that a test reads like what it says.

use countersign::wire::pb;
use tonic::Status;
use tonic_types::StatusExt as _;

/// A verdict: `accepted`, `rejected mismatch`, `throttled`, `unavailable`.
pub(crate) fn said(verdict: Option<&pb::Verdict>) -> String {
    let verdict = verdict.expect("every answer to a proof has a verdict");
    let outcome = verdict.outcome().as_str_name().trim_start_matches("OUTCOME_").to_lowercase();
    match verdict.reject_reason() {
        pb::RejectReason::Unspecified => outcome,
        reason => {
            let reason = reason.as_str_name().trim_start_matches("REJECT_REASON_").to_lowercase();
            format!("{outcome} {reason}")
        }
    }
}

/// The reason of an error, as `google.rpc.ErrorInfo` has it and without its prefix.
pub(crate) fn reason(status: &Status) -> String {
    let info = status.get_details_error_info().unwrap_or_else(|| panic!("no ErrorInfo: {status:?}"));
    assert_eq!(info.domain, "countersign", "{status:?}");
    info.reason.trim_start_matches("ERROR_REASON_").to_owned()
}

/// The fields that an error says are wrong, in the order in which it says so.
pub(crate) fn fields(status: &Status) -> Vec<String> {
    let violations = status.get_details_bad_request().map_or(Vec::new(), |request| request.field_violations);
    violations.into_iter().map(|violation| violation.field).collect()
}

/// An error: `INVALID_REQUEST subject, device_id`; other reasons stand alone.
pub(crate) fn refused(status: &Status) -> String {
    let wrong = fields(status).join(", ");
    format!("{} {wrong}", reason(status)).trim_end().to_owned()
}
