//! Work that goes on without its caller.

use std::panic::resume_unwind;

use tokio::time::timeout;
use tracing::Instrument as _;

use super::Running;
use crate::env::deadline;
use crate::error::{Error, Fault};

/// Goes on to the end although the caller goes away: what has a proof judged has it counted. Who still waits hears
/// that the end is in doubt a little before their time is over.
pub(in crate::rpc) async fn to_the_end<T: Send + 'static>(
    running: Option<Running>,
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    let work = async move {
        let done = work.await;
        drop(running);
        done
    };
    let task = deadline::detached(work.in_current_span());
    let ended = match deadline::left() {
        Some(left) => {
            let late =
                |_| Fault::doubt("judging a proof", "it is not written yet, and its caller cannot wait");
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
