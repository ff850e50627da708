//! HTTP/2 on one connection.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

use hyper::server::conn::http2;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use super::accept::Service;
use super::connection::{Connection, PAUSE_READING_ABOVE, READ_BUDGET};
use super::connections::Connections;
use super::executor::Executor;
use super::frame::FRAME_MAX;
use super::io::Watched;
use super::stream::Answerer;

/// Streams of one connection at most, as announced to the peer; a client makes further calls wait. RFC 9113 recommends at
/// least 100, so as not to limit parallelism: 64 calls that are carried out at the same time take all that a server can do,
/// and what a peer has opened costs memory before anybody has looked at it, 1 KiB a stream.
pub const STREAMS: u32 = 64;
/// Streams that a peer may reset before the server has accepted them: no fewer than it can with one [`READ_BUDGET`], in
/// two frames of 9 and 13 bytes each. The connection counts all of them.
const RESETS: usize = READ_BUDGET / 22;
/// The largest metadata that is read, in bytes. `rpc::layer` has a lower limit, and refuses with a reason. What has come
/// of it is kept for as long as the rest does not come: 40 KiB of memory if all fields are small. A field that is longer is
/// not counted before it is whole: [`super::frames`] limits that.
const METADATA_MAX: u32 = 12 << 10;
/// The size of the table of header fields that the peer may have, in bytes: see [`super::header_table`].
const HEADER_TABLE: u32 = 0;
/// How much a peer may send on a stream before the server has read it, in bytes. Few requests are larger.
const STREAM_WINDOW: u32 = 16 << 10;
/// How much a peer may send on all streams of a connection before the server has read it, in bytes. h2 allows half of it
/// for small pieces of bodies that are not read yet, counts 256 bytes for each, and ends the connection beyond that:
/// there must be room for one piece of each stream that is open when reading pauses, and of those that came with it.
const CONNECTION_WINDOW: u32 = 2 * 256 * 2 * PAUSE_READING_ABOVE as u32;
/// The bytes of an answer that wait in h2 at most before hyper asks for more of it: the largest frame. A unary answer is
/// one piece, however large, and counted until it is sent; of a stream, this much and one piece more is kept.
const SEND_BUFFER: usize = 16 << 10;

/// A connection that is served. Taken out of all connections when this is dropped, by a panic, too.
struct Open {
    connections: Arc<Connections>,
    connection: Arc<Connection>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.connection.ended();
        self.connections.remove(&self.connection);
    }
}

/// Serves one connection until it ends.
pub(super) async fn serve<T, S>(
    socket: T,
    connection: Arc<Connection>,
    connections: Arc<Connections>,
    service: S,
) where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service,
{
    let _open = Open { connections: connections.clone(), connection: connection.clone() };
    let socket = TokioIo::new(Watched::new(socket, connection.clone(), connections.kept.clone()));
    let answerer = Answerer { service, connections: connections.clone(), connection: connection.clone() };
    let mut serving = pin!(
        http2::Builder::new(Executor::new(connection.clone(), connections.turns.clone()))
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_pending_accept_reset_streams(RESETS)
            .max_header_list_size(METADATA_MAX)
            .header_table_size(HEADER_TABLE)
            .max_frame_size(FRAME_MAX as u32)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buf_size(SEND_BUFFER)
            .keep_alive_interval(connections.times.ping_after)
            .keep_alive_timeout(connections.times.ping_answer)
            .serve_connection(socket, answerer)
    );
    let mut is_going = false;
    loop {
        tokio::select! {
            ended = poll_fn(|cx| {
                // Here and nowhere else: hyper reads again for each request that it hands on.
                connection.refill_read_budget();
                serving.as_mut().poll(cx)
            }) => {
                if let Err(error) = ended {
                    tracing::debug!(peer = %connection.peer(), %error, "a connection ended");
                }
                break;
            }
            () = connection.close.cancelled() => break,
            () = connection.goaway.cancelled(), if !is_going => {
                is_going = true;
                serving.as_mut().graceful_shutdown();
            }
        }
    }
}
