//! Counts and logs refused credentials, roles and step-ups.

use http::Response;
use tonic::Status;
use tonic::body::Body;

use super::trace::shortened;
use crate::auth::Caller;
use crate::ops::refused::{Reason, Refused, Request};
use crate::transport::Peer;
use crate::wire::status::decision_of;

/// Counts and logs a response, if it is such a refusal.
pub(super) fn note(
    refused: &Refused,
    response: &Response<Body>,
    rpc: &str,
    caller: Option<&Caller>,
    peer: Peer,
) {
    // The status of a successful response is in its trailers, so this look-up is all that it costs.
    let Some(code) = response.headers().get("grpc-status") else { return };
    // UNAUTHENTICATED, PERMISSION_DENIED, FAILED_PRECONDITION. The last has other reasons, too: see below.
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
    let rpc = shortened(rpc);
    let caller = caller.map(|caller| caller.name.as_str());
    let (peer, message) = (peer.to_string(), status.message());
    refused.note(reason, &Request { rpc, caller, peer: &peer, message });
}
