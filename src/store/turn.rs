//! Turns: a replica judges one proof of a subject at a time, and the next one only when the commit of the last is on
//! disk. A turn also holds a place in the queue of commits, so that a full queue refuses before anything is judged.
//!
//! Without turns, parallel requests would have many proofs judged at one version of a device, and only one of them would
//! be counted. The other verdicts are discarded, but the time that each takes could tell a right code from a wrong one.
//!
//! Judgements whose commits failed delay the next turn ([`Unwritten`]).
//!
//! Replicas do not share turns. Between them the version of the device decides: a stale commit is judged anew.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, PoisonError};

use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::{Instant, timeout};

use super::Store;
use super::commit::{Commit, Outcome};
use super::lane::{Lanes, Place};
use super::unwritten::Unwritten;
use crate::domain::ids::{Subject, Tenant};
use crate::domain::refusal::Refusal;
use crate::env::request;
use crate::error::{Error, Origin};

/// The number of turns. Subjects whose hashes share one wait for each other, for as long as a commit takes.
const TURNS: usize = 4096;

/// Locks, by the hash of the subject.
pub(super) struct Turns {
    each: Box<[Arc<Mutex<Unwritten>>]>,
    spread: RandomState,
}

impl Default for Turns {
    fn default() -> Self {
        let each = (0..TURNS).map(|_| Arc::default()).collect();
        Self { each, spread: RandomState::new() }
    }
}

impl Turns {
    fn of(&self, tenant: &Tenant, subject: &Subject) -> &Arc<Mutex<Unwritten>> {
        &self.each[self.spread.hash_one((tenant, subject)) as usize % self.each.len()]
    }
}

/// The right to judge a proof of a subject, with a place in the queue for its commit.
pub struct Turn {
    lanes: Arc<Lanes>,
    place: Option<Place>,
    /// The lock for which other requests of the subject wait.
    held: OwnedMutexGuard<Unwritten>,
    /// Whether the last commit was written, or whose fault it is that it was not. `None`: there was none.
    written: Option<Result<(), Origin>>,
}

impl Store {
    /// Takes the turn of a subject, if it is free and there is room for the commit.
    #[must_use]
    pub fn try_turn(&self, tenant: &Tenant, subject: &Subject) -> Option<Turn> {
        let held = self.turns.of(tenant, subject).clone().try_lock_owned().ok()?;
        self.turn_of(tenant, subject, held).ok()
    }

    /// Waits for the turn of a subject.
    ///
    /// # Errors
    /// The queue is full, or the caller's deadline would pass before the commit is written.
    pub async fn turn(&self, tenant: &Tenant, subject: &Subject) -> Result<Turn, Error> {
        let waiting = self.turns.of(tenant, subject).clone().lock_owned();
        let held = match request::left() {
            Some(left) => timeout(left, waiting).await.map_err(|_| Refusal::Overloaded)?,
            None => waiting.await,
        };
        self.turn_of(tenant, subject, held)
    }

    fn turn_of(
        &self,
        tenant: &Tenant,
        subject: &Subject,
        held: OwnedMutexGuard<Unwritten>,
    ) -> Result<Turn, Error> {
        held.check(Instant::now())?;
        let lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let lanes = lanes.ok_or(Refusal::Draining)?;
        let place = lanes.reserve(tenant, subject)?;
        Ok(Turn { lanes, place: Some(place), held, written: None })
    }
}

impl Turn {
    /// Writes a commit. The turn is kept: if the commit is stale, or meets the record of its request id, the proof is
    /// judged anew in the same turn.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn commit(&mut self, commit: Commit) -> Result<Outcome, Error> {
        let place = match self.place.take() {
            Some(place) => place,
            None => self.lanes.wait_for_place(&commit.tenant, &commit.subject).await?,
        };
        let outcome = place.fill(commit).await;
        self.written = Some(outcome.as_ref().map(drop).map_err(|fault| fault.origin));
        Ok(outcome?)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(written) = self.written {
            self.held.note(written, Instant::now());
        }
    }
}
