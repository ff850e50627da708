//! Where the requests of a connection are carried out.
//!
//! Tasks of the runtime take turns one by one, so a peer that opens and resets streams one after the other would have nearly
//! all turns. Before the first authenticated request of a connection, its requests therefore share one task, which has its turns
//! with those of [`Turns`].

use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio::task::yield_now;

use super::connection::Connection;
use super::turns::Turns;

/// Carries out the requests of one connection.
#[derive(Clone)]
pub(super) struct Executor {
    connection: Arc<Connection>,
    /// To the task that all requests of a stranger share.
    shared: mpsc::UnboundedSender<BoxFuture<'static, ()>>,
}

impl Executor {
    pub(super) fn new(connection: Arc<Connection>, turns: Turns) -> Self {
        // Bounded by the connection, which does not read while too many streams are open.
        let (shared, requests) = mpsc::unbounded_channel();
        let stranger = connection.clone();
        let close = connection.close.clone();
        let carried_out = async move { turns.run(stranger, carry_out(requests)).await };
        tokio::spawn(close.run_until_cancelled_owned(carried_out));
        Self { connection, shared }
    }
}

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Executor {
    fn execute(&self, request: F) {
        if self.connection.last_authenticated().is_some() {
            tokio::spawn(request);
        } else {
            // Fails only with the runtime.
            let _ = self.shared.send(Box::pin(request));
        }
    }
}

/// Requests that end in one turn at most, so that a connection with one request has its turns soon beside others with many.
const IN_TURN: usize = 4;

/// Carries out requests until their connection has ended, and they have.
async fn carry_out(mut requests: mpsc::UnboundedReceiver<BoxFuture<'static, ()>>) {
    let mut under_way = FuturesUnordered::new();
    let mut ended = 0;
    loop {
        tokio::select! {
            Some(request) = requests.recv() => under_way.push(request),
            Some(()) = under_way.next() => {
                ended += 1;
                if ended % IN_TURN == 0 {
                    yield_now().await;
                }
            }
            else => return,
        }
    }
}
