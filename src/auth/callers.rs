//! The credentials in force, which are replaced while the server runs.

use std::sync::{Arc, PoisonError, RwLock};

use super::credentials::Credentials;

/// The credentials in force. Shared by all requests and by the task that reloads them.
///
/// A request reads them once and keeps that snapshot, so that a reload never shows it half of each. What a reload
/// removes is refused from the next request on; a stream that is open goes on.
#[derive(Debug, Default)]
pub struct Callers(RwLock<Arc<Credentials>>);

impl Callers {
    /// With these credentials until the first [`Callers::replace`].
    #[must_use]
    pub fn new(credentials: Credentials) -> Self {
        Self(RwLock::new(Arc::new(credentials)))
    }

    /// The credentials in force now. The lock is held for the increment of a reference count.
    #[must_use]
    pub fn current(&self) -> Arc<Credentials> {
        // The value is replaced as a whole, so that a panic elsewhere cannot leave half of one.
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts other credentials in force, for every request that comes from now on.
    pub fn replace(&self, credentials: Credentials) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(credentials);
    }
}
