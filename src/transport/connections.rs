//! All connections: their limits, and which one is closed when a limit is reached.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, interval, timeout_at};
use tokio_util::sync::CancellationToken;

use super::callers::CallerConnections;
use super::connection::Connection;
use super::kept::KeptBytes;
use super::peer::Peer;
use super::times::Times;
use super::turns::Turns;

/// How long a connection without a request may stay open after a GOAWAY.
const LINGER: Duration = Duration::from_millis(500);
/// The interval at which connections are checked.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The time that a connection without an authenticated request is open at least before it is closed for another one, for each
/// connection that may be open, and in all: enough for a first request beside as many busy strangers, so that reconnecting peers do not keep others from it.
const STAY_EACH: Duration = Duration::from_millis(4);
const STAY_MAX: Duration = Duration::from_secs(2);
/// Connections beyond the limit that may be open while they close.
const CLOSING: usize = 8;
/// Connections of callers, of those, that may be open after a GOAWAY. The next one has one closed at once: the oldest without
/// a request under way, or else the oldest.
const LEAVING: usize = 4;

/// All connections of a server.
#[derive(Debug)]
pub struct Connections {
    most: usize,
    /// Open streams of all connections from which on a connection may have few.
    many_streams: usize,
    pub(super) times: Times,
    open: Mutex<Open>,
    streams: AtomicUsize,
    callers: Arc<CallerConnections>,
    /// One for each connection, until its socket is closed.
    places: Arc<Semaphore>,
    pub(super) kept: Arc<KeptBytes>,
    /// The turns of connections without an authenticated request.
    pub(super) turns: Turns,
    /// Notified when a connection is closed.
    closed: Notify,
    /// Ends all connections after their requests.
    stop: CancellationToken,
}

/// The open connections.
#[derive(Debug, Default)]
struct Open {
    next: u64,
    /// In the order in which they were accepted.
    connections: BTreeMap<u64, Arc<Connection>>,
    /// Connections that were sent a GOAWAY to make room, with the time.
    leaving: VecDeque<(Instant, Arc<Connection>)>,
}

impl Open {
    fn all(&self) -> impl Iterator<Item = &Arc<Connection>> {
        self.connections.values().chain(self.leaving.iter().map(|(_, connection)| connection))
    }

    /// Closes a connection for another one, after a GOAWAY if it is that of a caller.
    fn dismiss(&mut self, connection: Arc<Connection>) {
        tracing::debug!(peer = %connection.peer(), "closing a connection: there are too many");
        self.connections.remove(&connection.id());
        if connection.last_authenticated().is_none() {
            connection.close.cancel();
            return;
        }
        connection.goaway.cancel();
        connection.leave();
        self.leaving.push_back((Instant::now(), connection));
        if self.leaving.len() > LEAVING {
            let is_idle = |(_, connection): &(_, Arc<Connection>)| connection.requests() == 0;
            let first = self.leaving.iter().position(is_idle).unwrap_or(0);
            if let Some((_, first)) = self.leaving.remove(first) {
                first.close.cancel();
            }
        }
    }
}

impl Connections {
    /// No connection yet, and at most so many, over all listeners. Once all together have `many_streams` open, each may
    /// have few: a request that waits to be looked at costs memory, and so does a refusal that the peer does not read.
    /// `stop` ends all connections after their requests.
    #[must_use]
    pub fn new(most: usize, many_streams: usize, times: Times, stop: CancellationToken) -> Arc<Self> {
        Arc::new(Self {
            most,
            many_streams,
            times,
            open: Mutex::default(),
            streams: AtomicUsize::new(0),
            callers: Arc::default(),
            places: Arc::new(Semaphore::new(most + CLOSING)),
            kept: Arc::default(),
            turns: Turns::default(),
            closed: Notify::new(),
            stop,
        })
    }

    /// Connections that are open.
    #[must_use]
    pub fn count(&self) -> usize {
        self.open().connections.len()
    }

