//! Connecting, over TCP or a Unix socket, and saying well why that fails.

use std::error::Error as _;
use std::io;

use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint as Transport, Error, Uri};

use super::target::{Endpoint, Target};
use crate::cli::failure::Failure;

/// Connects.
pub(super) async fn connect(target: &Target) -> Result<Channel, Failure> {
    let connected = match &target.endpoint {
        Endpoint::Tcp(address) => match Transport::from_shared(format!("http://{address}")) {
            Ok(transport) => transport.tcp_nodelay(true).connect().await,
            Err(error) => Err(error),
        },
        Endpoint::Unix(path) => {
            let path = path.clone();
            let connector = tower::service_fn(move |_: Uri| {
                let path = path.clone();
                async move { UnixStream::connect(path).await.map(TokioIo::new) }
            });
            // The name is for the `:authority` header only; the connector does not look at it.
            Transport::from_static("http://localhost").connect_with_connector(connector).await
        }
    };
    connected.map_err(|error| Failure::error(unreachable(target, &error)))
}

/// What was tried, and what would be right.
fn unreachable(target: &Target, error: &Error) -> String {
    let cause = cause(error);
    let kind = cause.map(io::Error::kind);
    let is_socket = matches!(target.endpoint, Endpoint::Unix(_));
    let what = match kind {
        Some(io::ErrorKind::NotFound) if is_socket => format!("there is no socket at {target}"),
        Some(io::ErrorKind::ConnectionRefused) => format!("nobody listens at {target}"),
        Some(io::ErrorKind::PermissionDenied) if is_socket => {
            return format!(
                "this user may not open {target}; the socket is for its owner and group: run as one of them"
            );
        }
        _ => {
            let reason = cause.map_or_else(|| deepest(error), io::Error::to_string);
            format!("cannot connect to {target}: {reason}")
        }
    };
    format!(
        "{what}; start a server with `countersign serve`, or name another with --server or COUNTERSIGN_SERVER"
    )
}

/// The operating system's error in a chain of errors.
fn cause(error: &Error) -> Option<&io::Error> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return Some(io);
        }
        source = error.source();
    }
    None
}

fn deepest(error: &Error) -> String {
    let mut deepest = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        deepest = error.to_string();
        source = error.source();
    }
    deepest
}
