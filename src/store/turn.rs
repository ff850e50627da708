//! Turns: on one replica, proofs of one subject are judged one after the other, each after what the one before came
//! to is on disk. A turn holds a place in the queue of commits, so that what is judged in it is written for certain.
//! Without turns a crowd would have many proofs judged at one version of a device, of which one counts: the others
//! are not told what they came to, but the time that each takes may tell.
//!
//! Between replicas the version of the device decides, as everywhere: a commit that comes too late is judged anew.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::Store;
use super::commit::{Commit, Outcome};
use super::lane::{Lanes, Place};
use crate::domain::ids::{Subject, Tenant};
use crate::domain::refusal::Refusal;
use crate::env::deadline;
use crate::error::{Error, Fault};

/// Turns that can be taken at once. Two subjects that share one wait for each other for as long as a commit takes.
const TURNS: usize = 4096;

/// One semaphore of one permit for each share of the subjects.
pub(super) struct Turns {
    each: Box<[Arc<Semaphore>]>,
    spread: RandomState,
}

impl Default for Turns {
    fn default() -> Self {
        let each = (0..TURNS).map(|_| Arc::new(Semaphore::new(1))).collect();
        Self { each, spread: RandomState::new() }
    }
}

impl Turns {
    fn of(&self, tenant: &Tenant, subject: &Subject) -> &Arc<Semaphore> {
        &self.each[self.spread.hash_one((tenant, subject)) as usize % self.each.len()]
    }
}

/// The right to have a proof of one subject judged, and a place in the queue for what comes of it.
pub struct Turn {
    lanes: Arc<Lanes>,
    place: Option<Place>,
    /// Others of the same subject wait for it.
    held: Option<OwnedSemaphorePermit>,
}

impl Store {
    /// Takes a turn, if nobody else has it now.
    ///
    /// # Errors
    /// The queue is full, or the caller's time would be over before the commit: nothing may be judged.
    pub fn try_turn(&self, tenant: &Tenant, subject: &Subject) -> Result<Option<Turn>, Error> {
        match self.turns.of(tenant, subject).clone().try_acquire_owned() {
            Ok(held) => self.turn_of(tenant, subject, held).map(Some),
            Err(_) => Ok(None),
        }
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// The queue is full, or the caller's time would be over before the commit: nothing may be judged.
    pub async fn turn(&self, tenant: &Tenant, subject: &Subject) -> Result<Turn, Error> {
        let waiting = self.turns.of(tenant, subject).clone().acquire_owned();
        let held = match deadline::left() {
            Some(left) => timeout(left, waiting).await.map_err(|_| Refusal::Overloaded)?,
            None => waiting.await,
        };
        let held = held.map_err(|e| Fault::internal("waiting for a turn", e))?;
        self.turn_of(tenant, subject, held)
    }

    fn turn_of(&self, tenant: &Tenant, subject: &Subject, held: OwnedSemaphorePermit) -> Result<Turn, Error> {
        let lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let lanes = lanes.ok_or(Refusal::Draining)?;
        let place = lanes.reserve(tenant, subject)?;
        Ok(Turn { lanes, place: Some(place), held: Some(held) })
    }
}

impl Turn {
    /// Writes a commit. The turn goes on: where the commit comes too late, or meets the record of its request id,
    /// the proof is judged anew in the same turn.
    ///
    /// # Errors
    /// The database does not answer. Unless this runs in a detached task, also: the caller's time is almost over. The
    /// commit is written all the same, and the turn ends then.
    pub async fn commit(&mut self, commit: Commit) -> Result<Outcome, Error> {
        let place = match self.place.take() {
            Some(place) => place,
            None => self.lanes.wait_for_place(&commit.tenant, &commit.subject).await?,
        };
        let answer = place.fill(commit);
        let Some(left) = deadline::left().filter(|_| !deadline::is_detached()) else {
            return Ok(answer.await?);
        };
        let mut answer = Box::pin(answer);
        if let Ok(outcome) = timeout(deadline::wait(left), &mut answer).await {
            return Ok(outcome?);
        }
        let held = self.held.take();
        tokio::spawn(async move {
            // Whoever asked has gone; others of the subject go on when it is written, or failed.
            let _ = answer.await;
            drop(held);
        });
        Err(Fault::doubt("committing", "it waits in line, and its caller cannot").into())
    }
}
