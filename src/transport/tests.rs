//! What becomes of a connection whose peer does not do its part. Sockets are memory, and the times are short.

mod kept;
mod refusals;
mod turns;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use h2::client::SendRequest;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{Full, StreamBody};
use hyper::body::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tower::service_fn;

use super::connections::Connections;
use super::peer::Peer;
use super::stream::{OF_CALLER, OF_STRANGER};
use super::{Connection, OpenEnded, STREAMS, Times, http2};

/// What a test does not wait for: a second is how often connections are looked at.
const SHORT: Duration = Duration::from_millis(100);
/// Longer than any test.
const LONG: Duration = Duration::from_secs(3600);
/// Nothing is closed.
const PATIENT: Times = Times {
    acknowledgement: LONG,
    unread: LONG,
    idle: LONG,
    ping_after: LONG,
    ping_answer: LONG,
    leave: LONG,
};

/// Types of frames (RFC 9113, 6).
const HEADERS: u8 = 1;
const GOAWAY: u8 = 7;

/// Open streams from which on a connection may have few.
const MANY: u32 = 4 * STREAMS;

type Piece = Result<Frame<Bytes>, Infallible>;

/// What a server says of its answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Plain,
    /// None.
    Never,
    /// Without an end: something, and then nothing for ever.
    Endless,
    /// To an authenticated request.
    ToCaller,
}

/// A server that answers each request with a body.
struct Server {
    connections: Arc<Connections>,
    answer: Answer,
}

impl Server {
    fn new(answer: Answer, times: Times) -> Self {
        Self::with(1024, answer, times)
    }

    /// With at most so many connections.
    fn with(most: usize, answer: Answer, times: Times) -> Self {
        let stop = CancellationToken::new();
        let connections = Connections::new(most, MANY as usize, times, stop.clone());
        tokio::spawn(connections.clone().look_after(stop));
        Self { connections, answer }
    }

    /// A new connection, on which so many bytes may wait in each direction.
    fn connect(&self, buffer: usize) -> DuplexStream {
        let (near, far) = duplex(buffer);
        let answer = self.answer;
        let service = service_fn(move |request: Request<Body>| async move {
            let mut response = Response::new(Body::new(Full::new(Bytes::from_static(&[7; 1000]))));
            match answer {
                Answer::Plain => {}
                Answer::Never => std::future::pending().await,
                Answer::Endless => {
                    let first: Piece = Ok(Frame::data(Bytes::from_static(&[7; 1000])));
                    let pieces = stream::iter([first]).chain(stream::pending());
                    *response.body_mut() = Body::new(StreamBody::new(pieces));
                    response.extensions_mut().insert(OpenEnded);
                }
                Answer::ToCaller => {
                    let connection = request.extensions().get::<Arc<Connection>>();
                    drop(connection.map(|connection| connection.authenticated("app")));
                }
            }
            Ok::<_, Infallible>(response)
        });
        let connection = self.connections.add(Peer::Unknown);
        tokio::spawn(http2::serve(far, connection, self.connections.clone(), service));
        near
    }

    /// A client with this window for each answer. It answers PINGs.
    async fn client(&self, window: u32) -> SendRequest<Bytes> {
        let mut builder = h2::client::Builder::new();
        let socket = self.connect(64 << 10);
        let (client, connection) =
            builder.initial_window_size(window).handshake::<_, Bytes>(socket).await.unwrap();
        tokio::spawn(connection);
        client
    }

    async fn is_closed(&self) {
        let closed = async {
            while self.connections.count() > 0 {
                sleep(SHORT / 10).await;
            }
        };
        timeout(Duration::from_secs(60), closed).await.expect("the connection is closed");
    }

    /// Whether the connection is there after it was looked at twice.
    async fn is_kept(&self) {
        sleep(Duration::from_millis(2100)).await;
        assert!(self.connections.count() > 0, "the connection is kept");
    }
}

/// Asks, and gives the answer.
async fn ask(client: &SendRequest<Bytes>) -> Result<Response<h2::RecvStream>, h2::Error> {
    let request = Request::post("http://localhost/").body(()).unwrap();
    client.clone().ready().await?.send_request(request, true)?.0.await
}

#[tokio::test]
async fn a_peer_that_sends_no_whole_preface_is_closed() {
    let server = Server::new(Answer::Plain, Times { acknowledgement: SHORT, ..PATIENT });
    let mut silent = server.connect(1024);
    let mut slow = server.connect(1024);
    slow.write_all(b"PRI * HTTP/2.0\r\n").await.unwrap();
    server.is_closed().await;
    silent.read_to_end(&mut Vec::new()).await.unwrap();
    let _client = server.client(1 << 16).await;
    server.is_kept().await;
}

#[tokio::test]
async fn a_peer_that_does_not_acknowledge_the_settings_is_closed() {
    let server = Server::new(Answer::Plain, Times { acknowledgement: SHORT, ..PATIENT });
    let mut socket = server.connect(64 << 10);
    socket.write_all(&given_up(1)).await.unwrap();
    server.is_closed().await;
}

