//! Lanes: each takes the commits that are waiting and writes them as one group. A lone commit does not wait
//! for company; a crowd shares one transaction and one flush to disk.
//!
//! As few lanes as will do are in use: a group of twice the size costs the database little more. A subject stays in
//! its lane while their number does, and is once in a group: so what one request changes, the next in line is
//! written over, or told that it is stale. What finds its subject in two lanes at once is told so by the database.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use sea_orm::DbErr;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::apply::{WriteError, Writer, is_duplicate};
use super::cache::Cache;
use super::commit::{Commit, Outcome};
use super::dialect;
use super::seen::SeenRequests;
use super::witness::Witness;
use crate::domain::ids::{Subject, Tenant};
use crate::domain::refusal::Refusal;
use crate::env::request;
use crate::error::{Error, Fault};

/// Commits in one group at most.
const GROUP: usize = 64;
/// Commits that wait for one lane at most: more are refused at once, so that those that wait are served in
/// time.
const QUEUE: usize = 1024;

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

pub(super) struct Job {
    commit: Commit,
    reply: Reply,
}

/// The way back to the caller.
struct Reply {
    answer: oneshot::Sender<Result<Outcome, Fault>>,
    under_way: UnderWay,
}

impl Reply {
    fn send(self, outcome: Result<Outcome, Fault>) {
        // First, so that a caller that has its answer finds its own commit not counted.
        drop(self.under_way);
        // The caller may be gone; a judged proof is counted all the same.
        let _ = self.answer.send(outcome);
    }
}

/// Groups after which others get their turn to write, where there is one connection for all.
const REST: usize = 64;
/// Commits under way for which one more lane is used.
const CROWD: usize = 32;

/// What leads to one lane.
struct Door {
    queue: mpsc::Sender<Job>,
    pace: Arc<Pace>,
    /// Commits of this lane that wait or are being written, and reserved places.
    under_way: Arc<AtomicUsize>,
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

/// One commit under way, in all lanes and in its own, until it is written or given up. Dropping the caller's future does
/// not end it.
struct UnderWay([Arc<AtomicUsize>; 2]);

impl Drop for UnderWay {
    fn drop(&mut self) {
        for count in &self.0 {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// A reserved place in a lane's queue. A commit that is put in it is written even if its caller goes away.
pub(super) struct Place {
    permit: mpsc::OwnedPermit<Job>,
    under_way: UnderWay,
}

impl Place {
    /// Puts a commit in the queue, before this returns. The future resolves when the commit is written.
    pub(super) fn fill(self, commit: Commit) -> impl Future<Output = Result<Outcome, Fault>> {
        let (sender, answer) = oneshot::channel();
        let reply = Reply { answer: sender, under_way: self.under_way };
        self.permit.send(Job { commit, reply });
        async move { answer.await.unwrap_or_else(|_| Err(Fault::doubt("committing", "the lane is gone"))) }
    }
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
                let (queue, jobs) = mpsc::channel(QUEUE);
                let pace = Arc::new(Pace::default());
                let lane = run(writer, jobs, memory.clone(), pace.clone());
                let guard = died.clone().drop_guard();
                let task = tokio::spawn(async move {
                    lane.await;
                    guard.disarm();
                });
                (Door { queue, pace, under_way: Arc::default() }, task)
            })
            .unzip();
        (Self { doors, spread: RandomState::new(), under_way: Arc::default() }, tasks)
    }

    /// Writes a commit. If the caller goes away meanwhile, the commit is written all the same.
    pub(super) async fn write(&self, commit: Commit) -> Result<Outcome, Error> {
        let answer = self.reserve(&commit.tenant, &commit.subject)?.fill(commit);
        let late =
            |_| Fault::doubt("committing", "the commit is still queued, and the caller's deadline is near");
        match request::left() {
            Some(left) => Ok(timeout(request::wait(left), answer).await.map_err(late)??),
            None => Ok(answer.await?),
        }
    }

