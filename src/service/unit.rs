//! The unit of work of every change: plan, commit over the versions that were read in the turn of the subject, and plan
//! anew if the commit is stale. A change that judges a proof goes through [`Service::judged`], which makes sure that the
//! judgement is counted.

use std::time::Duration;

use futures_util::future::BoxFuture;
use tracing::Instrument as _;

use super::Service;
use super::patience::Patience;
use crate::auth::Caller;
use crate::domain::ids::{RequestId, Subject};
use crate::domain::refusal::Refusal;
use crate::domain::secret::Secret;
use crate::env::request;
use crate::error::{Error, Fault, Origin};
use crate::store::{Commit, Outcome, Purpose, Recalled, Record, Turn};

/// The number of times that a change is planned before it is refused as stale. Within a replica, changes of a subject are
/// committed one at a time. Of several replicas at least one commits in each round, so as many of them all succeed.
const TRIES: usize = 32;
/// How long the answer to a request id is kept.
const RECORD_FOR: Duration = Duration::from_secs(10 * 60);

/// A request that must not count twice.
pub struct Once<T> {
    /// What the caller named it.
    pub id: RequestId,
    /// What is asked: method and message.
    pub asked: Secret,
    /// Writes an answer down.
    pub encode: Encode<T>,
}

/// Writes an answer down.
pub type Encode<T> = Box<dyn Fn(&T) -> Result<Secret, Error> + Send + Sync>;

/// An answer.
pub enum Reply<T> {
    /// To this request. If it has a request id, with the answer as it is written down.
    Fresh(T, Option<Secret>),
    /// To the first request of the same id, as it was written down.
    Again(Secret),
}

/// What a try came to.
pub(super) enum Step<T> {
    /// An answer that holds only once this is on disk.
    Commit(Commit, T),
    /// An answer that changes nothing.
    Answer(T),
    /// A proof must be judged, and the plan was called with [`May::Look`].
    Judge,
}

/// The permission of a plan to judge a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum May {
    /// Not judge: this request has no turn yet. Refused and throttled attempts are answered without one.
    Look,
    /// Judge: this request has the [`Turn`] of the subject, and with it a place in the queue of commits.
    Judge,
}

/// What a commit came to.
enum Done<T> {
    Reply(Reply<T>),
    /// Stale: the change must be planned anew.
    Stale,
    /// Another request has the same id.
    Reused,
}

