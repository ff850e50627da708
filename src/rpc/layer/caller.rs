//! Who asks.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use http::Request;
use tonic::transport::server::{TcpConnectInfo, UdsConnectInfo};

use super::{Rules, bearer};
use crate::auth::Caller;
use crate::domain::refusal::Refusal;

/// The other end of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    /// A TCP address.
    Tcp(SocketAddr),
    /// A user id on the Unix socket.
    Uid(u32),
    /// The system does not say.
    Unknown,
}

impl Peer {
    /// The peer of a request's connection.
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        let extensions = request.extensions();
        if let Some(tcp) = extensions.get::<TcpConnectInfo>() {
            return tcp.remote_addr().map_or(Self::Unknown, Self::Tcp);
        }
        let peer = extensions.get::<UdsConnectInfo>().and_then(|info| info.peer_cred);
        peer.map_or(Self::Unknown, |peer| Self::Uid(peer.uid()))
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Uid(uid) => write!(f, "uid {uid}"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// The caller: by its token, else by its user id where it came over the Unix socket. A token that is not
/// known is refused even where the user id would do: who shows one means it.
pub(super) fn of<B>(request: &Request<B>, peer: Peer, rules: &Rules) -> Result<Arc<Caller>, Refusal> {
    if let Some(token) = bearer(request.headers()) {
        return rules.callers.current().by_token(token.expose()).ok_or(Refusal::CallerUnknown);
    }
    let uid = match peer {
        Peer::Uid(uid) => Some(uid),
        Peer::Tcp(_) | Peer::Unknown => None,
    };
    uid.and_then(|uid| rules.callers.current().by_uid(uid))
        .or_else(|| rules.anybody.clone())
        .ok_or_else(|| uid.map_or(Refusal::CallerUnknown, |uid| Refusal::PeerUnknown { uid }))
}
