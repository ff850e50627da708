//! What every request goes through before its method, in this order:
//!
//! 1. **name and trace**: so that all that follows can be found again, refusals included;
//! 2. **panics** are caught: one bad request must not end the connection of the others;
//! 3. **metadata**: too much is refused before it costs anything;
//! 4. **caller**: who asks, by token or by the Unix socket's peer;
//! 5. **table**: an RPC without a row in the authorization table is denied, and so is a caller without its role;
//! 6. **slot**: a request beyond the slots of its caller is refused. It keeps its slot until its answer is sent and its
//!    commit is written. Methods that need no credential skip 4 and 5, and have slots of their own. From here on only the
//!    metadata is kept that methods read;
//! 7. **deadline**: the caller's own, or the server's;
//! 8. **body**: read whole, within its caller's own part and the common part of the budget of all bodies;
//! 9. and on the way back, **answer**: encoded at once, within the same parts of the budget of all answers;
//! 10. **polish**: an error that the transport made gets the form of ours;
//! 11. **count**: a refused credential, role or step-up is counted and logged.

mod answer;
mod body;
mod caller;
mod deadline;
mod metadata;
mod open_slots;
mod seen;
mod share;
#[cfg(test)]
mod tests;
mod to_the_end;
mod trace;

use std::borrow::Cow;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{HeaderName, HeaderValue, Request, Response};
use tonic::Status;
use tonic::body::Body;
use tracing::Instrument as _;

use self::body::Bounds;
pub use self::metadata::METADATA_MAX;
use self::open_slots::OpenSlots;
use self::share::{Share, Shares};
pub(super) use self::to_the_end::to_the_end;
use crate::auth::{Caller, Callers, Row, Rule, row};
use crate::domain::refusal::Refusal;
use crate::domain::secret::SecretText;
use crate::env::Entropy;
use crate::env::request::{holding, within};
use crate::error::{Error, Fault};
use crate::ops::refused::Refused;
use crate::transport::{Connection, Held, OpenEnded, Peer};
use crate::wire::status;

/// Streams of all callers that may be under way: those of server reflection, which keep an answer or two of up to 40 KiB
/// each while they are not read. Divided among the callers as [`Shares`] are.
const STREAMS: usize = 8;
/// Streams of each caller at least.
const STREAMS_EACH: usize = 2;

/// The name of a request in logs and errors: the caller's `x-request-id`, or one made here.
#[derive(Debug, Clone)]
pub struct RequestName(pub Arc<str>);

/// What the layer needs to know.
pub struct Rules {
    /// Who may call. Replaced while the server runs.
    pub callers: Arc<Callers>,
    /// The caller that anybody is, where the server was started without authentication.
    pub anybody: Option<Arc<Caller>>,
    /// Requests under way at most, until their answers are sent.
    pub concurrency: usize,
    /// The largest message, in bytes.
    pub max_message: usize,
    /// How long a request may take.
    pub timeout: Duration,
    /// For the names of requests.
    pub entropy: Arc<dyn Entropy>,
}

/// Wraps a service in what every request goes through.
#[derive(Clone)]
pub struct Layer {
    rules: Arc<Rules>,
    slots: Arc<Shares>,
    open_slots: Arc<OpenSlots>,
    /// Streams of callers that are under way.
    streams: Arc<Shares>,
    body_budget: Arc<Shares>,
    answer_budget: Arc<Shares>,
    refused: Arc<Refused>,
}

impl Layer {
    /// With these rules, shared by every listener.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self {
            slots: Shares::new(rules.concurrency, 1),
            open_slots: Arc::default(),
            streams: Shares::new(STREAMS, STREAMS_EACH),
            body_budget: body::budget(rules.max_message),
            answer_budget: answer::budget(),
            rules: Arc::new(rules),
            refused: Arc::default(),
        }
    }

    /// Counts of refused requests, by reason.
    #[must_use]
    pub fn refused(&self) -> &Arc<Refused> {
        &self.refused
    }
}

