//! Work that runs to its end even if its caller goes away.

use std::panic::resume_unwind;

use tokio::time::timeout;
use tracing::Instrument as _;

use super::Running;
use crate::env::request;
use crate::error::{Error, Fault};

/// Runs `work` in a task of its own, so that a proof that it judges is counted even if the caller goes away. A caller
/// whose deadline is near gets an error in doubt before it passes: the work may still commit.
pub(in crate::rpc) async fn to_the_end<T: Send + 'static>(
    running: Option<Running>,
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    // Boxed before the wrappers: each of them would move all that the work holds.
    let work = Box::pin(work);
    let work = async move {
        let done = work.await;
        drop(running);
        done
    };
    let task = request::detached(work.in_current_span());
    let ended = match request::left() {
        Some(left) => {
            let late = |_| {
                Fault::doubt(
                    "judging a proof",
                    "the commit is still queued, and the caller's deadline is near",
                )
            };
            timeout(left * 19 / 20, task).await.map_err(late)?
        }
        None => task.await,
    };
    match ended {
        Ok(done) => done,
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        Err(error) => Err(Fault::internal("judging a proof", error).into()),
    }
}
