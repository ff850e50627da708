//! Accepts connections.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use rustix::io::Errno;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::time::sleep;
use tonic::body::Body;

use super::connections::Connections;
use super::http2;
use super::listen::Listener;
use super::peer::Peer;

/// How long to wait when the system has no descriptor or no memory for one more connection.
const WAIT: Duration = Duration::from_millis(100);

/// How long to wait after a connection that was lost before it was accepted.
const PAUSE: Duration = Duration::from_millis(1);

/// A service that answers HTTP requests.
pub trait Service:
    tower::Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + 'static
{
}

impl<S> Service for S where
    S: tower::Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static
{
}

/// Accepts the connections of a listener, and serves each in a task of its own. Never ends by itself.
pub async fn accept(listener: Listener, connections: Arc<Connections>, service: impl Service) {
    match listener {
        Listener::Tcp(listener) => accept_from(listener, connections, service).await,
        Listener::Unix(listener, _) => accept_from(listener, connections, service).await,
    }
}

/// A listener of either kind.
trait Accept {
    type Socket: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    fn accept(&self) -> impl Future<Output = io::Result<(Self::Socket, Peer)>> + Send;
}

impl Accept for TcpListener {
    type Socket = tokio::net::TcpStream;

    async fn accept(&self) -> io::Result<(Self::Socket, Peer)> {
        let (socket, address) = self.accept().await?;
        socket.set_nodelay(true)?;
        Ok((socket, Peer::Tcp(address)))
    }
}

impl Accept for UnixListener {
    type Socket = tokio::net::UnixStream;

    async fn accept(&self) -> io::Result<(Self::Socket, Peer)> {
        let (socket, _) = self.accept().await?;
        let peer = socket.peer_cred().map_or(Peer::Unknown, |peer| Peer::Uid(peer.uid()));
        Ok((socket, peer))
    }
}

async fn accept_from<L: Accept>(listener: L, connections: Arc<Connections>, service: impl Service) {
    let mut is_short = false;
    loop {
        let Some(place) = connections.place().await else { return };
        match listener.accept().await {
            Ok((socket, peer)) => {
                if std::mem::take(&mut is_short) {
                    tracing::info!("accepting connections again");
                }
                let connection = connections.add(peer);
                let (turns, close) = (connections.turns.clone(), connection.close.clone());
                let served = http2::serve(socket, connection.clone(), connections.clone(), service.clone());
                tokio::spawn(async move {
                    // A connection that is closed does not wait for its turn.
                    close.run_until_cancelled_owned(turns.run(connection, served)).await;
                    drop(place);
                });
            }
            Err(error) if is_shortage(&error) => {
                if !std::mem::replace(&mut is_short, true) {
                    tracing::warn!(%error, "cannot accept connections; waiting until some are closed");
                }
                sleep(WAIT).await;
            }
            // Usually the peer went away before it was accepted. The pause keeps any other error from taking a whole
            // processor.
            Err(error) => {
                tracing::debug!(%error, "a connection was not accepted");
                sleep(PAUSE).await;
            }
        }
    }
}

/// Whether the system is short of something that is released when connections are closed.
fn is_shortage(error: &io::Error) -> bool {
    let short = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    Errno::from_io_error(error).is_some_and(|errno| short.contains(&errno))
}
