//! Lanes: each takes the commits that are waiting and writes them as one group. A lone commit does not wait
//! for company; a crowd shares one transaction and one flush to disk.
//!
//! Use the fewest lanes that keep up: doubling a group's size costs the database little. A subject stays in its lane while
//! the number of lanes does, and is once in a group: a second commit of it is written over the first, or is stale. If the
//! number of lanes changes while two of them hold commits of one subject, the version check decides between them.
//!
//! The queue of a lane has no bound of its own: each commit of a request in it keeps the slot of the request ([`Job`]).

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use sea_orm::DbErr;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::apply::{WriteError, Writer, is_duplicate};
use super::cache::Cache;
use super::commit::{Commit, Outcome};
use super::dialect;
use super::job::{Claim, Job, KeptTurn, Line, QueuedCommit, Withdrawal};
use super::seen::SeenRequests;
use super::waiting::Waiting;
use super::witness::Witness;
use crate::domain::ids::{CallerName, Subject, Tenant};
use crate::domain::refusal::Refusal;
use crate::env::request;
use crate::error::{Error, Fault};

/// Commits in one group at most.
const GROUP: usize = 64;

/// What this replica knows of what it wrote.
#[derive(Clone, Default)]
pub(super) struct Memory {
    /// Devices, so that they need not be read.
    pub(super) cache: Arc<Cache>,
    /// What was used up, so that it stays so even where the database forgets it.
    pub(super) witness: Arc<Witness>,
    /// Recorded request ids: their records are looked up before anything is judged.
    pub(super) requests: Arc<SeenRequests>,
}

/// Groups after which others get their turn to write, where there is one connection for all.
const REST: usize = 64;
/// Commits under way for which one more lane is used.
const CROWD: usize = 32;

/// What leads to one lane.
struct Door {
    queue: mpsc::UnboundedSender<Job>,
    pace: Arc<Pace>,
    line: Arc<Line>,
}

/// How long a lane's groups take: a moving mean, in microseconds.
#[derive(Default)]
struct Pace(AtomicU64);

impl Pace {
    fn learn(&self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let known = self.0.load(Ordering::Relaxed);
        self.0.store(known - known / 8 + took / 8, Ordering::Relaxed);
    }

    /// The estimated time until the group of a new commit begins, with so many commits of its lane before it: one mean
    /// for each group that they fill.
    ///
    /// The group under way counts as a whole one, since it is not known how far it is; the new commit's own group does not
    /// count. A commit with no other before it waits for nothing, however little time there is.
    fn wait(&self, ahead: usize) -> Duration {
        let groups = u64::try_from(ahead.div_ceil(GROUP)).unwrap_or(u64::MAX);
        Duration::from_micros(self.0.load(Ordering::Relaxed).saturating_mul(groups))
    }
}

/// All lanes.
pub(super) struct Lanes {
    doors: Vec<Door>,
    spread: RandomState,
    /// Commits that wait or are being written, and reserved places.
    under_way: Arc<AtomicUsize>,
}

/// A reserved place in a lane's queue.
pub(super) struct Place {
    queue: mpsc::UnboundedSender<Job>,
    under_way: QueuedCommit,
}

impl Place {
    /// Puts a commit in the queue, before this returns. The future resolves when the commit is written. If it is dropped,
    /// the commit is written all the same.
    pub(super) fn fill(
        self,
        commit: Commit,
        turn: Option<KeptTurn>,
    ) -> impl Future<Output = Result<Outcome, Fault>> {
        self.send(commit, turn, None)
    }

    /// Puts a commit in the queue, before this returns. The future resolves when the commit is written. If it is dropped
    /// before the lane takes the commit into a group, the commit is withdrawn.
    ///
    /// # Errors
    /// The deadline of the request is near: [`Refusal::Overloaded`] if the commit was withdrawn, so nothing was written;
    /// a fault [in doubt](Fault::doubt) if the lane has taken it into a group.
    pub(super) fn fill_or_withdraw(
        self,
        commit: Commit,
        turn: Option<KeptTurn>,
    ) -> impl Future<Output = Result<Outcome, Error>> {
        let claim = Claim::default();
        let answer = self.send(commit, turn, Some(claim.clone()));
        let withdrawal = Withdrawal(claim);
        async move {
            let Withdrawal(claim) = &withdrawal;
            match in_time(answer).await {
                Some(outcome) => Ok(outcome?),
                None if claim.take() => Err(Refusal::Overloaded.into()),
                None => Err(late().into()),
            }
        }
    }

