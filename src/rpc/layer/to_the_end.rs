//! Work that runs to its end even if its caller goes away.

use tokio::time::timeout;

use crate::env::request;
use crate::error::{Error, Fault};

/// Runs `work` to its end, so that a proof that it judges is counted even if the caller goes away. A caller whose
/// deadline is near gets an error in doubt before it passes: the work may still commit.
pub(in crate::rpc) fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> impl Future<Output = Result<T, Error>> + Send {
    // Here, and not in the future below: it would be moved once more.
    let work = request::to_the_end(work);
    async move {
        let Some(left) = request::left() else { return work.await };
        let late = |_| {
            Fault::doubt("judging a proof", "the commit is still queued, and the caller's deadline is near")
        };
        timeout(left * 19 / 20, work).await.map_err(late)?
    }
}
