//! Where the server listens.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// An address to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// TCP.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

impl Address {
    /// Parses `127.0.0.1:7443`, `[::1]:7443` or `unix:/run/countersign/countersign.sock`.
    ///
    /// # Errors
    /// Says what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            // 108 bytes with the final zero (unix(7)), less the ending under which it is bound at first.
            return match path.len() {
                0 => Err("must name a path, like unix:/run/countersign/countersign.sock".to_owned()),
                1..=96 => Ok(Self::Unix(path.into())),
                _ => Err("must name a path of at most 96 bytes: a Unix socket's name is short".to_owned()),
            };
        }
        text.parse()
            .map(Self::Tcp)
            .map_err(|_| format!("{text:?} must be an address and a port, like 127.0.0.1:7443, or unix:PATH"))
    }

    /// Whether others than this machine could connect.
    #[must_use]
    pub fn is_exposed(&self) -> bool {
        matches!(self, Self::Tcp(address) if !address.ip().is_loopback())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
