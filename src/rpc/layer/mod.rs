//! What every request goes through before its method, in this order:
//!
//! 1. **name and trace**: so that all that follows can be found again, refusals included;
//! 2. **panics** are caught: one bad request must not end the connection of the others;
//! 3. **limit**: too much metadata, and a request beyond those that may be under way, are refused before they cost
//!    anything;
//! 4. **caller**: who asks, by token or by the Unix socket's peer;
//! 5. **table**: an RPC without a row in the authorization table is denied;
//! 6. **deadline**: the caller's own, or the server's;
//! 7. and on the way back, **polish**: an error that the transport made gets the form of ours;
//! 8. **count**: a refused credential, role or step-up is counted and logged.

mod caller;
mod deadline;
mod metadata;
mod seen;
mod to_the_end;
mod trace;

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{HeaderName, HeaderValue, Request, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;
use tonic::body::Body;
use tracing::Instrument as _;

use self::caller::Peer;
pub use self::metadata::{METADATA_MAX, TRANSPORT_MAX};
pub(super) use self::to_the_end::to_the_end;
use crate::auth::{Caller, Callers, Rule, rule};
use crate::domain::refusal::Refusal;
use crate::domain::secret::SecretText;
use crate::env::Entropy;
use crate::env::request::within;
use crate::error::{Error, Fault};
use crate::ops::refused::Refused;
use crate::wire::status;

/// The name of a request in logs and errors: the caller's `x-request-id`, or one made here.
#[derive(Debug, Clone)]
pub struct RequestName(pub Arc<str>);

/// The permit of a request under [`Rules::concurrency`]. Work that goes on without its caller keeps it.
#[derive(Debug, Clone)]
pub struct Running(#[expect(dead_code, reason = "held, never read")] Arc<OwnedSemaphorePermit>);

/// What the layer needs to know.
pub struct Rules {
    /// Who may call. Replaced while the server runs.
    pub callers: Arc<Callers>,
    /// The caller that anybody is, where the server was started without authentication.
    pub anybody: Option<Arc<Caller>>,
    /// Requests under way at most.
    pub concurrency: usize,
    /// How long a request may take.
    pub timeout: Duration,
    /// For the names of requests.
    pub entropy: Arc<dyn Entropy>,
}

/// Wraps a service in what every request goes through.
#[derive(Clone)]
pub struct Layer {
    rules: Arc<Rules>,
    running: Arc<Semaphore>,
    refused: Arc<Refused>,
}

impl Layer {
    /// With these rules, shared by every listener.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        let running = Arc::new(Semaphore::new(rules.concurrency));
        Self { rules: Arc::new(rules), running, refused: Arc::default() }
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
            // Shares the request's own bytes.
            let uri = request.uri().clone();
            let (peer, mut caller) = (Peer::of(&request), None);
            let admitted = AssertUnwindSafe(layer.admit(inner, request, peer, &mut caller)).catch_unwind();
            let answered = admitted.instrument(span.clone()).await;
            let _in_span = span.enter();
            let mut response = match answered {
                Ok(Ok(response)) => polish(response, uri.path()),
                Ok(Err(refusal)) => status::refused(&refusal).into_http(),
                Err(_) => {
                    let fault =
                        Fault::internal("carrying a request out", "a panic; the lines before say where");
                    status::of(Error::Fault(fault), &name).into_http()
                }
            };
            trace::finish(&span, &response);
            seen::note(&layer.refused, &response, uri.path(), caller.as_deref(), peer);
            if layer.rules.anybody.is_some() {
                response.headers_mut().insert(INSECURE, HeaderValue::from_static("no authentication"));
            }
            Ok(response)
        })
    }
}

impl Layer {
    /// Checks a request and calls the service. Sets `known` to the caller, also for a request that is refused later.
    async fn admit<S>(
        &self,
        inner: S,
        mut request: Request<Body>,
        peer: Peer,
        known: &mut Option<Arc<Caller>>,
    ) -> Result<Response<Body>, Refusal>
    where
        S: tower::Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    {
        metadata::check(request.headers())?;
        let rule = rule(request.uri().path());
        if rule != Some(Rule::Open) {
            let running = self.running.clone().try_acquire_owned().map_err(|_| Refusal::Overloaded)?;
            let running = Running(Arc::new(running));
            let caller = caller::of(&request, peer, &self.rules)?;
            tracing::Span::current().record("caller", caller.name.as_str());
            *known = Some(caller.clone());
            if rule.is_none() {
                return Err(Refusal::MethodUnknown { method: request.uri().path().to_owned() });
            }
            request.extensions_mut().insert(caller);
            request.extensions_mut().insert(running.clone());
            let limit = deadline::of(request.headers(), self.rules.timeout);
            return call(inner, request, limit).await;
        }
        call(inner, request, self.rules.timeout).await
    }
}

async fn call<S>(mut inner: S, request: Request<Body>, limit: Duration) -> Result<Response<Body>, Refusal>
where
    S: tower::Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    // A timer strikes only after a millisecond or so, in which much can be done that nobody waits for.
    if limit.is_zero() {
        return Err(Refusal::DeadlineExceeded);
    }
    match within(limit, inner.call(request)).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(never)) => match never {},
        Err(_) => Err(Refusal::DeadlineExceeded),
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
