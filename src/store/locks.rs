//! Fair locks by key. One is kept only while somebody has it or waits for it, so keys never share a lock.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Mutex as Lock, OwnedMutexGuard};

/// The locks that somebody has or waits for.
pub(super) struct Locks<K: Hash + Eq + Clone>(Arc<Mutex<HashMap<K, Used>>>);

#[derive(Default)]
struct Used {
    /// The number of holders and waiters.
    users: usize,
    lock: Arc<Lock<()>>,
}

/// A lock that is held. Dropping this gives it to whoever has waited for longest.
pub(super) struct LockGuard<K: Hash + Eq + Clone> {
    _guard: OwnedMutexGuard<()>,
    _user: User<K>,
}

/// A holder or waiter.
struct User<K: Hash + Eq + Clone> {
    locks: Arc<Mutex<HashMap<K, Used>>>,
    key: K,
}

impl<K: Hash + Eq + Clone> Default for Locks<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Hash + Eq + Clone> Locks<K> {
    /// Takes a lock, if nobody has it or waits for it.
    pub(super) fn try_lock(&self, key: K) -> Option<LockGuard<K>> {
        let (user, lock) = self.user(key);
        lock.try_lock_owned().ok().map(|guard| LockGuard { _guard: guard, _user: user })
    }

    /// Waits for a lock.
    pub(super) async fn lock(&self, key: K) -> LockGuard<K> {
        let (user, lock) = self.user(key);
        LockGuard { _guard: lock.lock_owned().await, _user: user }
    }

    fn user(&self, key: K) -> (User<K>, Arc<Lock<()>>) {
        let mut each = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let used = each.entry(key.clone()).or_default();
        used.users += 1;
        (User { locks: self.0.clone(), key }, used.lock.clone())
    }
}

impl<K: Hash + Eq + Clone> Drop for User<K> {
    fn drop(&mut self) {
        let mut each = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(used) = each.get_mut(&self.key) {
            used.users -= 1;
            if used.users == 0 {
                each.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn a_lock_is_held_by_one_at_a_time_and_is_forgotten_when_nobody_needs_it() {
        let locks = Locks::default();
        let held = locks.try_lock("a").unwrap();
        assert!(locks.try_lock("a").is_none() && locks.try_lock("b").is_some());
        let (mut first, mut second) = (Box::pin(locks.lock("a")), Box::pin(locks.lock("a")));
        assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
        drop(held);
        assert!(locks.try_lock("a").is_none() && (&mut second).now_or_never().is_none(), "it is overtaken");
        // The first in line goes away, and the second has its place.
        drop(first);
        drop(second.now_or_never().unwrap());
        assert!(locks.0.lock().unwrap().is_empty());
    }
}
