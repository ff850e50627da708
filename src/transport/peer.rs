//! The other end of a connection.

use std::fmt;
use std::net::SocketAddr;

/// The other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// A TCP address.
    Tcp(SocketAddr),
    /// A user id on the Unix socket (`SO_PEERCRED`).
    Uid(u32),
    /// The system does not say.
    Unknown,
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
