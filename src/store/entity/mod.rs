//! Tables as sea-orm sees them: private to the store, one file a table, no hooks.

pub(super) mod client;
pub(super) mod device;
pub(super) mod event;
pub(super) mod evidence;
pub(super) mod meta;
pub(super) mod request;
pub(super) mod revocation;
pub(super) mod secret;
pub(super) mod subject;
