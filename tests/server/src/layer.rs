//! Reads the time of a request before anything else looks at the request.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use countersign::domain::moment::Moment;
use countersign::domain::refusal::Refusal;
use countersign::domain::violation::{Problem, Violations};
use countersign::wire::convert::moment;
use countersign::wire::status;
use http::{HeaderMap, Request, Response};
use prost_types::Timestamp;
use tonic::body::Body;

use crate::clock::RequestClock;

/// The key of the metadata that says the time.
const KEY: &str = "countersign-test-time";
/// The end of the year 9999: as far as RFC 3339 and protobuf go.
const MICROS_MAX: i64 = 253_402_300_799_999_999;

/// The layer that sets a request's time.
#[derive(Clone)]
pub(crate) struct TimeLayer {
    clock: Arc<RequestClock>,
}

impl TimeLayer {
    /// Sets the time of that clock.
    pub(crate) fn new(clock: Arc<RequestClock>) -> Self {
        Self { clock }
    }
}

impl<S> tower_layer::Layer<S> for TimeLayer {
    type Service = Timed<S>;

    fn layer(&self, inner: S) -> Timed<S> {
        Timed { clock: self.clock.clone(), inner }
    }
}

/// A service whose requests say what time it is.
#[derive(Clone)]
pub(crate) struct Timed<S> {
    clock: Arc<RequestClock>,
    inner: S,
}

impl<S> tower::Service<Request<Body>> for Timed<S>
where
    S: tower::Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send + 'static>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match said(request.headers()) {
            Ok(said) => {
                let (clock, answer) = (self.clock.clone(), self.inner.call(request));
                Box::pin(async move { clock.at(said, answer).await })
            }
            Err(problem) => {
                let mut violations = Violations::default();
                violations.push(KEY, problem);
                let refused = status::refused(&Refusal::Invalid(violations)).into_http();
                Box::pin(async { Ok(refused) })
            }
        }
    }
}

/// The time that the metadata say, if they say one.
fn said(headers: &HeaderMap) -> Result<Option<Moment>, Problem> {
    let problem =
        || Problem::new("must be one RFC 3339 time, like 2026-01-31T12:00:00Z, or microseconds since 1970");
    let mut values = headers.get_all(KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().map_err(|_| problem())?;
    let micros = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok()
    } else {
        text.parse::<Timestamp>().ok().map(|time| moment(&time).micros())
    };
    let micros = micros.filter(|micros| (1..=MICROS_MAX).contains(micros) && values.next().is_none());
    micros.map(|micros| Some(Moment::from_micros(micros))).ok_or_else(problem)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(values: &[&'static str]) -> Result<Option<i64>, Problem> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(KEY, HeaderValue::from_static(value));
        }
        said(&headers).map(|said| said.map(Moment::micros))
    }

    #[test]
    fn a_time_is_read_in_both_forms_and_nothing_else_is() {
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&["1700000010000000"]), Ok(Some(1_700_000_010_000_000)));
        assert_eq!(read(&["2023-11-14T22:13:30Z"]), Ok(Some(1_700_000_010_000_000)));
        assert_eq!(read(&["2023-11-14T23:13:30.25+01:00"]), Ok(Some(1_700_000_010_250_000)));
        for bad in ["", "0", "-1", "soon", "1.5", "99999999999999999999", "2023-13-14T22:13:30Z"] {
            assert!(read(&[bad]).is_err(), "{bad}");
        }
        assert!(read(&["1", "1"]).is_err());
    }
}