impl<S> tower_layer::Layer<S> for Layer {
    type Service = Door<S>;

    fn layer(&self, inner: S) -> Door<S> {
        Door { layer: self.clone(), inner }
    }
}

/// A service behind the layer.
#[derive(Clone)]
pub struct Door<S> {
    layer: Layer,
    inner: S,
}

/// Says in every answer that nobody is asked who they are.
const INSECURE: HeaderName = HeaderName::from_static("countersign-insecure");

impl<S> tower::Service<Request<Body>> for Door<S>
where
    S: tower::Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let ready = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, ready);
        let layer = self.layer.clone();
        Box::pin(async move {
            let name = trace::name(request.headers(), &*layer.rules.entropy);
            let span = trace::span(&request, &name);
            request.extensions_mut().insert(RequestName(name.clone()));
            let row = row(request.uri().path());
            let method = match row {
                Some(row) => Cow::Borrowed(row.path),
                None => Cow::Owned(request.uri().path().to_owned()),
            };
            let connection = request.extensions().get::<Arc<Connection>>();
            let (peer, mut caller) = (connection.map_or(Peer::Unknown, |connection| connection.peer()), None);
            let admitted =
                AssertUnwindSafe(layer.admit(inner, request, row, peer, &mut caller)).catch_unwind();
            let answered = admitted.instrument(span.clone()).await;
            let _in_span = span.enter();
            let mut response = match answered {
                Ok(Ok(response)) => polish(response, &method),
                Ok(Err(refusal)) => status::refused(&refusal).into_http(),
                Err(_) => {
                    let fault =
                        Fault::internal("carrying a request out", "a panic; the lines before say where");
                    status::of(Error::Fault(fault), &name).into_http()
                }
            };
            trace::finish(&span, &response);
            seen::note(&layer.refused, &response, &method, caller.as_deref(), peer);
            if layer.rules.anybody.is_some() {
                response.headers_mut().insert(INSECURE, HeaderValue::from_static("no authentication"));
            }
            Ok(response)
        })
    }
}

impl Layer {
    /// Checks a request and calls the service. Sets `known` to the caller, also for a request that is refused later.
    ///
    /// # Errors
    /// The request was refused before it took a slot. Every later refusal is a response, which holds the slot until it is
    /// sent.
    async fn admit<S>(
        &self,
        inner: S,
        mut request: Request<Body>,
        row: Option<&'static Row>,
        peer: Peer,
        known: &mut Option<Arc<Caller>>,
    ) -> Result<Response<Body>, Refusal>
    where
        S: tower::Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    {
        metadata::check(request.headers())?;
        if let Some(Row { rule: Rule::Open, is_stream, path }) = row {
            let slot = self.open_slots.take(request.extensions().get()).ok_or(Refusal::Overloaded)?;
            metadata::strip(&mut request, path);
            let slot = Held(Arc::new(slot));
            let unary = (!is_stream).then(|| Unary { body: Bounds::open(), answer: None });
            return Ok(call(inner, request, self.rules.timeout, unary, slot).await);
        }
        let credentials = self.rules.callers.current();
        let caller = caller::of(&request, peer, &credentials, self.rules.anybody.as_ref())?;
        tracing::Span::current().record("caller", caller.name.as_str());
        *known = Some(caller.clone());
        let Some(row) = row else {
            return Err(Refusal::MethodUnknown { method: request.uri().path().to_owned() });
        };
        // Before the body, and before a slot is taken.
        if let Rule::Needs(role) = row.rule {
            caller.require(role)?;
        }
        // Also where no slot is free: it is one of this caller's connections from now on.
        let connection = request.extensions().get::<Arc<Connection>>();
        let under_way = connection.map(|connection| connection.authenticated(caller.name.as_str()));
        let callers = credentials.callers();
        let stream = row.is_stream.then(|| self.streams.take(&caller, callers, 1).ok_or(Refusal::Overloaded));
        let stream = stream.transpose()?;
        let slot = self.slots.take(&caller, callers, 1).ok_or(Refusal::Overloaded)?;
        // A stream that goes on without an end does not keep a server from stopping.
        let under_way = under_way.filter(|_| !row.is_stream);
        let slot = Held(Arc::new((slot, under_way)));
        let limit = deadline::of(request.headers(), self.rules.timeout);
        metadata::strip(&mut request, row.path);
        let (unary, held) = match stream {
            Some(stream) => (None, Held(Arc::new((slot, stream)))),
            None => {
                let body = self.body_budget.empty(&caller, callers);
                let body = Bounds::of_caller(self.rules.max_message, body);
                let answer = Some(self.answer_budget.empty(&caller, callers));
                (Some(Unary { body, answer }), slot)
            }
        };
        request.extensions_mut().insert(caller);
        Ok(call(inner, request, limit, unary, held).await)
    }
}