/// The kind of the frame that answers a request for a path which was put in the peer's table before these frames.
async fn answer_after(frames: &[Vec<u8>]) -> u8 {
    let server = Server::new(Answer::Plain, PATIENT);
    let mut socket = server.connect(64 << 10);
    // `POST http://a/b`, of which the path is kept, and the same with the path that was kept.
    let first = frame(1, 5, 1, b"\x83\x86\x44\x02/b\x01\x01a");
    let second = frame(1, 5, 7, b"\x83\x86\xbe\x01\x01a");
    let preface = &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..];
    let sent = [preface, &frame(4, 0, 0, &[]), &first, &frames.concat(), &second].concat();
    socket.write_all(&sent).await.unwrap();
    loop {
        let mut head = [0; 9];
        if socket.read_exact(&mut head).await.is_err() {
            return GOAWAY;
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        socket.read_exact(&mut vec![0; length as usize]).await.unwrap();
        let (kind, stream) = (head[3], head[8]);
        if kind == GOAWAY || (kind, stream) == (HEADERS, 7) {
            return kind;
        }
    }
}

#[tokio::test]
async fn no_header_field_is_kept_once_the_peer_has_acknowledged_that() {
    let acknowledgement = frame(4, 1, 0, &[]);
    // Requests whose block h2 does not read: a stream that depends on itself, and a block that is all padding.
    let itself = frame(1, 0x25, 5, b"\0\0\0\x05\0\x83\x86\x84\x01\x01a");
    let padding = frame(1, 0xd, 5, b"\x05\x83\x86\x84\x41");
    assert_eq!(answer_after(&[]).await, HEADERS);
    assert_eq!(answer_after(std::slice::from_ref(&itself)).await, HEADERS);
    for first in [vec![], itself, padding] {
        assert_eq!(answer_after(&[acknowledgement.clone(), first]).await, GOAWAY);
    }
}

#[tokio::test]
async fn a_peer_that_answers_no_ping_is_closed() {
    let server = Server::new(Answer::Plain, Times { ping_after: SHORT, ping_answer: SHORT, ..PATIENT });
    // Its other half, which would answer, is never polled.
    let held = h2::client::handshake(server.connect(64 << 10)).await.unwrap();
    server.is_closed().await;
    drop(held);
    let patient = Times { ping_after: SHORT, ping_answer: LONG, ..PATIENT };
    let server = Server::new(Answer::Plain, patient);
    let _client = server.client(1 << 16).await;
    server.is_kept().await;
}

#[tokio::test]
async fn a_peer_that_asks_for_nothing_is_told_to_go_and_one_that_asks_is_not() {
    let server = Server::new(Answer::Plain, Times { idle: Duration::from_secs(2), ..PATIENT });
    let client = server.client(1 << 16).await;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(4) {
        ask(&client).await.unwrap();
        sleep(SHORT / 10).await;
    }
    server.is_closed().await;
    assert!(ask(&client).await.is_err());
}

#[tokio::test]
async fn a_peer_that_does_not_read_an_answer_is_closed_unless_there_is_nothing_to_read() {
    const ROOM: u32 = 1 << 16;
    // hyper drops the body of an answer once one byte of it may be sent.
    let unread = [(Answer::Plain, 0), (Answer::Plain, 1), (Answer::Endless, 0)];
    for (answer, window) in [&unread[..], &[(Answer::Endless, ROOM)]].concat() {
        let server = Server::new(answer, Times { unread: SHORT, ..PATIENT });
        let client = server.client(window).await;
        let response = ask(&client).await.unwrap();
        match window {
            ROOM => server.is_kept().await,
            _ => server.is_closed().await,
        }
        drop(response);
    }
}

#[tokio::test]
async fn metadata_of_too_many_fields_is_not_kept() {
    let server = Server::new(Answer::Plain, PATIENT);
    let client = server.client(1 << 16).await;
    for (fields, status) in [(100, 200), (200, 431)] {
        let mut request = Request::post("http://localhost/");
        for _ in 0..fields {
            request = request.header("a", "");
        }
        let asked = client.clone().ready().await.unwrap().send_request(request.body(()).unwrap(), true);
        assert_eq!(asked.unwrap().0.await.unwrap().status(), status, "{fields}");
    }
}

#[tokio::test]
async fn a_peer_that_does_not_read_its_socket_is_closed() {
    let server = Server::new(Answer::Endless, Times { unread: SHORT, ..PATIENT });
    // The server sends its SETTINGS first, and already those find no room.
    let _socket = server.connect(16);
    server.is_closed().await;
}

/// A frame.
fn frame(kind: u8, flags: u8, stream: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), body].concat()
}

/// The preface, settings, and so many requests that are reset at once.
fn given_up(requests: u32) -> Vec<u8> {
    let mut sent = [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &frame(4, 0, 0, &[])].concat();
    for stream in (0..requests).map(|number| 2 * number + 1) {
        // `POST http://a/`, the beginning of a body, and CANCEL.
        sent.extend(frame(1, 4, stream, b"\x83\x86\x84\x41\x01a"));
        sent.extend(frame(0, 0, stream, b"\0"));
        sent.extend(frame(3, 0, stream, &[0, 0, 0, 8]));
    }
    sent
}

