//! Request ids that this replica knows to be recorded. Their records are looked up before a proof is judged, so
//! that a used id buys no judgement. An id that another replica recorded is found when the commit meets its record.
//!
//! Bounded: two generations of keyed hashes, of which the older one goes when the younger is full. An id that was
//! forgotten, like one of another replica, is found at commit; one that was never recorded but has the hash of
//! another costs one look-up.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};

use super::commit::Commit;
use crate::domain::ids::{CallerName, RequestId, Tenant};

/// Ids in one generation at most.
const GENERATION: usize = 16_384;

#[derive(Default)]
pub(super) struct SeenRequests {
    spread: RandomState,
    generations: Mutex<Generations>,
}

#[derive(Default)]
struct Generations {
    young: HashSet<u64>,
    old: HashSet<u64>,
}

impl SeenRequests {
    /// A commit is on disk, or met the record of its request id.
    pub(super) fn committed(&self, commit: &Commit) {
        let Some(record) = &commit.record else { return };
        let hash = self.spread.hash_one((&commit.tenant, &record.caller, &record.id));
        let mut known = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        if known.young.len() >= GENERATION {
            known.old = std::mem::take(&mut known.young);
        }
        known.young.insert(hash);
    }

    /// Whether an id may be recorded.
    pub(super) fn has(&self, tenant: &Tenant, caller: &CallerName, id: &RequestId) -> bool {
        let hash = self.spread.hash_one((tenant, caller, id));
        let known = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        known.young.contains(&hash) || known.old.contains(&hash)
    }
}
