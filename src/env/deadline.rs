//! How long the request at hand may still take. It travels with the task that carries the request out, so
//! that what waits deep inside can give up, and say why, before the caller stops listening.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};

tokio::task_local! {
    static UNTIL: Instant;
    static DETACHED: ();
}

/// Carries work out within that time.
///
/// # Errors
/// The time ran out; the work was dropped where it stood.
pub async fn within<F: Future>(limit: Duration, work: F) -> Result<F::Output, Elapsed> {
    let until = Instant::now() + limit;
    UNTIL.scope(until, timeout_at(until, work)).await
}

/// Starts a task that runs to its end even if nobody waits for it any more. In it, [`left`] still tells the deadline of
/// the request that started it.
pub fn detached<F>(work: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    match UNTIL.try_with(|until| *until) {
        Ok(until) => tokio::spawn(DETACHED.scope((), UNTIL.scope(until, work))),
        Err(_) => tokio::spawn(DETACHED.scope((), work)),
    }
}

/// True in a [`detached`] task. Work in it need not give up in time for an answer: the task that waits does that.
#[must_use]
pub fn is_detached() -> bool {
    DETACHED.try_with(|()| ()).is_ok()
}

/// The time that is left. `None`: nobody waits for this.
#[must_use]
pub fn left() -> Option<Duration> {
    UNTIL.try_with(|until| until.saturating_duration_since(Instant::now())).ok()
}

/// A wait that ends early enough to answer: that long, or nine tenths of what is left.
#[must_use]
pub fn wait(most: Duration) -> Duration {
    left().map_or(most, |left| most.min(left * 9 / 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn what_is_left_shrinks_and_belongs_to_the_task() {
        assert_eq!((left(), wait(SECOND)), (None, SECOND));
        let seen = within(60 * SECOND, async {
            let elsewhere = tokio::spawn(async { left() }).await.unwrap();
            (left().unwrap(), left().unwrap(), wait(SECOND), wait(600 * SECOND), elsewhere)
        });
        let (first, second, short, long, elsewhere) = seen.await.unwrap();
        assert!(first < 60 * SECOND && second < first, "{first:?}, {second:?}");
        assert_eq!((short, elsewhere), (SECOND, None));
        assert!(long > 50 * SECOND && long < 54 * SECOND, "{long:?}");
    }

    #[tokio::test]
    async fn a_detached_task_outlives_its_deadline_and_knows_it() {
        let (done, is_done) = tokio::sync::oneshot::channel();
        let short = Duration::from_millis(1);
        let cut = within(short, async {
            let task = detached(async move {
                while left() > Some(Duration::ZERO) {
                    tokio::task::yield_now().await;
                }
                done.send(left()).unwrap();
            });
            task.await.unwrap();
            std::future::pending::<()>().await;
        });
        assert!(cut.await.is_err());
        assert_eq!(is_done.await.unwrap(), Some(Duration::ZERO));
    }

    #[tokio::test]
    async fn work_that_takes_longer_is_dropped() {
        let short = Duration::from_millis(1);
        assert!(within(short, std::future::pending::<()>()).await.is_err());
    }
}