/// The bounds of a request whose body and whose answer are one message each.
struct Unary {
    /// The bounds of its body, which is read first.
    body: Bounds,
    /// The share of the budget of all answers. `None`: the method is one that anybody may call.
    answer: Option<Share>,
}

/// Calls the service. `unary`: `None` if the body and the answer are streams. `held` is the slot of the request: work that
/// goes on without its caller keeps it, and so does the answer until it is sent.
async fn call<S>(
    inner: S,
    request: Request<Body>,
    limit: Duration,
    unary: Option<Unary>,
    held: Held,
) -> Response<Body>
where
    S: tower::Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    let is_stream = unary.is_none();
    // A timer fires a millisecond late or more, in which work would be done that nobody waits for.
    let answered = if limit.is_zero() {
        Err(Refusal::DeadlineExceeded)
    } else {
        let caller = request.extensions().get::<Arc<Caller>>().map(|caller| caller.name.clone());
        let answered = holding(held.0.clone(), caller, answered(inner, request, unary));
        within(limit, answered).await.unwrap_or(Err(Refusal::DeadlineExceeded))
    };
    let refused = |refusal| (status::refused(&refusal).into_http(), None);
    let (mut response, share) = answered.unwrap_or_else(refused);
    let held = match share {
        Some(share) => Held(Arc::new((held, share))),
        None => held,
    };
    if is_stream {
        response.extensions_mut().insert(OpenEnded);
    }
    response.extensions_mut().insert(held);
    response
}

/// The answer of the service, and its share of the budget of all answers. With `unary`, the body is read before, and the
/// answer is encoded.
async fn answered<S>(
    mut inner: S,
    request: Request<Body>,
    unary: Option<Unary>,
) -> Result<(Response<Body>, Option<Share>), Refusal>
where
    S: tower::Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    let Some(Unary { body: mut bounds, answer }) = unary else {
        return Ok((infallible(inner.call(request).await), None));
    };
    let (head, body) = request.into_parts();
    let body = body::arrived(body, &mut bounds, body::ARRIVAL).await?;
    let response = infallible(inner.call(Request::from_parts(head, body)).await);
    drop(bounds);
    answer::encoded(response, answer).await
}

/// The answer of a service that does not fail.
fn infallible(answered: Result<Response<Body>, Infallible>) -> Response<Body> {
    match answered {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// Gives an error of the transport the form of ours.
fn polish(response: Response<Body>, method: &str) -> Response<Body> {
    match Status::from_header_map(response.headers()) {
        Some(status) if status.code() != tonic::Code::Ok && status.details().is_empty() => {
            status::polished(status, method).into_http()
        }
        _ => response,
    }
}

/// Reads a bearer token from the request's metadata.
fn bearer(headers: &http::HeaderMap) -> Option<SecretText> {
    let value = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| SecretText::new(token.trim().to_owned()))
}