    fn send(
        self,
        commit: Commit,
        turn: Option<KeptTurn>,
        claim: Option<Claim>,
    ) -> impl Future<Output = Result<Outcome, Fault>> {
        let (job, answer) = Job::new(commit, self.under_way, turn, claim);
        // Fails if the lane is gone; `answer` says so.
        let _ = self.queue.send(job);
        async move { answer.await.unwrap_or_else(|_| Err(Fault::doubt("committing", "the lane is gone"))) }
    }
}

/// The outcome of a commit, if it arrives early enough to answer before the request's deadline.
async fn in_time<T>(outcome: impl Future<Output = T>) -> Option<T> {
    match request::left() {
        Some(left) => timeout(request::wait(left), outcome).await.ok(),
        None => Some(outcome.await),
    }
}

fn late() -> Fault {
    Fault::doubt("committing", "the commit is not written yet, and the caller's deadline is near")
}

impl Lanes {
    /// Starts a lane for each writer. They end when the lanes are dropped and what waits is written. A lane that ends
    /// before, by a panic, cancels `died`.
    pub(super) fn start(
        writers: Vec<Writer>,
        memory: &Memory,
        died: &CancellationToken,
    ) -> (Self, Vec<JoinHandle<()>>) {
        let (doors, tasks) = writers
            .into_iter()
            .map(|writer| {
                let (queue, jobs) = mpsc::unbounded_channel();
                let pace = Arc::new(Pace::default());
                let lane = run(writer, jobs, memory.clone(), pace.clone());
                let guard = died.clone().drop_guard();
                let task = tokio::spawn(async move {
                    lane.await;
                    guard.disarm();
                });
                (Door { queue, pace, line: Arc::default() }, task)
            })
            .unzip();
        (Self { doors, spread: RandomState::new(), under_way: Arc::default() }, tasks)
    }

    /// Writes a commit. If the caller goes away meanwhile, the commit is written all the same.
    pub(super) async fn write(&self, commit: Commit) -> Result<Outcome, Error> {
        let place = self.reserve(&commit.tenant, &commit.subject, &commit.caller)?;
        Ok(in_time(place.fill(commit, None)).await.ok_or_else(late)??)
    }

    /// Reserves a place for a commit that a caller makes of a subject.
    ///
    /// # Errors
    /// The deadline of the request would pass before the commit is written, or the lane is gone.
    pub(super) fn reserve(
        &self,
        tenant: &Tenant,
        subject: &Subject,
        caller: &CallerName,
    ) -> Result<Place, Error> {
        let (place, wait) = self.begin(tenant, subject, caller);
        if place.queue.is_closed() {
            return Err(Refusal::Draining.into());
        }
        // A request that cannot be written in time is refused now, not when its deadline passes.
        if request::left().is_some_and(|left| left < wait) {
            return Err(Refusal::Overloaded.into());
        }
        Ok(place)
    }

    /// A place, however long the wait is. For a commit that must not be refused, since its proof was judged already.
    pub(super) fn place(&self, tenant: &Tenant, subject: &Subject, caller: &CallerName) -> Place {
        self.begin(tenant, subject, caller).0
    }

    /// Counts one more commit. Also returns the estimated time until its group begins.
    fn begin(&self, tenant: &Tenant, subject: &Subject, caller: &CallerName) -> (Place, Duration) {
        let others = self.under_way.fetch_add(1, Ordering::Relaxed);
        let door = self.door(tenant, subject, others);
        let (under_way, ahead) = door.line.join(caller, &self.under_way);
        (Place { queue: door.queue.clone(), under_way }, door.pace.wait(ahead))
    }

    /// The lane of a subject, while `others` are under way.
    fn door(&self, tenant: &Tenant, subject: &Subject, others: usize) -> &Door {
        let in_use = (1 + others / CROWD).min(self.doors.len());
        &self.doors[self.spread.hash_one((tenant, subject)) as usize % in_use]
    }
}

async fn run(mut writer: Writer, mut jobs: mpsc::UnboundedReceiver<Job>, memory: Memory, pace: Arc<Pace>) {
    let mut waiting = Waiting::default();
    let mut since_rest = 0;
    loop {
        since_rest += 1;
        if waiting.is_empty() && jobs.is_empty() || since_rest > REST {
            writer.rest();
            since_rest = 0;
        }
        if waiting.is_empty() {
            match jobs.recv().await {
                Some(job) => waiting.push(job),
                None => return writer.close().await,
            }
        }
        while let Ok(job) = jobs.try_recv() {
            waiting.push(job);
        }
        let group = waiting.group(GROUP).into_iter().filter_map(|job| unless_stale(job, &memory));
        // Verifications go the short way, and do not wait for what takes the long one.
        let (hot, cold): (Vec<_>, Vec<_>) = group.partition(|job| job.commit.hot().is_some());
        for group in [hot, cold] {
            if !group.is_empty() {
                let begun = Instant::now();
                write_and_tell(&mut writer, group, &memory).await;
                pace.learn(begun.elapsed());
            }
        }
    }
}

