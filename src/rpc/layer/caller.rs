//! Who asks.

use std::sync::Arc;

use http::Request;
use tonic::transport::server::UdsConnectInfo;

use super::{Rules, bearer};
use crate::auth::Caller;
use crate::domain::refusal::Refusal;

/// The caller: by its token, else by its user id where it came over the Unix socket. A token that is not
/// known is refused even where the user id would do: who shows one means it.
pub(super) fn of<B>(request: &Request<B>, rules: &Rules) -> Result<Arc<Caller>, Refusal> {
    if let Some(token) = bearer(request.headers()) {
        return rules.credentials.by_token(token.expose()).ok_or(Refusal::CallerUnknown);
    }
    let peer = request.extensions().get::<UdsConnectInfo>().and_then(|info| info.peer_cred);
    peer.and_then(|peer| rules.credentials.by_uid(peer.uid()))
        .or_else(|| rules.anybody.clone())
        .ok_or(Refusal::CallerUnknown)
}
