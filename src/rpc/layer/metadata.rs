//! How much metadata a request may have.

use http::HeaderMap;

use crate::domain::refusal::Refusal;
use crate::domain::violation::Violations;

/// The most that the metadata of a request may come to, counted as HTTP/2 counts (RFC 9113, 6.5.2): the bytes of each
/// name and value, and 32 more for each. The transport takes more, up to [`TRANSPORT_MAX`], so that the caller is
/// told what is wrong.
pub const METADATA_MAX: usize = 16 << 10;
/// Past this the transport refuses a request by itself, with HTTP status 431.
pub const TRANSPORT_MAX: u32 = 64 << 10;

/// Refuses what is too much.
pub(super) fn check(headers: &HeaderMap) -> Result<(), Refusal> {
    let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum();
    if size > METADATA_MAX {
        let problem = format!("must be at most {METADATA_MAX} bytes in all, and are {size}");
        return Err(Refusal::Invalid(Violations::one("metadata", problem)));
    }
    Ok(())
}