    /// A place for one more connection. Waits while too many are closing, and at the limit until the one that would be closed,
    /// if it had no authenticated request, has been open for the [time to stay](Self::stay).
    pub(super) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        let place = self.places.clone().acquire_owned().await.ok()?;
        loop {
            let closed = self.closed.notified();
            match self.is_full_until() {
                None => return Some(place),
                Some(until) => drop(timeout_at(until, closed).await),
            }
        }
    }

    /// The time that a connection is open at least before it is closed for another one.
    fn stay(&self) -> Duration {
        STAY_EACH.saturating_mul(u32::try_from(self.most).unwrap_or(u32::MAX)).min(STAY_MAX)
    }

    /// The moment from which on a connection may be closed for another one, if it has not come.
    fn is_full_until(&self) -> Option<Instant> {
        let open = self.open();
        if open.connections.len() < self.most {
            return None;
        }
        let victim = victim(open.connections.values(), self.most / 4)?;
        let until = victim.opened() + self.stay();
        (victim.last_authenticated().is_none() && until > Instant::now()).then_some(until)
    }

    /// Adds a connection. Beyond the limit, another one is closed for it.
    pub(super) fn add(&self, peer: Peer) -> Arc<Connection> {
        let mut open = self.open();
        if open.connections.len() >= self.most {
            let victim = victim(open.connections.values(), self.most / 4).cloned();
            if let Some(victim) = victim {
                open.dismiss(victim);
            }
        }
        let id = open.next;
        open.next += 1;
        let connection = Connection::new(id, peer, self.callers.clone(), self.stop.child_token());
        let connection = Arc::new(connection);
        open.connections.insert(id, connection.clone());
        connection
    }

    /// Takes a connection out that is closed.
    pub(super) fn remove(&self, connection: &Connection) {
        let mut open = self.open();
        open.connections.remove(&connection.id());
        open.leaving.retain(|(_, one)| one.id() != connection.id());
        drop(open);
        self.closed.notify_waiters();
    }

    /// Counts a stream. Returns whether many were open before it.
    pub(super) fn stream_begins(&self) -> bool {
        self.streams.fetch_add(1, Ordering::Relaxed) >= self.many_streams
    }

    /// Counts the end of a stream.
    pub(super) fn stream_ends(&self) {
        self.streams.fetch_sub(1, Ordering::Relaxed);
    }

    /// Checks all connections each second: closes those past a time limit, and sends a GOAWAY to idle ones. Ends with
    /// `stop`.
    pub async fn look_after(self: Arc<Self>, stop: CancellationToken) {
        let mut every = interval(LOOK_EVERY);
        while stop.run_until_cancelled(every.tick()).await.is_some() {
            let now = Instant::now();
            let open = self.open();
            for connection in open.all() {
                look_at(connection, &self.times, now);
            }
            for (since, connection) in &open.leaving {
                if now >= *since + LINGER && connection.requests() == 0 {
                    connection.close.cancel();
                }
            }
        }
    }

    /// Waits until all connections are closed, after `stop` was cancelled. A connection on which no request is under
    /// way is closed soon, whatever its peer does; the others, when their time is over. Gives how many requests were
    /// cut off.
    pub async fn drain(&self, until: Instant) -> usize {
        let begun = Instant::now();
        loop {
            let closed = self.closed.notified();
            let now = Instant::now();
            let mut cut_off = 0;
            {
                let open = self.open();
                if open.all().next().is_none() {
                    return 0;
                }
                for connection in open.all() {
                    if now >= until {
                        cut_off += connection.requests();
                        connection.close.cancel();
                    } else if now >= begun + LINGER && connection.requests() == 0 {
                        connection.close.cancel();
                    }
                }
            }
            if now >= until {
                return cut_off;
            }
            // Also looks again when a request may have ended.
            let _ = timeout_at(now + LINGER / 10, closed).await;
        }
    }

    fn open(&self) -> std::sync::MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The connection that is closed for another one: of those that never had an authenticated request, the oldest that had an answer
/// or else the oldest; of the others one of the caller that has most, without a request under way if there is one, whose
/// last is the longest ago. Of those that never had one, `strangers` stay: somebody who connects would be the first to go
/// where callers hold all the others.
fn victim<'c>(
    connections: impl Iterator<Item = &'c Arc<Connection>> + Clone,
    strangers: usize,
) -> Option<&'c Arc<Connection>> {
    let are_few = connections.clone().filter(|one| one.last_authenticated().is_none()).count() < strangers;
    connections.min_by_key(|one| {
        let last = one.last_authenticated();
        let group = match last {
            None if !are_few => 0,
            Some(_) => 1,
            None => 2,
        };
        (group, Reverse(one.of_caller()), one.requests() > 0, last, !one.is_answered())
    })
}

/// Closes a connection that is past a time limit, or sends it a GOAWAY if it is idle.
fn look_at(connection: &Connection, times: &Times, now: Instant) {
    let why = if connection.unacknowledged(now).is_some_and(|waited| waited >= times.acknowledgement) {
        "the SETTINGS were not acknowledged in time"
    } else if connection.unread(now) >= times.unread {
        "the peer does not read its answers"
    } else if connection.idle(now).is_some_and(|idle| idle >= times.idle + times.leave) {
        "it is still open after a GOAWAY"
    } else {
        if connection.idle(now).is_some_and(|idle| idle >= times.idle) {
            connection.goaway.cancel();
        }
        return;
    };
    tracing::debug!(peer = %connection.peer(), "closing a connection: {why}");
    connection.close.cancel();
}

#[cfg(test)]
mod tests;
