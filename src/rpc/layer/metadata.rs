//! The metadata of a request: its limit, and what is kept of it.

use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri, header};
use tonic::body::Body;

use crate::domain::refusal::Refusal;
use crate::domain::violation::Violations;

/// The largest size of a request's metadata, counted as HTTP/2 counts it (RFC 9113, 6.5.2): the bytes of each name and
/// value, and 32 for each pair. The transport reads a little more, so that the caller gets an error with a reason; it
/// answers more, and too many fields, with HTTP status 431.
pub const METADATA_MAX: usize = 8 << 10;

/// The metadata that methods read themselves.
const NEEDED: [HeaderName; 4] = [
    header::CONTENT_TYPE,
    header::TE,
    HeaderName::from_static("grpc-encoding"),
    HeaderName::from_static("grpc-accept-encoding"),
];

/// Drops all metadata that methods have no use for, and the path but for the name of the method, so that they are not kept
/// while the body arrives and the method runs: fields of a few bytes take ten times as much memory, and each is a slice of a
/// read buffer of up to 16 KiB.
pub(super) fn strip(request: &mut Request<Body>, path: &'static str) {
    *request.uri_mut() = Uri::from_static(path);
    let mut kept = HeaderMap::with_capacity(NEEDED.len());
    for name in NEEDED {
        let value =
            request.headers().get(&name).and_then(|value| HeaderValue::from_bytes(value.as_bytes()).ok());
        if let Some(value) = value {
            kept.insert(name, value);
        }
    }
    *request.headers_mut() = kept;
}

/// Refuses metadata over [`METADATA_MAX`].
pub(super) fn check(headers: &HeaderMap) -> Result<(), Refusal> {
    let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum();
    if size > METADATA_MAX {
        let problem = format!("must be at most {METADATA_MAX} bytes in all, and are {size}");
        return Err(Refusal::Invalid(Violations::one("metadata", problem)));
    }
    Ok(())
}