/// Whether a connection bears all of this, which came while the server stood still.
async fn bears(sent: Vec<u8>) -> bool {
    let sent = [sent, frame(6, 0, 0, b"the last")].concat();
    let server = Server::new(Answer::Never, PATIENT);
    let mut socket = server.connect(1 << 20);
    socket.write_all(&sent).await.unwrap();
    let mut answers = Vec::new();
    while !answers.windows(8).any(|bytes| bytes == b"the last") {
        if socket.read_buf(&mut answers).await.unwrap() == 0 {
            return false;
        }
    }
    true
}

#[tokio::test]
async fn eleven_rounds_of_calls_may_be_cancelled_while_the_server_stalls_and_not_far_more() {
    assert!(bears(given_up(11 * STREAMS)).await);
    assert!(!bears(given_up(40 * STREAMS)).await);
}

#[tokio::test]
async fn who_cancels_call_after_call_is_closed_and_who_waits_for_answers_is_not() {
    for (answer, is_closed) in [(Answer::Never, true), (Answer::Plain, false)] {
        let server = Server::new(answer, PATIENT);
        let client = server.client(1 << 16).await;
        for _ in 0..40 * STREAMS {
            let Ok(mut ready) = client.clone().ready().await else { break };
            let request = Request::post("http://localhost/").body(()).unwrap();
            let Ok((answered, mut stream)) = ready.send_request(request, false) else { break };
            if answer == Answer::Never {
                tokio::task::yield_now().await;
                stream.send_reset(h2::Reason::CANCEL);
            } else {
                stream.send_data(Bytes::new(), true).unwrap();
                answered.await.unwrap();
            }
        }
        if is_closed {
            server.is_closed().await;
        } else {
            server.is_kept().await;
        }
    }
}

/// So many requests that have no body, and are open at the same time.
fn requests(count: u32) -> Vec<u8> {
    let streams = (0..count).map(|number| 2 * number + 1);
    streams.flat_map(|stream| frame(1, 5, stream, b"\x83\x86\x84\x41\x01a")).collect()
}

#[tokio::test]
async fn who_opens_streams_beyond_those_announced_is_closed() {
    assert!(bears([given_up(0), requests(11 * STREAMS)].concat()).await);
    assert!(!bears([given_up(0), requests(40 * STREAMS)].concat()).await);
}

/// The kinds of the frames that come until the connection ends.
async fn frames_until_the_end(socket: &mut DuplexStream) -> Vec<u8> {
    let mut kinds = Vec::new();
    let mut head = [0; 9];
    while socket.read_exact(&mut head).await.is_ok() {
        kinds.push(head[3]);
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        socket.read_exact(&mut vec![0; length as usize]).await.unwrap();
    }
    kinds
}

#[tokio::test]
async fn a_caller_whose_connection_is_closed_for_another_is_told_and_a_stranger_is_not() {
    for (answer, is_told) in [(Answer::ToCaller, true), (Answer::Plain, false)] {
        let server = Server::with(1, answer, PATIENT);
        let mut socket = server.connect(64 << 10);
        let request = frame(1, 5, 1, b"\x83\x86\x84\x41\x01a");
        socket.write_all(&[given_up(0), request].concat()).await.unwrap();
        // The server's SETTINGS and its acknowledgement, and the answer.
        loop {
            let mut head = [0; 9];
            socket.read_exact(&mut head).await.unwrap();
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            socket.read_exact(&mut vec![0; length as usize]).await.unwrap();
            if head[3] == 0 && head[4] & 1 != 0 {
                break;
            }
        }
        let other = server.client(1 << 16).await;
        let kinds = timeout(Duration::from_secs(60), frames_until_the_end(&mut socket)).await.unwrap();
        assert_eq!(kinds.contains(&GOAWAY), is_told, "{kinds:?}");
        ask(&other).await.unwrap();
    }
}

#[tokio::test]
async fn while_many_streams_are_open_each_connection_has_few() {
    for (answer, most) in [(Answer::Plain, OF_STRANGER), (Answer::ToCaller, OF_CALLER)] {
        let server = Server::new(answer, PATIENT);
        let mut held = Vec::new();
        for _ in 0..MANY / STREAMS {
            let client = server.client(0).await;
            let answers = join_all((0..STREAMS).map(|_| ask(&client))).await;
            assert!(answers.iter().all(Result::is_ok), "as many as are announced");
            held.push((answers, client));
        }
        let client = server.client(0).await;
        let mut few = vec![ask(&client).await.unwrap()];
        for _ in 1..most {
            few.push(ask(&client).await.unwrap());
        }
        let refused = ask(&client).await.unwrap_err();
        assert_eq!(refused.reason(), Some(h2::Reason::REFUSED_STREAM));
        drop((held, few));
        let until_answered = async {
            while ask(&client).await.is_err() {
                sleep(SHORT / 10).await;
            }
        };
        timeout(Duration::from_secs(60), until_answered).await.expect("answered again");
    }
}
