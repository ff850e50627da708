//! Refusals that an operator should see are counted and logged.

use http::Response;
use tonic::Status;
use tonic::body::Body;

use super::caller::Peer;
use crate::auth::Caller;
use crate::ops::refused::{Reason, Refused, Request};
use crate::wire::status::decision_of;

/// Counts and logs an answer that is such a refusal.
pub(super) fn note(
    refused: &Refused,
    response: &Response<Body>,
    rpc: &str,
    caller: Option<&Caller>,
    peer: Peer,
) {
    // An accepted request has its status in the trailers, so that this is all that it pays.
    let Some(code) = response.headers().get("grpc-status") else { return };
    // UNAUTHENTICATED, PERMISSION_DENIED, FAILED_PRECONDITION: the last has more reasons than one.
    let reason = match code.as_bytes() {
        b"16" => Reason::CallerUnknown,
        b"7" => Reason::RoleMissing,
        b"9" => Reason::StepUpRequired,
        _ => return,
    };
    let Some(status) = Status::from_header_map(response.headers()) else { return };
    if reason == Reason::StepUpRequired && decision_of(&status).is_none() {
        return;
    }
    let caller = caller.map(|caller| caller.name.as_str());
    let (peer, message) = (peer.to_string(), status.message());
    refused.note(reason, &Request { rpc, caller, peer: &peer, message });
}