    /// Reserves a place for a commit of a subject.
    ///
    /// # Errors
    /// The queue is full, or the caller's deadline would pass before the commit is written.
    pub(super) fn reserve(&self, tenant: &Tenant, subject: &Subject) -> Result<Place, Error> {
        let (Door { queue, pace, .. }, under_way, ahead) = self.begin(tenant, subject);
        // Who cannot wait for their turn is told so at once, and not when their time is over.
        let wait = pace.wait(ahead);
        if request::left().is_some_and(|left| left < wait) {
            return Err(Refusal::Overloaded.into());
        }
        match queue.clone().try_reserve_owned() {
            Ok(permit) => Ok(Place { permit, under_way }),
            Err(mpsc::error::TrySendError::Full(_)) => Err(Refusal::Overloaded.into()),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(Refusal::Draining.into()),
        }
    }

    /// Waits for a place, however long the queue is. For a commit that must not be refused, since its proof was judged
    /// already.
    ///
    /// # Errors
    /// The lane is gone.
    pub(super) async fn wait_for_place(&self, tenant: &Tenant, subject: &Subject) -> Result<Place, Error> {
        let (door, under_way, _) = self.begin(tenant, subject);
        let permit = door.queue.clone().reserve_owned().await.map_err(|_| Refusal::Draining)?;
        Ok(Place { permit, under_way })
    }

    /// Counts one more commit of a subject. Gives the way to its lane, and the number of commits before it there.
    fn begin(&self, tenant: &Tenant, subject: &Subject) -> (&Door, UnderWay, usize) {
        let others = self.under_way.fetch_add(1, Ordering::Relaxed);
        let door = self.door(tenant, subject, others);
        let ahead = door.under_way.fetch_add(1, Ordering::Relaxed);
        (door, UnderWay([self.under_way.clone(), door.under_way.clone()]), ahead)
    }

    /// The lane of a subject, while `others` are under way.
    fn door(&self, tenant: &Tenant, subject: &Subject, others: usize) -> &Door {
        let in_use = (1 + others / CROWD).min(self.doors.len());
        &self.doors[self.spread.hash_one((tenant, subject)) as usize % in_use]
    }
}

fn key(commit: &Commit) -> impl Hash + Eq + '_ {
    (&commit.tenant, &commit.subject)
}

async fn run(mut writer: Writer, mut jobs: mpsc::Receiver<Job>, memory: Memory, pace: Arc<Pace>) {
    let mut waiting: Vec<Job> = Vec::with_capacity(GROUP);
    let mut since_rest = 0;
    loop {
        since_rest += 1;
        if waiting.is_empty() && jobs.is_empty() || since_rest > REST {
            writer.rest();
            since_rest = 0;
        }
        if waiting.is_empty() && jobs.recv_many(&mut waiting, GROUP).await == 0 {
            return writer.close().await;
        }
        while waiting.len() < GROUP {
            let Ok(job) = jobs.try_recv() else { break };
            waiting.push(job);
        }
        let (group, rest) = one_of_each(std::mem::take(&mut waiting));
        waiting = rest;
        let group = group.into_iter().filter_map(|job| unless_stale(job, &memory));
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

/// The first job of each subject, and the others.
fn one_of_each(jobs: Vec<Job>) -> (Vec<Job>, Vec<Job>) {
    if jobs.len() == 1 {
        return (jobs, Vec::new());
    }
    let mut seen = HashSet::new();
    let first: Vec<bool> = jobs.iter().map(|job| seen.insert(key(&job.commit))).collect();
    drop(seen);
    let mut first = first.into_iter();
    jobs.into_iter().partition(|_| first.next().unwrap_or(false))
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
        // A full queue of a quick database is no reason to refuse.
        assert!(pace.wait(QUEUE + GROUP) < Duration::from_millis(40));
    }
}
