//! How callers are recognised.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::caller::Caller;
use crate::crypto::token::TokenHash;
use crate::domain::ids::{CallerName, Tenant};

/// Every credential that is known, and whose it is.
#[derive(Debug, Default)]
pub struct Credentials {
    tokens: HashMap<TokenHash, Arc<Caller>>,
    uids: HashMap<u32, Arc<Caller>>,
    callers: HashSet<(Tenant, CallerName)>,
}

impl Credentials {
    /// Makes a token known by its hash. `false`: it is another caller's already.
    pub fn token(&mut self, hash: TokenHash, caller: &Arc<Caller>) -> bool {
        self.callers.insert((caller.tenant.clone(), caller.name.clone()));
        self.tokens.insert(hash, caller.clone()).is_none_or(|before| before == *caller)
    }

    /// Makes a user id on the Unix socket known. `false`: it is another caller's already.
    pub fn uid(&mut self, uid: u32, caller: &Arc<Caller>) -> bool {
        self.callers.insert((caller.tenant.clone(), caller.name.clone()));
        self.uids.insert(uid, caller.clone()).is_none_or(|before| before == *caller)
    }

    /// How many callers are known.
    #[must_use]
    pub fn callers(&self) -> usize {
        self.callers.len()
    }

    /// Whether nobody is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty() && self.uids.is_empty()
    }

    /// Whose token that is. What is looked up is the hash: the time that it takes tells of hashes, from
    /// which nobody gets back to a token.
    #[must_use]
    pub fn by_token(&self, token: &str) -> Option<Arc<Caller>> {
        self.tokens.get(&TokenHash::of(token)).cloned()
    }

    /// Who that user is on the Unix socket.
    #[must_use]
    pub fn by_uid(&self, uid: u32) -> Option<Arc<Caller>> {
        self.uids.get(&uid).cloned()
    }
}
