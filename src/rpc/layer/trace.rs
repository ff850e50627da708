//! The span of a request, under the caller's own trace where the metadata names one (W3C `traceparent`).

use std::sync::Arc;

use http::{HeaderMap, Request, Response};
use opentelemetry::propagation::Extractor;
use tracing::Span;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::env::Entropy;

/// The longest name of a request that is taken from a caller.
const NAME_MAX: usize = 64;

/// What this request is called in logs and errors: the caller's `x-request-id` if it is a plain word, else
/// 16 random hexadecimal digits. A name with anything else in it could forge a line of the log.
pub(super) fn name(headers: &HeaderMap, entropy: &dyn Entropy) -> Arc<str> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    headers
        .get("x-request-id")
        .and_then(|value| value.to_str().ok())
        .filter(|name| !name.is_empty() && name.len() <= NAME_MAX && name.bytes().all(plain))
        .map_or_else(|| data_encoding::HEXLOWER.encode(&entropy.bytes::<8>()).into(), Into::into)
}

/// At most 128 bytes of a path, so that a caller cannot write long lines into the log.
pub(super) fn shortened(path: &str) -> &str {
    &path[..path.floor_char_boundary(128)]
}

/// The span of a request.
pub(super) fn span<B>(request: &Request<B>, name: &str) -> Span {
    let path = shortened(request.uri().path().trim_start_matches('/'));
    let (service, method) = path.split_once('/').unwrap_or((path, ""));
    let span = tracing::info_span!(
        "rpc",
        otel.name = path,
        otel.kind = "server",
        otel.status_code = Empty,
        rpc.system = "grpc",
        rpc.service = service,
        rpc.method = method,
        rpc.grpc.status_code = Empty,
        request_id = name,
        trace_id = Empty,
        caller = Empty,
    );
    if !span.is_disabled() {
        if let Some(trace) = trace_id(request.headers()) {
            span.record("trace_id", trace);
        }
        let parent = opentelemetry::global::get_text_map_propagator(|propagator| {
            propagator.extract(&Metadata(request.headers()))
        });
        // Fails only where no tracing is set up, and then there is nobody to tell.
        let _ = span.set_parent(parent);
    }
    span
}

/// The caller's trace, by which a log line is found from there: of `00-TRACE-SPAN-FLAGS`, 32 digits.
fn trace_id(headers: &HeaderMap) -> Option<&str> {
    let parent = headers.get("traceparent")?.to_str().ok()?;
    let trace = parent.split('-').nth(1)?;
    let is_hex = trace.len() == 32 && trace.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    is_hex.then_some(trace)
}

/// Notes how the request ended.
pub(super) fn finish<B>(span: &Span, response: &Response<B>) {
    let code = response.headers().get("grpc-status").and_then(|code| code.to_str().ok()?.parse::<i32>().ok());
    let code = code.unwrap_or(0);
    span.record("rpc.grpc.status_code", code);
    // Of a server's span, only its own failures are errors (OpenTelemetry semantic conventions for gRPC).
    if matches!(code, 2 | 4 | 12 | 13 | 14 | 15) {
        span.record("otel.status_code", "ERROR");
    }
    tracing::debug!(code, "answered");
}

struct Metadata<'a>(&'a HeaderMap);

impl Extractor for Metadata<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}