impl Service {
    /// Carries a change of a subject out. `plan` reads, decides, and says what to commit; it is called again when the
    /// commit comes too late, and when the database failed and certainly wrote nothing. With a request id,
    /// the first answer is given again and nothing is done twice.
    ///
    /// A plan that commits nothing needs no [`Turn`]. If a plan has something to commit and another request has the turn,
    /// the change is planned anew in its own turn. `plan` is told whether it is in one: others wait for it then.
    pub(super) async fn unit<'p, T>(
        &self,
        caller: &Caller,
        subject: &Subject,
        once: Option<Once<T>>,
        plan: impl Fn(bool) -> BoxFuture<'p, Result<Step<T>, Error>>,
    ) -> Result<Reply<T>, Error> {
        if let Some(answer) = self.recalled_early(caller, once.as_ref()).await? {
            return Ok(Reply::Again(answer));
        }
        let Caller { tenant, name, .. } = caller;
        let mut patience = Patience::new();
        let mut turn = None;
        for _ in 0..TRIES {
            let mut planned = plan(turn.is_some()).instrument(tracing::debug_span!("plan")).await;
            if turn.is_none() && matches!(planned, Ok(Step::Commit(..))) {
                turn = self.store.try_turn(tenant, name, subject, Purpose::Change);
                if turn.is_none() {
                    match self.turn_or_answer(caller, subject, once.as_ref(), Purpose::Change).await? {
                        Ok(taken) => turn = Some(taken),
                        Err(answer) => return Ok(Reply::Again(answer)),
                    }
                    planned = plan(true).instrument(tracing::debug_span!("plan")).await;
                }
            }
            match self.carry_out(caller, once.as_ref(), turn.as_mut(), planned).await {
                Ok(Done::Reply(reply)) => return Ok(reply),
                Ok(Done::Stale) => {}
                Ok(Done::Reused) => return Err(Refusal::RequestIdReused.into()),
                Err(error) => {
                    // Others need not wait for a database that fails this request.
                    turn = None;
                    patience.or(error).await?;
                }
            }
        }
        Err(Refusal::Stale.into())
    }

    /// Carries out a change that judges a proof. Unless the database fails, what was judged is committed: a wrong code is
    /// counted, a right one is used up.
    ///
    /// - A deadline that cannot be met refuses before the proof is judged: see [`Turn`].
    /// - A stale commit is judged anew until it is written, however often that is.
    /// - A request id that belongs to another request is refused. If only the commit finds that out, the judgement is
    ///   committed first, without a record.
    pub(super) async fn judged<'p, T>(
        &self,
        caller: &Caller,
        subject: &Subject,
        once: Option<Once<T>>,
        plan: impl Fn(May) -> BoxFuture<'p, Result<Step<T>, Error>>,
    ) -> Result<Reply<T>, Error> {
        if let Some(answer) = self.recalled_early(caller, once.as_ref()).await? {
            return Ok(Reply::Again(answer));
        }
        let mut once = once.as_ref();
        let mut is_reused = false;
        let mut patience = Patience::new();
        // Without a turn a throttled or malformed proof is answered all the same; one that has to be judged waits for it.
        let Caller { tenant, name, .. } = caller;
        let mut turn = self.store.try_turn(tenant, name, subject, Purpose::Judgement);
        loop {
            let may = if turn.is_some() { May::Judge } else { May::Look };
            let planned = plan(may).instrument(tracing::debug_span!("judge")).await;
            if matches!(planned, Ok(Step::Judge)) {
                match self.turn_or_answer(caller, subject, once, Purpose::Judgement).await? {
                    Ok(taken) => turn = Some(taken),
                    Err(answer) => return Ok(Reply::Again(answer)),
                }
                continue;
            }
            if matches!(planned, Ok(Step::Commit(..))) {
                // The proof was judged: reading the record of its request id, or judging it anew, must not be cut off.
                request::forget_deadline();
            }
            match self.carry_out(caller, once, turn.as_mut(), planned).await {
                Ok(Done::Reply(_)) if is_reused => return Err(Refusal::RequestIdReused.into()),
                Ok(Done::Reply(reply)) => return Ok(reply),
                Ok(Done::Stale) => {}
                // The unique key of `request` rolled the judgement back. Once more without a record, so that it counts.
                Ok(Done::Reused) => (once, is_reused) = (None, true),
                Err(Error::Refused(_)) if is_reused => return Err(Refusal::RequestIdReused.into()),
                Err(error) => patience.or(error).await?,
            }
        }
    }

    /// Waits for the turn of a subject. If that is refused, a retry gets its first answer.
    async fn turn_or_answer<T>(
        &self,
        caller: &Caller,
        subject: &Subject,
        once: Option<&Once<T>>,
        purpose: Purpose,
    ) -> Result<Result<Turn, Secret>, Error> {
        match self.store.turn(&caller.tenant, &caller.name, subject, purpose).await {
            Ok(turn) => Ok(Ok(turn)),
            Err(error) => self.recalled(caller, once).await?.map(Err).ok_or(error),
        }
    }

    /// Commits a plan in the turn of its subject, and returns its answer once the commit is on disk.
    async fn carry_out<T>(
        &self,
        caller: &Caller,
        once: Option<&Once<T>>,
        turn: Option<&mut Turn>,
        planned: Result<Step<T>, Error>,
    ) -> Result<Done<T>, Error> {
        let (commit, answer) = match planned {
            Ok(Step::Commit(commit, answer)) => (commit, answer),
            // An answer without a commit never hits the unique key of `request`, so the record is looked up.
            Ok(Step::Answer(answer)) => {
                let again = self.recalled(caller, once).await?;
                return Ok(Done::Reply(again.map_or(Reply::Fresh(answer, None), Reply::Again)));
            }
            Err(Error::Refused(refusal)) => return self.answer_or_refuse(caller, once, refusal).await,
            Ok(Step::Judge) => {
                return Err(Fault::internal("judging a proof", "there is no turn to judge it in").into());
            }
            Err(fault) => return Err(fault),
        };
        let turn = turn.ok_or_else(|| Fault::internal("committing", "there is no turn to commit in"))?;
        let record = once.map(|once| self.record(caller, once, &answer)).transpose()?;
        let kept = record.as_ref().map(|record| record.answer.clone());
        let commit = commit.record(record);
        let written = match turn.commit(commit).instrument(tracing::debug_span!("commit")).await {
            // The commit was withdrawn. An earlier request of the same id may have been written, perhaps by another replica.
            Err(Error::Refused(refusal)) => return self.answer_or_refuse(caller, once, refusal).await,
            written => written?,
        };
        Ok(match written {
            Outcome::Done => Done::Reply(Reply::Fresh(answer, kept)),
            Outcome::Stale => Done::Stale,
            Outcome::Recorded => match self.recalled(caller, once).await {
                Ok(Some(answer)) => Done::Reply(Reply::Again(answer)),
                // The record was swept in between.
                Ok(None) => Done::Stale,
                Err(Error::Refused(Refusal::RequestIdReused)) => Done::Reused,
                Err(error) => return Err(error),
            },
        })
    }

    /// The recorded answer, or else the refusal.
    async fn answer_or_refuse<T>(
        &self,
        caller: &Caller,
        once: Option<&Once<T>>,
        refusal: Refusal,
    ) -> Result<Done<T>, Error> {
        let again = self.recalled(caller, once).await?;
        again.map(|answer| Done::Reply(Reply::Again(answer))).ok_or(refusal.into())
    }

    fn record<T>(&self, caller: &Caller, once: &Once<T>, answer: &T) -> Result<Record, Error> {
        Ok(Record {
            caller: caller.name.clone(),
            id: once.id,
            asked: once.asked.clone(),
            answer: (once.encode)(answer)?,
            expires_at: self.clock.now().plus(RECORD_FOR),
        })
    }

    /// The recorded answer, if this replica knows that the request id is recorded. Asked before anything is planned.
    async fn recalled_early<T>(
        &self,
        caller: &Caller,
        once: Option<&Once<T>>,
    ) -> Result<Option<Secret>, Error> {
        match once {
            Some(one) if self.store.has_seen(&caller.tenant, &caller.name, &one.id) => {
                self.recalled(caller, once).await
            }
            _ => Ok(None),
        }
    }

    async fn recalled<T>(&self, caller: &Caller, once: Option<&Once<T>>) -> Result<Option<Secret>, Error> {
        let Some(once) = once else { return Ok(None) };
        match self.store.recall(&caller.tenant, &caller.name, &once.id, &once.asked).await? {
            Recalled::Nothing => Ok(None),
            Recalled::Another => Err(Refusal::RequestIdReused.into()),
            Recalled::Answer(answer) => Ok(Some(answer)),
        }
    }
}

impl Patience {
    /// Waits before the next try, where the database certainly wrote nothing and there is time for one.
    ///
    /// # Errors
    /// The error, if trying again does not help. A commit in doubt is never tried again: if it was written, the same
    /// proof would now be a replay.
    async fn or(&mut self, error: Error) -> Result<(), Error> {
        match error {
            Error::Fault(fault) if fault.origin == Origin::Store => {
                if !self.lasts().await {
                    return Err(fault.into());
                }
                tracing::debug!(%fault, "trying again");
                Ok(())
            }
            other => Err(other),
        }
    }
}
