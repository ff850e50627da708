//! Turns: a replica judges one proof of a subject or makes one other change of it at a time, and the next one only when the
//! commit of the last is on disk. A turn also holds a place in the queue of commits, so that a deadline that cannot be met
//! refuses before anything is judged.
//!
//! Without turns, parallel requests would have many proofs judged at one version of a device, and only one of them would
//! be counted. The other verdicts are discarded, but the time that each takes could tell a right code from a wrong one.
//!
//! A request first waits for the other requests of its caller for the same subject, and then for the subject. So only one
//! request of each caller waits for a subject, and others wait for at most one commit of each caller, however many
//! requests a caller makes. Both locks are fair. They are always taken in this order, so no two requests wait for each
//! other.
//!
//! Judgements whose commits failed delay the next judgement ([`Unwritten`]).
//!
//! Replicas do not share turns. Between them the version of the row decides: a stale commit is planned anew.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::{Instant, timeout};

use super::Store;
use super::commit::{Commit, Outcome};
use super::lane::{Lanes, Place};
use super::locks::{LockGuard, Locks};
use super::unwritten::Unwritten;
use crate::domain::ids::{CallerName, Subject, Tenant};
use crate::domain::refusal::Refusal;
use crate::env::request;
use crate::error::{Error, Origin};

/// The number of counts of failed commits. Subjects whose hashes share one delay each other.
const COUNTS: usize = 4096;

type OfCaller = (Tenant, CallerName, Subject);
type OfSubject = (Tenant, Subject);

/// The turns of all subjects.
pub(super) struct Turns {
    callers: Locks<OfCaller>,
    subjects: Locks<OfSubject>,
    unwritten: Arc<[Mutex<Unwritten>]>,
    spread: RandomState,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            callers: Locks::default(),
            subjects: Locks::default(),
            unwritten: (0..COUNTS).map(|_| Mutex::default()).collect(),
            spread: RandomState::new(),
        }
    }
}

/// The purpose of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A proof is judged. Its commit is written even if the caller goes away. If it fails, the next judgement is delayed.
    Judgement,
    /// Nothing is judged. A commit that no lane has begun to write is withdrawn if the caller goes away or its deadline is
    /// near.
    Change,
}

/// The right to change a subject, with a place in the queue for the commit. Others have theirs when the commit is written, also
/// if this is dropped before.
pub struct Turn {
    purpose: Purpose,
    lanes: Arc<Lanes>,
    place: Option<Place>,
    failures: Failures,
    /// Whether the last commit of a judgement was written, or whose fault it is that it was not. `None`: there was none.
    written: Option<Result<(), Origin>>,
    locks: Arc<TurnLocks>,
}

/// The locks of a subject and of a caller's requests for it.
struct TurnLocks {
    _subject: LockGuard<OfSubject>,
    _caller: LockGuard<OfCaller>,
}

/// The failed commits of a subject's judgements, in the place of its hash.
struct Failures(Arc<[Mutex<Unwritten>]>, usize);

impl Failures {
    fn count(&self) -> MutexGuard<'_, Unwritten> {
        self.0[self.1].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    /// Takes the turn of a subject, if it is free and the commit can be written in time.
    #[must_use]
    pub fn try_turn(
        &self,
        tenant: &Tenant,
        caller: &CallerName,
        subject: &Subject,
        purpose: Purpose,
    ) -> Option<Turn> {
        let own = self.turns.callers.try_lock((tenant.clone(), caller.clone(), subject.clone()))?;
        let held = self.turns.subjects.try_lock((tenant.clone(), subject.clone()))?;
        self.turn_of(tenant, caller, subject, purpose, TurnLocks { _subject: held, _caller: own }).ok()
    }

    /// Waits for the turn of a subject.
    ///
    /// # Errors
    /// The caller's deadline would pass before the commit is written; the store is closed; for a judgement, the delay after
    /// commits that failed is not over.
    pub async fn turn(
        &self,
        tenant: &Tenant,
        caller: &CallerName,
        subject: &Subject,
        purpose: Purpose,
    ) -> Result<Turn, Error> {
        let locks = async {
            let own = self.turns.callers.lock((tenant.clone(), caller.clone(), subject.clone())).await;
            let held = self.turns.subjects.lock((tenant.clone(), subject.clone())).await;
            TurnLocks { _subject: held, _caller: own }
        };
        let locks = match request::left() {
            Some(left) => timeout(request::wait(left), locks).await.map_err(|_| Refusal::Overloaded)?,
            None => locks.await,
        };
        self.turn_of(tenant, caller, subject, purpose, locks)
    }

    fn turn_of(
        &self,
        tenant: &Tenant,
        caller: &CallerName,
        subject: &Subject,
        purpose: Purpose,
        locks: TurnLocks,
    ) -> Result<Turn, Error> {
        let Turns { unwritten, spread, .. } = &self.turns;
        let failures =
            Failures(unwritten.clone(), spread.hash_one((tenant, subject)) as usize % unwritten.len());
        if purpose == Purpose::Judgement {
            failures.count().check(Instant::now())?;
        }
        let lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let lanes = lanes.ok_or(Refusal::Draining)?;
        let place = lanes.reserve(tenant, subject, caller)?;
        Ok(Turn { purpose, lanes, place: Some(place), failures, written: None, locks: Arc::new(locks) })
    }
}

impl Turn {
    /// Writes a commit. The turn is kept: if the commit is stale, or meets the record of its request id, it is planned anew
    /// in the same turn.
    ///
    /// # Errors
    /// The database does not answer. For a [`Purpose::Change`] also: the caller's deadline is near, as
    /// [`Refusal::Overloaded`] if nothing was written, or as a fault in doubt.
    pub async fn commit(&mut self, commit: Commit) -> Result<Outcome, Error> {
        let Commit { tenant, subject, caller, .. } = &commit;
        let place = self.place.take();
        match self.purpose {
            Purpose::Judgement => {
                let place = place.unwrap_or_else(|| self.lanes.place(tenant, subject, caller));
                let outcome = place.fill(commit, Some(self.locks.clone())).await;
                self.written = Some(outcome.as_ref().map(drop).map_err(|fault| fault.origin));
                Ok(outcome?)
            }
            Purpose::Change => {
                let place = place.map_or_else(|| self.lanes.reserve(tenant, subject, caller), Ok)?;
                place.fill_or_withdraw(commit, Some(self.locks.clone())).await
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(written) = self.written {
            self.failures.count().note(written, Instant::now());
        }
    }
}
