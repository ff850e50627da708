//! The unit of work that every change goes through: judge, commit over what was judged, and judge anew if
//! something came between.

use std::time::Duration;

use futures_util::future::BoxFuture;
use tracing::Instrument as _;

use super::Service;
use super::patience::Patience;
use crate::auth::Caller;
use crate::domain::ids::RequestId;
use crate::domain::refusal::Refusal;
use crate::domain::secret::Secret;
use crate::error::{Error, Origin};
use crate::store::{Commit, Outcome, Recalled, Record};

/// How often a request is judged before it is given up as stale. Of so many attempts at once on one subject
/// each gets its turn: in each round at least one of them commits.
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
    /// To this request.
    Fresh(T),
    /// To the first request of the same id, as it was written down.
    Again(Secret),
}

/// What a try came to.
pub(super) enum Step<T> {
    /// An answer that holds only once this is on disk.
    Commit(Commit, T),
    /// An answer that changes nothing.
    Answer(T),
}

impl Service {
    /// Carries a change out. `plan` reads, judges, and says what to commit; it is called again when the
    /// commit comes too late, and when the database failed and certainly wrote nothing. With a request id,
    /// the first answer is given again and nothing is done twice.
    pub(super) async fn unit<'p, T>(
        &self,
        caller: &Caller,
        once: Option<Once<T>>,
        plan: impl Fn() -> BoxFuture<'p, Result<Step<T>, Error>>,
    ) -> Result<Reply<T>, Error> {
        let mut patience = Patience::new();
        for _ in 0..TRIES {
            match self.attempt(caller, &once, &plan).await {
                Ok(Some(reply)) => return Ok(reply),
                Ok(None) => {}
                // Not one in doubt: what it may have written would be judged as a replay.
                Err(Error::Fault(fault)) if fault.origin == Origin::Store => {
                    if !patience.lasts().await {
                        return Err(fault.into());
                    }
                    tracing::debug!(%fault, "trying again");
                }
                Err(error) => return Err(error),
            }
        }
        Err(Refusal::Stale.into())
    }

    /// One try. `None`: the commit came too late.
    async fn attempt<'p, T>(
        &self,
        caller: &Caller,
        once: &Option<Once<T>>,
        plan: &impl Fn() -> BoxFuture<'p, Result<Step<T>, Error>>,
    ) -> Result<Option<Reply<T>>, Error> {
        let step = plan().instrument(tracing::debug_span!("judge")).await;
        let (commit, answer) = match step {
            Ok(Step::Commit(commit, answer)) => (commit, answer),
            // What commits nothing meets no record: so the record is looked up.
            Ok(Step::Answer(answer)) => {
                let again = self.recalled(caller, once).await?;
                return Ok(Some(again.map_or(Reply::Fresh(answer), Reply::Again)));
            }
            Err(Error::Refused(refusal)) => {
                let again = self.recalled(caller, once).await?;
                return again.map(|answer| Some(Reply::Again(answer))).ok_or(refusal.into());
            }
            Err(fault) => return Err(fault),
        };
        let record = once.as_ref().map(|once| self.record(caller, once, &answer)).transpose()?;
        let commit = commit.record(record);
        Ok(match self.store.commit(commit).instrument(tracing::debug_span!("commit")).await? {
            Outcome::Done => Some(Reply::Fresh(answer)),
            Outcome::Stale => None,
            Outcome::Recorded => self.recalled(caller, once).await?.map(Reply::Again),
        })
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

    async fn recalled<T>(&self, caller: &Caller, once: &Option<Once<T>>) -> Result<Option<Secret>, Error> {
        let Some(once) = once else { return Ok(None) };
        match self.store.recall(&caller.tenant, &caller.name, &once.id, &once.asked).await? {
            Recalled::Nothing => Ok(None),
            Recalled::Another => Err(Refusal::RequestIdReused.into()),
            Recalled::Answer(answer) => Ok(Some(answer)),
        }
    }
}
