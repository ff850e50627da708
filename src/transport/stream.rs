//! One stream: a request, until its answer is sent.

use std::any::Any;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::{Bytes, Incoming};
use tonic::body::Body;
use tower::ServiceExt as _;

use super::accept::Service;
use super::connection::Connection;
use super::connections::Connections;

/// In the extensions of a response: held until the answer is written to the socket, or its stream is gone.
#[derive(Clone)]
pub struct Held(pub Arc<dyn Any + Send + Sync>);

/// In the extensions of a response: the answer is a stream that may go on for as long as the connection does.
#[derive(Debug, Clone, Copy)]
pub struct OpenEnded;

/// Streams that a connection may have open while all connections together have many: before its first authenticated
/// request, and after it.
pub(super) const OF_STRANGER: usize = 4;
pub(super) const OF_CALLER: usize = 32;

/// Metadata of a request at most, in fields. A field that was sent before takes one byte to send and 72 to keep.
const FIELDS_MAX: usize = 128;

/// A stream that is open.
#[derive(Debug)]
struct Stream {
    connections: Arc<Connections>,
    connection: Arc<Connection>,
    key: usize,
    /// An answer began to be sent, or the stream was refused.
    is_answered: bool,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.connection.end(self.key, self.is_answered);
        self.connections.stream_ends();
    }
}

/// Answers the requests of one connection.
pub(super) struct Answerer<S> {
    pub(super) service: S,
    pub(super) connections: Arc<Connections>,
    pub(super) connection: Arc<Connection>,
}

impl<S: Service> hyper::service::Service<Request<Incoming>> for Answerer<S> {
    type Response = Response<Answer>;
    type Error = h2::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let are_many = self.connections.stream_begins();
        let (connections, connection) = (self.connections.clone(), self.connection.clone());
        let (key, open) = connection.begin();
        let mut stream = Stream { connections, connection, key, is_answered: false };
        let most = if self.connection.last_authenticated().is_some() { OF_CALLER } else { OF_STRANGER };
        if are_many && open > most {
            // Costs less than an answer, and says that the request may be sent again (RFC 9113, 8.7).
            return Box::pin(async move {
                let mut refused = stream;
                look_for_reset().await;
                refused.is_answered = true;
                drop(refused);
                Err(h2::Reason::REFUSED_STREAM.into())
            });
        }
        if request.headers().len() > FIELDS_MAX {
            // Counts as given up: whoever goes on with it loses the connection.
            let open = Arc::new(Open { stream, _held: None });
            let mut response = Response::new(Answer { body: Body::empty(), open, has_end: true });
            *response.status_mut() = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            return Box::pin(std::future::ready(Ok(response)));
        }
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(self.connection.clone());
        let answer = self.service.clone().oneshot(request);
        Box::pin(async move {
            look_for_reset().await;
            let mut response = match answer.await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            let extensions = response.extensions_mut();
            let held = extensions.remove::<Held>();
            let has_end = extensions.remove::<OpenEnded>().is_none();
            stream.is_answered = true;
            stream.connection.answer(stream.key, true);
            let open = Arc::new(Open { stream, _held: held });
            if response.body().is_end_stream() {
                keep_open(response.headers_mut(), &open);
            }
            Ok(response.map(|body| Answer { body, open, has_end }))
        })
    }
}

/// Lets hyper end a stream that was reset meanwhile, which it looks for when an answer is not ready at once. Then the
/// stream counts as given up, and its work never begins: a read that is dropped half way costs more than one that is not.
async fn look_for_reset() {
    let mut has_waited = false;
    poll_fn(|cx| {
        if has_waited {
            return Poll::Ready(());
        }
        has_waited = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// The body of an answer.
pub(super) struct Answer {
    body: Body,
    open: Arc<Open>,
    has_end: bool,
}

/// A stream whose answer is not sent.
struct Open {
    stream: Stream,
    _held: Option<Held>,
}

/// Bytes of an answer, which keep its stream open until they are written: hyper drops a body before h2 has sent it.
struct Unsent {
    bytes: Bytes,
    open: Arc<Open>,
}

impl Drop for Unsent {
    fn drop(&mut self) {
        // h2 has copied them into what it writes next, without a limit, or has given them up.
        self.open.stream.connection.keep_until_written(self.open.clone());
    }
}

impl AsRef<[u8]> for Unsent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Keeps the stream of an answer without a body open until its headers are written.
fn keep_open(headers: &mut HeaderMap, open: &Arc<Open>) {
    if let Some(value) = headers.get_mut(CONTENT_TYPE) {
        let bytes = Bytes::copy_from_slice(value.as_bytes());
        let unsent = Bytes::from_owner(Unsent { bytes, open: open.clone() });
        if let Ok(mut kept) = HeaderValue::from_maybe_shared(unsent) {
            // So that h2 does not keep it in the table of header fields (RFC 7541, 7.1.3).
            kept.set_sensitive(true);
            *value = kept;
        }
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if !self.has_end {
            // hyper asks for the next frame when the peer has given room for the one before. While there is nothing to send,
            // the peer has nothing to read.
            let stream = &self.open.stream;
            stream.connection.answer(stream.key, polled.is_ready());
        }
        let unsent = |bytes| Bytes::from_owner(Unsent { bytes, open: self.open.clone() });
        polled.map(|frame| frame.map(|frame| frame.map(|frame| frame.map_data(unsent))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        // An exact one would become a content-length, which gRPC has no use of.
        SizeHint::default()
    }
}
