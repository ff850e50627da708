//! Request ids that this replica knows to be recorded. Their records are looked up before a proof is judged, so that
//! nobody gets a proof judged under a used id.
//!
//! Two generations of keyed hashes bound the memory: the older is dropped when the younger is full. An id that was
//! dropped, or that another replica recorded, is found by the unique key when the commit is written. An id that was
//! never recorded but has the hash of another one costs a look-up.

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
    /// Notes the request id of a commit that is on disk, or that met the record of its id.
    pub(super) fn committed(&self, commit: &Commit) {
        let Some(record) = &commit.record else { return };
        let hash = self.spread.hash_one((&commit.tenant, &record.caller, &record.id));
        let mut known = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        if known.young.len() >= GENERATION {
            known.old = std::mem::take(&mut known.young);
        }
        known.young.insert(hash);
    }

    /// True if the id is probably recorded. False says nothing.
    pub(super) fn has(&self, tenant: &Tenant, caller: &CallerName, id: &RequestId) -> bool {
        let hash = self.spread.hash_one((tenant, caller, id));
        let known = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        known.young.contains(&hash) || known.old.contains(&hash)
    }
}
