//! A peer that sends without a pause: how much of it is read at once, and what of it is carried out.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures_util::poll;
use http::{Request, Response};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::yield_now;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tower::service_fn;

use super::{MANY, PATIENT, given_up};
use crate::transport::connection::{READ_UP_TO, TURN};
use crate::transport::connections::Connections;
use crate::transport::http2;
use crate::transport::peer::Peer;

/// Requests that a peer sends in one go.
const REQUESTS: u32 = 1000;
/// The length of a request and its RST_STREAM.
const GIVEN_UP: usize = 9 + 6 + 9 + 4;

/// A socket on which all has come already, and nobody reads what is written.
struct Flood {
    bytes: Vec<u8>,
    read: Arc<AtomicUsize>,
}

impl AsyncRead for Flood {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let rest = &self.bytes[self.read.load(Ordering::Relaxed)..];
        let more = rest.len().min(into.remaining());
        if more == 0 {
            return Poll::Pending;
        }
        into.put_slice(&rest[..more]);
        self.read.fetch_add(more, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Flood {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(from.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// What became of a flood.
struct Served {
    connections: Arc<Connections>,
    connection: Arc<crate::transport::Connection>,
    read: Arc<AtomicUsize>,
    /// Requests that the service was asked to carry out.
    begun: Arc<AtomicUsize>,
}

impl Served {
    fn new() -> Self {
        let connections = Connections::new(1, MANY as usize, PATIENT, CancellationToken::new());
        let connection = connections.add(Peer::Unknown);
        Self { connections, connection, read: Arc::default(), begun: Arc::default() }
    }

    fn read(&self) -> usize {
        self.read.load(Ordering::Relaxed)
    }

    async fn serve(&self, bytes: Vec<u8>) {
        let begun = self.begun.clone();
        let service = service_fn(move |_: Request<Body>| {
            begun.fetch_add(1, Ordering::Relaxed);
            pending::<Result<Response<Body>, Infallible>>()
        });
        let socket = Flood { bytes, read: self.read.clone() };
        http2::serve(socket, self.connection.clone(), self.connections.clone(), service).await;
    }
}

#[tokio::test]
async fn a_connection_that_always_has_something_to_read_has_one_turn_at_a_time() {
    let served = Served::new();
    let mut serving = pin!(served.serve(given_up(REQUESTS)));
    for turn in 1..4 {
        assert!(poll!(&mut serving).is_pending());
        assert_eq!(served.read(), turn * TURN);
        // What was handed on has its turn.
        yield_now().await;
    }
}

#[tokio::test]
async fn a_connection_is_not_read_while_what_it_gave_up_waits_to_end() {
    let (served, bytes) = (Served::new(), given_up(REQUESTS));
    let all = bytes.len();
    let mut serving = pin!(served.serve(bytes));
    // Nothing else has a turn.
    for _ in 0..100 {
        assert!(poll!(&mut serving).is_pending());
    }
    assert!(served.read() < (READ_UP_TO + 2 * TURN / GIVEN_UP) * GIVEN_UP, "{} were read", served.read());
    while served.read() < all {
        assert!(poll!(&mut serving).is_pending());
        yield_now().await;
    }
}

#[tokio::test]
async fn where_some_requests_were_given_up_others_are_not_begun_before_that_is_looked_for() {
    let (served, bytes) = (Served::new(), given_up(REQUESTS));
    let all = bytes.len();
    let mut serving = pin!(served.serve(bytes));
    while served.read() < all || served.connection.idle(Instant::now()).is_none() {
        assert!(poll!(&mut serving).is_pending());
        yield_now().await;
    }
    let begun = served.begun.load(Ordering::Relaxed);
    assert!((1..=TURN / GIVEN_UP).contains(&begun), "{begun} of {REQUESTS} were begun");
}
