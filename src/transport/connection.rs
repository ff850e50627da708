//! One connection: what is known of it while it is open.

use std::any::Any;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use slab::Slab;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::STREAMS;
use super::callers::{CallerConnections, Member};
use super::peer::Peer;
use super::turns::Turns;

/// A connection that is open.
#[derive(Debug)]
pub struct Connection {
    /// Grows with each connection that is accepted.
    id: u64,
    peer: Peer,
    opened: Instant,
    /// Set when the peer acknowledges the server's SETTINGS, which it does after its preface (RFC 9113, 3.4).
    has_acknowledged: AtomicBool,
    /// The number of the last authenticated request. 0: there was none.
    authenticated: AtomicU64,
    callers: Arc<CallerConnections>,
    /// The caller of the first authenticated request: a proxy, too, is one of many connections of somebody.
    member: OnceLock<Member>,
    /// When the pending write began to wait: milliseconds since [`Self::opened`], plus one. 0: no write is waiting.
    write_waits: AtomicU64,
    /// A request was answered or refused.
    is_answered: AtomicBool,
    /// Authenticated requests that are under way.
    requests: AtomicUsize,
    /// Requests under way of methods that need no credential.
    open_requests: AtomicUsize,
    streams: Mutex<Streams>,
    /// The streams of answers that h2 has encoded and not written. `None`: the connection has ended.
    unwritten: Mutex<Option<Vec<Arc<dyn Any + Send + Sync>>>>,
    /// Bytes that may still be read before others have their turn.
    read_budget: AtomicUsize,
    /// Ends the connection after its requests: a GOAWAY is sent.
    pub(super) goaway: CancellationToken,
    /// Ends the connection at once.
    pub(super) close: CancellationToken,
}

/// The streams of a connection.
#[derive(Debug)]
struct Streams {
    /// For each stream that is open, since when there is something to read for the peer. `None`: it is not answered yet,
    /// or its answer waits for something to say.
    open: Slab<Option<Instant>>,
    /// When the last stream ended.
    idle_since: Instant,
    given_up: GivenUp,
    /// The task to wake when reading may go on.
    reader: Option<Waker>,
}

/// Streams that were reset before they were answered, or whose metadata was refused.
#[derive(Debug)]
struct GivenUp {
    count: usize,
    since: Instant,
}

/// Streams that may be open while the server reads on. Those beyond [`STREAMS`] are reset or refused already, and end as
/// soon as they are polled.
pub(super) const PAUSE_READING_ABOVE: usize = 2 * STREAMS as usize;

/// How much of a connection is read before others have their turn, in bytes: some 450 of the smallest frames, or a few
/// dozen requests.
pub(super) const READ_BUDGET: usize = 4 << 10;
/// The same before the first authenticated request: less, so that many such connections do not delay callers.
pub(super) const READ_BUDGET_OF_STRANGER: usize = 256;

/// Streams that may be given up in [`STALL`]. A server that stalls so long finds up to eleven rounds of
/// [`STREAMS`] cancelled calls whose deadline was 1 s. Far more is taken for a rapid reset (CVE-2023-44487), and the
/// connection is closed.
const GIVEN_UP_MAX: usize = 20 * STREAMS as usize;
/// How long a server may stand still.
const STALL: Duration = Duration::from_secs(10);

impl GivenUp {
    /// Counts one more. Gives how many there were lately.
    fn add(&mut self) -> usize {
        if self.since.elapsed() > STALL {
            *self = Self { count: 0, since: Instant::now() };
        }
        self.count += 1;
        self.count
    }
}

