//! The proof that a caller may.

use std::marker::PhantomData;
use std::sync::Arc;

use super::caller::Caller;
use super::role::Role;
use super::table::Rpc;
use crate::domain::refusal::Refusal;

/// The proof that a caller may call the RPC `R`.
pub struct Grant<R> {
    caller: Arc<Caller>,
    rpc: PhantomData<fn() -> R>,
}

/// Asks for a grant.
///
/// # Errors
/// The caller lacks the role.
pub fn grant<R: Rpc>(caller: &Arc<Caller>) -> Result<Grant<R>, Refusal> {
    caller.require(R::ROLE)?;
    Ok(Grant { caller: caller.clone(), rpc: PhantomData })
}

impl<R> Grant<R> {
    /// Who may.
    #[must_use]
    pub fn caller(&self) -> &Arc<Caller> {
        &self.caller
    }

    /// Asks for one more role, for what not everybody who may call this RPC may ask of it.
    ///
    /// # Errors
    /// The caller lacks it.
    pub fn also(&self, role: Role) -> Result<(), Refusal> {
        self.caller.require(role)
    }
}
