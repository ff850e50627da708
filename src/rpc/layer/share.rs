//! Capacities that callers share, so that no caller can take the part of another: slots for requests under way,
//! streams, and bytes of bodies and answers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::auth::Caller;
use crate::domain::ids::CallerName;

/// A capacity. Half of it is divided among the configured callers, at least `least` each. The rest is common. With many
/// callers nothing is left in common, and their parts together exceed the capacity.
#[derive(Debug)]
pub(super) struct Shares {
    capacity: usize,
    least: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    common: usize,
    own: HashMap<CallerName, usize>,
}

/// The part of a capacity that a request of a caller uses. Given back when this is dropped.
#[derive(Debug)]
pub(super) struct Share {
    shares: Arc<Shares>,
    caller: Arc<Caller>,
    /// The number of configured callers.
    callers: usize,
    /// Taken from the caller's own part.
    own: usize,
    /// Taken from the common part.
    common: usize,
}

impl Shares {
    pub(super) fn new(capacity: usize, least: usize) -> Arc<Self> {
        Arc::new(Self { capacity, least, taken: Mutex::default() })
    }

    /// Takes an amount for a caller. `callers`: the number of configured callers. `None`: the caller's own part and the
    /// common part together have less left.
    pub(super) fn take(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        callers: usize,
        amount: usize,
    ) -> Option<Share> {
        let mut share = self.empty(caller, callers);
        share.grow_to(amount).then_some(share)
    }

    /// A share for a caller, who is one of so many, of which nothing is taken yet.
    pub(super) fn empty(self: &Arc<Self>, caller: &Arc<Caller>, callers: usize) -> Share {
        Share { shares: self.clone(), caller: caller.clone(), callers, own: 0, common: 0 }
    }

    /// The part of each caller, and the common part.
    fn parts(&self, callers: usize) -> (usize, usize) {
        let callers = callers.max(1);
        let own = (self.capacity / 2 / callers).max(self.least).min(self.capacity);
        (own, self.capacity.saturating_sub(own.saturating_mul(callers)))
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Takes more, up to `amount` in all: first of the caller's own part, then of the common part. `false`: both together
    /// have too little left, and nothing more was taken.
    #[must_use]
    pub(super) fn grow_to(&mut self, amount: usize) -> bool {
        let more = amount.saturating_sub(self.own + self.common);
        let (own_most, common_most) = self.shares.parts(self.callers);
        let mut taken = self.shares.taken();
        let own_taken = taken.own.get(&self.caller.name).copied().unwrap_or(0);
        let own = more.min(own_most.saturating_sub(own_taken));
        let common = more - own;
        if common > common_most.saturating_sub(taken.common) {
            return false;
        }
        if own > 0 {
            *taken.own.entry(self.caller.name.clone()).or_default() += own;
        }
        taken.common += common;
        drop(taken);
        self.own += own;
        self.common += common;
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if self.own + self.common == 0 {
            return;
        }
        let mut taken = self.shares.taken();
        taken.common -= self.common;
        if let Some(own) = taken.own.get_mut(&self.caller.name) {
            *own -= self.own;
            if *own == 0 {
                taken.own.remove(&self.caller.name);
            }
        }
    }
}

#[cfg(test)]
impl Shares {
    /// The amount that all shares hold.
    pub(super) fn used(&self) -> usize {
        let taken = self.taken();
        taken.common + taken.own.values().sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::ids::Tenant;

    fn caller(name: &'static str) -> Arc<Caller> {
        let (name, tenant) = (CallerName::trusted(name), Tenant::trusted("default"));
        Arc::new(Caller { name, tenant, roles: BTreeSet::new() })
    }

    #[test]
    fn each_caller_has_a_part_that_no_other_can_take() {
        let slots = Shares::new(8, 1);
        let (greedy, other) = (caller("greedy"), caller("other"));
        let all = |caller| -> Vec<_> { std::iter::from_fn(|| slots.take(caller, 2, 1)).collect() };
        let held = all(&greedy);
        assert_eq!(held.len(), 6, "two of its own and four common ones");
        let others = all(&other);
        assert_eq!(others.len(), 2);
        drop(held);
        let more = all(&other);
        assert_eq!(more.len(), 4);
        drop((others, more));
        assert_eq!(slots.used(), 0);
        assert!(slots.taken().own.is_empty(), "no caller is remembered who holds nothing");
    }

    #[test]
    fn more_callers_than_a_capacity_is_for_have_the_least_each_and_of_no_capacity_nothing() {
        let slots = Shares::new(2, 1);
        let callers = ["a", "b", "c"].map(caller);
        let held: Vec<_> = callers.iter().map(|caller| slots.take(caller, 3, 1)).collect();
        assert!(held.iter().all(Option::is_some) && slots.take(&callers[0], 3, 1).is_none());
        assert!(Shares::new(0, 1).take(&callers[0], 1, 1).is_none());
    }

    #[test]
    fn a_share_grows_over_both_parts_and_what_cannot_be_had_takes_nothing() {
        let bytes = Shares::new(1000, 100);
        let (greedy, other) = (caller("greedy"), caller("other"));
        let mut share = bytes.empty(&greedy, 2);
        assert!(share.grow_to(200) && share.grow_to(700), "250 of its own, and 450 of the common 500");
        assert!(!share.grow_to(751));
        assert_eq!(bytes.used(), 700);
        assert!(share.grow_to(750) && share.grow_to(10));
        assert_eq!(bytes.used(), 750, "a share does not shrink before it is dropped");
        let least = bytes.take(&other, 2, 250);
        assert!(least.is_some() && bytes.take(&other, 2, 1).is_none());
        drop((share, least));
        assert_eq!(bytes.used(), 0);
    }

    #[test]
    fn a_share_that_was_taken_among_fewer_callers_is_given_back_among_more() {
        let bytes = Shares::new(1000, 1);
        let (first, second) = (caller("first"), caller("second"));
        let share = bytes.take(&first, 1, 1000);
        assert!(share.is_some());
        // Callers were added meanwhile: the new one has its part at once, the first gets nothing more.
        assert!(bytes.take(&second, 2, 250).is_some() && bytes.take(&first, 2, 1).is_none());
        drop(share);
        assert_eq!(bytes.used(), 0);
    }
}
