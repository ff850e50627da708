//! The limit on the metadata of a request.

use http::{HeaderMap, HeaderName, header};

use crate::domain::refusal::Refusal;
use crate::domain::violation::Violations;

/// The largest size of a request's metadata, counted as HTTP/2 counts it (RFC 9113, 6.5.2): the bytes of each name and
/// value, and 32 for each pair. The transport reads a little more, so that the caller gets an error with a reason; it
/// answers more, and too many fields, with HTTP status 431.
pub const METADATA_MAX: usize = 8 << 10;

/// What a method needs that anybody may call.
const NEEDED: [HeaderName; 4] = [
    header::CONTENT_TYPE,
    header::TE,
    HeaderName::from_static("grpc-encoding"),
    HeaderName::from_static("grpc-accept-encoding"),
];

/// Drops all metadata that a method has no use for, so that it is not kept for as long as a stream goes on.
pub(super) fn strip(headers: &mut HeaderMap) {
    let mut kept = HeaderMap::new();
    for name in NEEDED {
        if let Some(value) = headers.remove(&name) {
            kept.insert(name, value);
        }
    }
    *headers = kept;
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
