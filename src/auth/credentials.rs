//! How callers are recognised.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::caller::Caller;
use crate::crypto::token::TokenHash;
use crate::domain::ids::CallerName;

/// Every credential that is known, and whose it is.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    tokens: HashMap<TokenHash, Arc<Caller>>,
    uids: HashMap<u32, Arc<Caller>>,
    callers: HashSet<CallerName>,
}

impl Credentials {
    /// Makes a token known by its hash. `false`: it is another caller's already.
    pub fn token(&mut self, hash: TokenHash, caller: &Arc<Caller>) -> bool {
        self.callers.insert(caller.name.clone());
        self.tokens.insert(hash, caller.clone()).is_none_or(|before| before == *caller)
    }

    /// Makes a user id on the Unix socket known. `false`: it is another caller's already.
    pub fn uid(&mut self, uid: u32, caller: &Arc<Caller>) -> bool {
        self.callers.insert(caller.name.clone());
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

    /// Whether a token with that hash is somebody's.
    #[must_use]
    pub fn knows_token(&self, hash: &TokenHash) -> bool {
        self.tokens.contains_key(hash)
    }

    /// Who that user is on the Unix socket.
    #[must_use]
    pub fn by_uid(&self, uid: u32) -> Option<Arc<Caller>> {
        self.uids.get(&uid).cloned()
    }

    /// All that is known of each caller, by its name.
    pub(super) fn by_caller(&self) -> BTreeMap<&CallerName, Known<'_>> {
        let mut all = BTreeMap::new();
        let of = |caller| Known { caller, tokens: HashSet::new(), uids: BTreeSet::new() };
        for (hash, caller) in &self.tokens {
            all.entry(&caller.name).or_insert_with(|| of(caller)).tokens.insert(hash);
        }
        for (uid, caller) in &self.uids {
            all.entry(&caller.name).or_insert_with(|| of(caller)).uids.insert(*uid);
        }
        all
    }
}

/// A caller, and by what it is known.
#[derive(PartialEq, Eq)]
pub(super) struct Known<'a> {
    caller: &'a Caller,
    tokens: HashSet<&'a TokenHash>,
    uids: BTreeSet<u32>,
}