/// A commit that is known to come too late need not be tried: it would take its whole group the long way.
fn unless_stale(job: Job, memory: &Memory) -> Option<Job> {
    let is_stale = job.commit.hot().is_some_and(|hot| memory.cache.is_past(hot.device));
    if is_stale {
        // If the database has forgotten the newer version, the next try is decided there.
        memory.cache.committed(&job.commit, Some(Outcome::Stale));
        job.reply.send(Ok(Outcome::Stale));
        return None;
    }
    Some(job)
}

async fn write_and_tell(writer: &mut Writer, group: Vec<Job>, memory: &Memory) {
    let (commits, replies): (Vec<_>, Vec<_>) = group.into_iter().map(|job| (job.commit, job.reply)).unzip();
    let outcomes = write(writer, &commits).await;
    for ((commit, reply), outcome) in commits.iter().zip(replies).zip(outcomes) {
        memory.cache.committed(commit, outcome.as_ref().ok().copied());
        if matches!(outcome, Ok(Outcome::Done)) {
            memory.witness.committed(commit);
        }
        if matches!(outcome, Ok(Outcome::Done | Outcome::Recorded)) {
            memory.requests.committed(commit);
        }
        reply.send(outcome);
    }
}

/// Writes a group; where it cannot be written as one, each commit by itself.
async fn write(writer: &mut Writer, group: &[Commit]) -> Vec<Result<Outcome, Fault>> {
    match writer.write(group).await {
        Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
        Err(WriteError::NotBegun(error)) => none(group.len(), error),
        Err(WriteError::Doubt(error)) => group.iter().map(|_| Err(doubt(error.clone()))).collect(),
        Err(WriteError::Failed(_)) if group.len() > 1 => write_each(writer, group).await,
        Err(WriteError::Failed(error)) => group.iter().map(|commit| settle(commit, error.clone())).collect(),
    }
}

async fn write_each(writer: &mut Writer, group: &[Commit]) -> Vec<Result<Outcome, Fault>> {
    let mut outcomes = Vec::with_capacity(group.len());
    for commit in group {
        match writer.write(std::slice::from_ref(commit)).await {
            Ok(alone) => outcomes.extend(alone.into_iter().map(Ok)),
            // Each of those that wait would wait as long, and hear the same.
            Err(WriteError::NotBegun(error)) => {
                outcomes.extend(none(group.len() - outcomes.len(), error));
                break;
            }
            Err(WriteError::Doubt(error)) => outcomes.push(Err(doubt(error))),
            Err(WriteError::Failed(error)) => outcomes.push(settle(commit, error)),
        }
    }
    outcomes
}

/// None of so many commits is written.
fn none(count: usize, error: DbErr) -> Vec<Result<Outcome, Fault>> {
    (0..count).map(|_| Err(dialect::fault("committing", error.clone()))).collect()
}

/// Whether one is written nobody can say: it must not be judged anew, since its code may be used up by it.
fn doubt(error: DbErr) -> Fault {
    Fault::doubt("committing", error)
}

/// What a commit that failed alone came to.
fn settle(commit: &Commit, error: DbErr) -> Result<Outcome, Fault> {
    // The database asks for another try: judged anew, since the row may have changed.
    if dialect::is_conflict(&error) {
        return Ok(Outcome::Stale);
    }
    if is_duplicate(&error) && commit.record.is_some() {
        return Ok(Outcome::Recorded);
    }
    Err(dialect::fault("committing", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_is_that_of_the_groups_ahead_and_nothing_where_nobody_waits() {
        let pace = Pace::default();
        for _ in 0..100 {
            pace.learn(Duration::from_millis(80));
        }
        assert_eq!(pace.wait(0), Duration::ZERO);
        let one = pace.wait(1);
        assert!(one > Duration::from_millis(75) && one <= Duration::from_millis(80), "{one:?}");
        assert_eq!((pace.wait(GROUP), pace.wait(GROUP + 1)), (one, 2 * one));
        // It is learned again when the database is quick again.
        for _ in 0..100 {
            pace.learn(Duration::from_millis(1));
        }
        assert!(pace.wait(1) < Duration::from_millis(2));
        // Many commits of a quick database are no reason to refuse.
        assert!(pace.wait(17 * GROUP) < Duration::from_millis(40));
    }
}
