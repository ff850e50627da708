//! Who asks.

use std::sync::Arc;

use http::Request;

use super::bearer;
use crate::auth::{Caller, Credentials};
use crate::domain::refusal::Refusal;
use crate::transport::Peer;

/// The caller: by its token, else by its user id where it came over the Unix socket. A token that is not
/// known is refused even where the user id would do: who shows one means it.
pub(super) fn of<B>(
    request: &Request<B>,
    peer: Peer,
    credentials: &Credentials,
    anybody: Option<&Arc<Caller>>,
) -> Result<Arc<Caller>, Refusal> {
    if let Some(token) = bearer(request.headers()) {
        return credentials.by_token(token.expose()).ok_or(Refusal::CallerUnknown);
    }
    let uid = match peer {
        Peer::Uid(uid) => Some(uid),
        Peer::Tcp(_) | Peer::Unknown => None,
    };
    uid.and_then(|uid| credentials.by_uid(uid))
        .or_else(|| anybody.cloned())
        .ok_or_else(|| uid.map_or(Refusal::CallerUnknown, |uid| Refusal::PeerUnknown { uid }))
}
