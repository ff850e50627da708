//! Where the server is.

use std::fmt;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use crate::cli::environment::Environment;
use crate::cli::failure::Failure;

/// Where a server listens unless it is told otherwise.
const DEFAULT: &str = "127.0.0.1:7443";

/// A place to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) enum Endpoint {
    /// A host and a port.
    Tcp(String),
    /// A Unix socket.
    Unix(PathBuf),
}

impl Endpoint {
    /// Parses `HOST:PORT` or `unix:PATH`.
    ///
    /// # Errors
    /// Says what would be right.
    pub(in crate::cli) fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return match path {
                "" => Err("must name a path, like unix:/run/countersign/countersign.sock".to_owned()),
                path => Ok(Self::Unix(path.into())),
            };
        }
        let plain = text.strip_prefix("http://").unwrap_or(text);
        let well = plain.rsplit_once(':').is_some_and(|(host, port)| {
            let bracketed = host.starts_with('[') && host.ends_with(']');
            let named = !host.is_empty() && !host.contains([':', '/', '@', ' ']);
            (bracketed || named) && port.parse::<u16>().is_ok_and(|port| port > 0)
        });
        if well {
            return Ok(Self::Tcp(plain.to_owned()));
        }
        Err(format!("{text:?} must be HOST:PORT, like {DEFAULT}, or unix:PATH"))
    }

    /// Whether what is sent there stays on this machine.
    pub(super) fn is_local(&self) -> bool {
        let Self::Tcp(address) = self else { return true };
        let host = address.rsplit_once(':').map_or("", |(host, _)| host).trim_matches(['[', ']']);
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A place to connect to, and who named it.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Target {
    /// The place.
    pub(in crate::cli) endpoint: Endpoint,
    named_by: String,
}

impl Target {
    /// The flag's, else the environment's, else where the server of the data directory listens, else the
    /// default.
    pub(in crate::cli) fn find(
        flag: Option<&str>,
        environment: &Environment,
        data_dir: &Path,
    ) -> Result<Self, Failure> {
        let parse = |text: &str, named_by: &str| match Endpoint::parse(text) {
            Ok(endpoint) => Ok(Self { endpoint, named_by: named_by.to_owned() }),
            Err(problem) => Err(Failure::Usage(format!("{named_by}: {problem}"))),
        };
        if let Some(text) = flag {
            return parse(text, "--server");
        }
        if let Some(text) = environment.value("COUNTERSIGN_SERVER") {
            return parse(text, "COUNTERSIGN_SERVER");
        }
        if let Ok(text) = fs::read_to_string(note(data_dir)) {
            return parse(text.trim(), &note(data_dir).display().to_string());
        }
        parse(DEFAULT, "the default")
    }

    /// A place that this program chose itself.
    pub(in crate::cli) fn of(endpoint: Endpoint) -> Self {
        Self { endpoint, named_by: "this program".to_owned() }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (named by {})", self.endpoint, self.named_by)
    }
}

/// Where a data directory notes the address of its server.
fn note(data_dir: &Path) -> PathBuf {
    data_dir.join("address")
}

/// Notes where the server of a data directory listens, so that commands on the same machine find it.
pub(in crate::cli) fn remember(data_dir: &Path, addresses: &[String]) {
    let Some(first) = addresses.first() else { return };
    let reachable = match Endpoint::parse(first) {
        Ok(Endpoint::Unix(path)) => {
            format!("unix:{}", std::path::absolute(&path).unwrap_or(path).display())
        }
        Ok(Endpoint::Tcp(address)) => {
            address.parse().map_or(address, |socket| connectable(socket).to_string())
        }
        Err(_) => return,
    };
    // A convenience: a data directory that cannot be written, or is not there, is no reason not to serve.
    let _ = fs::write(note(data_dir), reachable + "\n");
}

/// An address that means every interface is none to connect to: this machine's own will do.
fn connectable(mut address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

/// Forgets it again.
pub(in crate::cli) fn forget(data_dir: &Path) {
    // As above.
    let _ = fs::remove_file(note(data_dir));
}
