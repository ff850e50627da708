//! A peer that sends without a pause: how much of it is read at once, and what of it is carried out.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake};

use futures_util::poll;
use http::{Request, Response};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::yield_now;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tower::service_fn;

use super::{MANY, PATIENT, frame, given_up};
use crate::transport::connection::{PAUSE_READING_ABOVE, READ_BUDGET_OF_STRANGER};
use crate::transport::connections::Connections;
use crate::transport::http2;
use crate::transport::peer::Peer;

/// Requests that a peer sends in one go.
const REQUESTS: u32 = 1000;
/// The length of a request, the beginning of its body, and its RST_STREAM.
const GIVEN_UP: usize = 9 + 6 + 9 + 1 + 9 + 4;

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

/// Whether a task was woken.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A flood, and how far the server got with it.
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

/// Turns after which a test fails.
const TURNS: usize = 10_000;

#[tokio::test]
async fn a_connection_that_always_has_something_to_read_has_one_turn_at_a_time() {
    let served = Served::new();
    let mut serving = pin!(served.serve(given_up(REQUESTS)));
    for turn in 1..4 {
        assert!(poll!(&mut serving).is_pending());
        assert_eq!(served.read(), turn * READ_BUDGET_OF_STRANGER);
        // The requests that were handed on have their turn.
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
    // Up to the beginning of one stream more.
    let turns = (PAUSE_READING_ABOVE * GIVEN_UP + 1).div_ceil(READ_BUDGET_OF_STRANGER);
    assert_eq!(served.read(), turns * READ_BUDGET_OF_STRANGER);
    for _ in 0..TURNS {
        assert!(poll!(&mut serving).is_pending());
        yield_now().await;
    }
    assert_eq!(served.read(), all);
}

#[tokio::test]
async fn a_connection_goes_on_by_itself_after_each_turn() {
    // Frames of an unknown type wake nobody.
    let bytes = [given_up(1), frame(99, 0, 0, b"").repeat(2000)].concat();
    let (served, all) = (Arc::new(Served::new()), bytes.len());
    let serving = served.clone();
    tokio::spawn(async move { serving.serve(bytes).await });
    for _ in 0..TURNS {
        yield_now().await;
    }
    assert_eq!(served.read(), all);
}

#[tokio::test]
async fn who_waits_to_read_on_is_woken_when_a_stream_ends() {
    let served = Served::new();
    let connection = &served.connection;
    let keys: Vec<_> = (0..=PAUSE_READING_ABOVE).map(|_| connection.begin().0).collect();
    let woken = Arc::new(Woken::default());
    let waker = woken.clone().into();
    let mut cx = Context::from_waker(&waker);
    assert!(connection.poll_may_read(&mut cx).is_pending());
    connection.end(keys[0], true);
    assert!(woken.0.load(Ordering::Relaxed) && connection.poll_may_read(&mut cx).is_ready());
}

#[tokio::test]
async fn a_request_that_was_given_up_is_not_begun() {
    let (served, bytes) = (Served::new(), given_up(REQUESTS));
    // But for those of which the reset was read in the next turn.
    let turns = bytes.len().div_ceil(READ_BUDGET_OF_STRANGER);
    let mut serving = pin!(served.serve(bytes));
    for _ in 0..TURNS {
        assert!(poll!(&mut serving).is_pending());
        yield_now().await;
    }
    assert!(served.connection.idle(Instant::now()).is_some(), "all have ended");
    let begun = served.begun.load(Ordering::Relaxed);
    assert!(begun <= turns, "{begun} of {REQUESTS} were begun");
}
