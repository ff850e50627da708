//! Turns of connections that have shown no credential, and of those of a caller that has many. Tasks of the runtime take turns
//! one by one, so others would wait for hundreds of such connections. Only a few of those are polled in one round of the
//! runtime: the others wait in a queue.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::ready;

use tokio::sync::Semaphore;
use tokio_util::sync::PollSemaphore;

use super::connection::Connection;

/// Connections that are polled in one round: few, so that callers wait for less than a millisecond, and enough that whoever
/// connects has enough turns for a first request within the time that a connection stays. The runtime may run a task at once
/// that the one before it woke, so a few more can follow each other.
const AT_ONCE: usize = 4;

/// The queue of connections that wait for their turns.
#[derive(Debug, Clone)]
pub(super) struct Turns(Arc<Semaphore>);

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Turns {
    /// Runs a future of a connection, and polls it in the [turns](Connection::turns) that the connection takes: these before its
    /// first authenticated request.
    pub(super) async fn run<F: Future>(&self, connection: Arc<Connection>, future: F) -> F::Output {
        let mut future = pin!(future);
        let mut place: Option<PollSemaphore> = None;
        poll_fn(|cx| {
            let Some(Self(queue)) = connection.turns(self) else {
                // Gives its place in the queue to others.
                place = None;
                return future.as_mut().poll(cx);
            };
            let place = match &mut place {
                Some(place) if std::ptr::eq::<Semaphore>(place.as_ref(), &**queue) => place,
                other => other.insert(PollSemaphore::new(queue.clone())),
            };
            let turn = ready!(place.poll_acquire(cx));
            let polled = future.as_mut().poll(cx);
            // The turn ends in a task of its own: if it ended here, the next connection in the runtime's queue would have its
            // turn at once.
            tokio::spawn(async move { drop(turn) });
            polled
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Poll;

    use futures_util::FutureExt as _;
    use tokio_util::sync::CancellationToken;

    use super::super::peer::Peer;
    use super::*;

    const CONNECTIONS: usize = 100;

    /// The owner of all the connections.
    #[derive(Clone, Copy, PartialEq)]
    enum Of {
        Strangers,
        OneCaller,
        /// As many callers as connections.
        Callers,
    }

    fn connections(of: Of) -> Vec<Arc<Connection>> {
        let callers = Arc::default();
        let connections = (0..CONNECTIONS).map(|id| {
            let connection =
                Connection::new(id as u64, Peer::Unknown, Arc::clone(&callers), CancellationToken::new());
            let connection = Arc::new(connection);
            if of != Of::Strangers {
                let name = if of == Of::Callers { format!("caller {id}") } else { "caller".to_owned() };
                drop(connection.authenticated(&name));
            }
            connection
        });
        connections.collect()
    }

    /// Waits behind all tasks that are ready. `yield_now` would wait longer.
    async fn next_turn() {
        let mut is_ready = false;
        poll_fn(|cx| {
            if std::mem::replace(&mut is_ready, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    /// The most polls of busy connections between two polls of a task beside them.
    async fn polls_between(of: Of) -> usize {
        let (turns, polls) = (Turns::default(), Arc::new(AtomicUsize::new(0)));
        for connection in connections(of) {
            let (turns, polls) = (turns.clone(), polls.clone());
            let busy = async move {
                loop {
                    polls.fetch_add(1, Ordering::Relaxed);
                    next_turn().await;
                }
            };
            tokio::spawn(async move { turns.run(connection, busy).await });
        }
        // As a task: the runtime polls this future apart from them.
        let beside = async move {
            let mut most = 0;
            for _ in 0..CONNECTIONS {
                let before = polls.load(Ordering::Relaxed);
                next_turn().await;
                most = most.max(polls.load(Ordering::Relaxed) - before);
            }
            assert!(polls.load(Ordering::Relaxed) >= CONNECTIONS / 4, "they have their turns");
            most
        };
        tokio::spawn(beside).await.unwrap()
    }

    #[tokio::test]
    async fn nobody_waits_for_all_connections_without_a_credential_or_of_one_caller() {
        for of in [Of::Strangers, Of::OneCaller] {
            let most = polls_between(of).await;
            assert!(most <= AT_ONCE, "{most}");
        }
        assert!(
            polls_between(Of::Callers).await >= CONNECTIONS,
            "few of each are polled one after the other"
        );
    }

    #[tokio::test]
    async fn a_connection_that_shows_its_credential_leaves_the_queue() {
        let turns = Turns::default();
        let others = turns.0.clone().acquire_many_owned(AT_ONCE as u32).await.unwrap();
        let connection = Connection::alone(0);
        let mut running = pin!(turns.run(connection.clone(), std::future::pending::<()>()));
        assert!(running.as_mut().now_or_never().is_none());
        connection.becomes_caller();
        assert!(running.as_mut().now_or_never().is_none());
        drop(others);
        assert_eq!(turns.0.available_permits(), AT_ONCE);
    }
}
