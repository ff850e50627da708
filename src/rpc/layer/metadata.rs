//! The limit on the metadata of a request.

use http::HeaderMap;

use crate::domain::refusal::Refusal;
use crate::domain::violation::Violations;

/// The largest size of a request's metadata, counted as HTTP/2 counts it (RFC 9113, 6.5.2): the bytes of each name and
/// value, and 32 for each pair. The transport takes up to [`TRANSPORT_MAX`], so that the caller gets an error with a
/// reason.
pub const METADATA_MAX: usize = 16 << 10;
/// The largest size that the transport takes. It refuses more with HTTP status 431.
pub const TRANSPORT_MAX: u32 = 64 << 10;

/// Refuses metadata over [`METADATA_MAX`].
pub(super) fn check(headers: &HeaderMap) -> Result<(), Refusal> {
    let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum();
    if size > METADATA_MAX {
        let problem = format!("must be at most {METADATA_MAX} bytes in all, and are {size}");
        return Err(Refusal::Invalid(Violations::one("metadata", problem)));
    }
    Ok(())
}
