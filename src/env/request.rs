//! What travels with the task that carries a request out: its deadline, so that a wait deep inside can give up, and say
//! why, before the caller stops listening; and the time that a test says it is.

use std::cell::Cell;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};

use crate::domain::moment::Moment;

tokio::task_local! {
    static SCOPE: Scope;
}

#[derive(Clone, Default)]
struct Scope {
    until: Cell<Option<Instant>>,
    is_detached: bool,
    time: Option<Moment>,
}

fn scope() -> Scope {
    SCOPE.try_with(Scope::clone).unwrap_or_default()
}

/// Carries work out within that time.
///
/// # Errors
/// The time ran out; the work was dropped where it stood.
pub async fn within<F: Future>(limit: Duration, work: F) -> Result<F::Output, Elapsed> {
    let until = Instant::now() + limit;
    SCOPE.scope(Scope { until: Cell::new(Some(until)), ..scope() }, timeout_at(until, work)).await
}

/// Carries work out at a time of its own. Only for clocks that ask for it, as one of tests does: see [`time`].
pub async fn at<F: Future>(time: Moment, work: F) -> F::Output {
    SCOPE.scope(Scope { time: Some(time), ..scope() }, work).await
}

/// Starts a task that goes on to its end even if nobody waits for it any more. The deadline and the time of the
/// request that starts the task hold in it, too.
pub fn detached<F>(work: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(SCOPE.scope(Scope { is_detached: true, ..scope() }, work))
}

/// From here on, nothing in this [detached](detached) task is cut off by the deadline of the request: what has begun
/// must be finished. Outside of one, nothing changes.
pub fn forget_deadline() {
    let _ = SCOPE.try_with(|scope| {
        if scope.is_detached {
            scope.until.set(None);
        }
    });
}

/// Whether this goes on to its end in a task of its own: then it need not give up to be answered in time.
#[must_use]
pub fn is_detached() -> bool {
    scope().is_detached
}

/// The time that is left. `None`: nobody waits for this.
#[must_use]
pub fn left() -> Option<Duration> {
    scope().until.get().map(|until| until.saturating_duration_since(Instant::now()))
}

/// The time that was set by [`at`]. `None`: none was.
#[must_use]
pub fn time() -> Option<Moment> {
    scope().time
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
    async fn a_detached_task_can_forget_its_deadline_and_no_other_task_does() {
        let seen = within(60 * SECOND, async {
            let forgotten = detached(async {
                forget_deadline();
                (left(), wait(SECOND))
            });
            forget_deadline();
            (forgotten.await.unwrap(), left().is_some())
        });
        assert_eq!(seen.await.unwrap(), ((None, SECOND), true));
    }

    #[tokio::test]
    async fn work_that_takes_longer_is_dropped() {
        let short = Duration::from_millis(1);
        assert!(within(short, std::future::pending::<()>()).await.is_err());
    }

    #[tokio::test]
    async fn a_time_of_its_own_holds_in_detached_tasks_and_nowhere_else() {
        let moment = Moment::from_secs(5);
        let seen = at(moment, async {
            let detached = within(60 * SECOND, async { detached(async { time() }).await.unwrap() });
            (time(), detached.await.unwrap(), tokio::spawn(async { time() }).await.unwrap())
        });
        assert_eq!((seen.await, time()), ((Some(moment), Some(moment), None), None));
    }
}