impl Connection {
    pub(super) fn new(
        id: u64,
        peer: Peer,
        callers: Arc<CallerConnections>,
        goaway: CancellationToken,
    ) -> Self {
        let now = Instant::now();
        Self {
            id,
            peer,
            opened: now,
            has_acknowledged: AtomicBool::new(false),
            authenticated: AtomicU64::new(0),
            callers,
            member: OnceLock::new(),
            write_waits: AtomicU64::new(0),
            is_answered: AtomicBool::new(false),
            requests: AtomicUsize::new(0),
            open_requests: AtomicUsize::new(0),
            streams: Mutex::new(Streams {
                open: Slab::new(),
                idle_since: now,
                given_up: GivenUp { count: 0, since: now },
                reader: None,
            }),
            unwritten: Mutex::new(Some(Vec::new())),
            read_budget: AtomicUsize::new(READ_BUDGET_OF_STRANGER),
            goaway,
            close: CancellationToken::new(),
        }
    }

    /// The other end.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.peer
    }

    /// Notes an authenticated request of the caller of this name, which is under way until the guard is dropped.
    #[must_use]
    pub fn authenticated(self: &Arc<Self>, caller: &str) -> UnderWay {
        self.member.get_or_init(|| self.callers.join(caller));
        self.authenticated.store(self.callers.next_request(), Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
        UnderWay(self.clone())
    }

    /// Counts a request of a method that needs no credential. Returns how many of them this connection has now.
    pub fn open_request_begins(&self) -> usize {
        self.open_requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Counts its end.
    pub fn open_request_ends(&self) {
        self.open_requests.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn opened(&self) -> Instant {
        self.opened
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Authenticated requests that are under way.
    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    /// The number of the last authenticated request: the smaller, the longer ago. `None`: there was none.
    pub(super) fn last_authenticated(&self) -> Option<NonZeroU64> {
        NonZeroU64::new(self.authenticated.load(Ordering::Relaxed))
    }

    /// The name of its caller. `None`: there was no authenticated request.
    pub(super) fn caller(&self) -> Option<&Arc<str>> {
        self.member.get().map(Member::name)
    }

    /// The number of connections of its caller. 0: there was no authenticated request.
    pub(super) fn of_caller(&self) -> usize {
        self.member.get().map_or(0, Member::connections)
    }

    /// The queue in which the connection waits for its turns: that of `strangers` before its first authenticated request, then
    /// that of its caller, if its connections are many. `None`: it does not wait.
    pub(super) fn turns<'t>(&'t self, strangers: &'t Turns) -> Option<&'t Turns> {
        self.member.get().map_or(Some(strangers), Member::turns)
    }

    pub(super) fn is_answered(&self) -> bool {
        self.is_answered.load(Ordering::Relaxed)
    }

    /// Begins a turn of the connection's task.
    pub(super) fn refill_read_budget(&self) {
        let is_stranger = self.last_authenticated().is_none();
        let budget = if is_stranger { READ_BUDGET_OF_STRANGER } else { READ_BUDGET };
        self.read_budget.store(budget, Ordering::Relaxed);
    }

    /// Bytes that may still be read in this turn.
    pub(super) fn read_budget(&self) -> usize {
        self.read_budget.load(Ordering::Relaxed)
    }

    /// Counts bytes that were read.
    pub(super) fn spend_read_budget(&self, bytes: usize) {
        self.read_budget.store(self.read_budget().saturating_sub(bytes), Ordering::Relaxed);
    }

    pub(super) fn settings_acknowledged(&self) {
        self.has_acknowledged.store(true, Ordering::Relaxed);
    }

    pub(super) fn write_waits(&self, does_wait: bool) {
        let waits = self.write_waits.load(Ordering::Relaxed);
        if does_wait && waits == 0 {
            self.write_waits.store(self.since_opened(), Ordering::Relaxed);
        } else if !does_wait && waits != 0 {
            self.write_waits.store(0, Ordering::Relaxed);
        }
    }

    /// A stream begins. Gives its key, and how many are open with it.
    pub(super) fn begin(&self) -> (usize, usize) {
        let mut streams = self.streams();
        let key = streams.open.insert(None);
        (key, streams.open.len())
    }

    /// The peer has something to read on a stream, from now on, or nothing.
    pub(super) fn answer(&self, key: usize, has_something: bool) {
        let now = has_something.then(Instant::now);
        if let Some(answered) = self.streams().open.get_mut(key) {
            *answered = now;
        }
    }

    /// A stream ends.
    pub(super) fn end(&self, key: usize, is_answered: bool) {
        self.is_answered.fetch_or(is_answered, Ordering::Relaxed);
        let mut streams = self.streams();
        streams.open.try_remove(key);
        if !is_answered && streams.given_up.add() > GIVEN_UP_MAX {
            tracing::debug!(peer = %self.peer, "closing a connection: too many requests are cancelled, or have too much metadata");
            self.close.cancel();
        }
        if streams.open.is_empty() {
            streams.idle_since = Instant::now();
        }
        if streams.open.len() <= PAUSE_READING_ABOVE
            && let Some(reader) = streams.reader.take()
        {
            drop(streams);
            reader.wake();
        }
    }

    /// Keeps something until all that h2 has encoded is written.
    pub(super) fn keep_until_written(&self, kept: Arc<dyn Any + Send + Sync>) {
        if let Some(unwritten) = &mut *self.unwritten() {
            unwritten.push(kept);
        }
    }

    /// Gives up what was kept: h2 has written everything that it encoded.
    pub(super) fn written(&self) {
        let written = self.unwritten().as_mut().map(std::mem::take);
        drop(written);
    }

    /// The connection is no longer counted among those of its caller.
    pub(super) fn leave(&self) {
        if let Some(member) = self.member.get() {
            member.leave();
        }
    }

    /// The connection has ended: nothing more is written.
    pub(super) fn ended(&self) {
        self.leave();
        let unwritten = self.unwritten().take();
        drop(unwritten);
    }

    fn unwritten(&self) -> MutexGuard<'_, Option<Vec<Arc<dyn Any + Send + Sync>>>> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether more may be read: not while too many streams are open. The task is woken when some of them have ended.
    pub(super) fn poll_may_read(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut streams = self.streams();
        if streams.open.len() <= PAUSE_READING_ABOVE {
            return Poll::Ready(());
        }
        streams.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    /// The time since the connection was accepted, if its peer has not acknowledged the settings.
    pub(super) fn unacknowledged(&self, now: Instant) -> Option<Duration> {
        (!self.has_acknowledged.load(Ordering::Relaxed)).then(|| now.duration_since(self.opened))
    }

    /// For how long no stream has been open, if none is.
    pub(super) fn idle(&self, now: Instant) -> Option<Duration> {
        let streams = self.streams();
        streams.open.is_empty().then(|| now.saturating_duration_since(streams.idle_since))
    }

    /// How long the oldest unsent answer or pending write has waited for the peer to read.
    pub(super) fn unread(&self, now: Instant) -> Duration {
        let oldest = self.streams().open.iter().filter_map(|(_, answered)| *answered).min();
        let oldest = oldest.into_iter().chain(self.moment(self.write_waits.load(Ordering::Relaxed))).min();
        oldest.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }

    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Milliseconds since the connection was opened, plus one.
    fn since_opened(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX - 1).saturating_add(1)
    }

    fn moment(&self, noted: u64) -> Option<Instant> {
        noted.checked_sub(1).map(|millis| self.opened + Duration::from_millis(millis))
    }
}

#[cfg(test)]
impl Connection {
    /// A connection beside no other.
    pub(super) fn alone(id: u64) -> Arc<Self> {
        Arc::new(Self::new(id, Peer::Unknown, Arc::default(), CancellationToken::new()))
    }

    /// A caller has made a request.
    pub(super) fn becomes_caller(self: &Arc<Self>) {
        drop(self.authenticated("caller"));
    }
}

/// An authenticated request that is under way: a server that stops waits for it.
#[derive(Debug)]
pub struct UnderWay(Arc<Connection>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}
