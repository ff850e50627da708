//! The deadline of the request at hand, so that a wait deep inside can give up, and say why, before the caller stops
//! listening; the slot that the request takes up, and its caller; and the time that a test says it is. All of them travel with the task
//! that carries the request out.

use std::any::Any;
use std::cell::Cell;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument as _;

use crate::domain::ids::CallerName;
use crate::domain::moment::Moment;

tokio::task_local! {
    static SCOPE: Scope;
}

/// The slot of a request, given back when the last copy is dropped.
pub type Slot = Arc<dyn Any + Send + Sync>;

#[derive(Clone, Default)]
struct Scope {
    until: Cell<Option<Instant>>,
    slot: Option<Slot>,
    caller: Option<CallerName>,
    /// Whether what runs here [goes on to its end](to_the_end).
    is_to_the_end: bool,
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

/// Carries work out for a caller that takes up a slot. `caller`: `None` for methods that anybody may call. Work that [goes on](to_the_end) after this is dropped keeps the slot, and so
/// does whatever takes a copy of it from [`slot`].
pub async fn holding<F: Future>(slot: Slot, caller: Option<CallerName>, work: F) -> F::Output {
    SCOPE.scope(Scope { slot: Some(slot), caller, ..scope() }, work).await
}

/// Carries work out at a time of its own. Only for clocks that ask for it, as one of tests does: see [`time`].
pub async fn at<F: Future>(time: Moment, work: F) -> F::Output {
    SCOPE.scope(Scope { time: Some(time), ..scope() }, work).await
}

/// Work that goes on to its end: if it is dropped before that, a task of its own takes over the rest.
pub struct ToTheEnd<T: Send + 'static>(Option<BoxFuture<'static, T>>);

/// Makes `work` go on to its end. The deadline, the slot and the time of the request that starts it hold in it, too.
pub fn to_the_end<F>(work: F) -> ToTheEnd<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    // Boxed before it is wrapped: each move of a future copies all that it holds.
    let work: BoxFuture<'static, F::Output> = Box::pin(work);
    ToTheEnd(Some(Box::pin(SCOPE.scope(Scope { is_to_the_end: true, ..scope() }, work))))
}

impl<T: Send + 'static> Future for ToTheEnd<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        // Taken out, so that work that panics is not taken over.
        let Some(mut work) = self.0.take() else { return Poll::Pending };
        let polled = work.as_mut().poll(cx);
        if polled.is_pending() {
            self.0 = Some(work);
        }
        polled
    }
}

impl<T: Send + 'static> Drop for ToTheEnd<T> {
    fn drop(&mut self) {
        if let Some(work) = self.0.take()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(work.in_current_span());
        }
    }
}

/// From here on, nothing in [work that goes on to its end](to_the_end) is cut off by the deadline of the request.
/// Elsewhere, nothing changes.
pub fn forget_deadline() {
    let _ = SCOPE.try_with(|scope| {
        if scope.is_to_the_end {
            scope.until.set(None);
        }
    });
}

/// The time that is left. `None`: nobody waits for this.
#[must_use]
pub fn left() -> Option<Duration> {
    scope().until.get().map(|until| until.saturating_duration_since(Instant::now()))
}

/// The slot of the request. `None`: this is no request, or it needs no slot.
#[must_use]
pub fn slot() -> Option<Slot> {
    scope().slot
}

/// The caller of the request. `None`: this is no request, or one that anybody may make.
#[must_use]
pub fn caller() -> Option<CallerName> {
    scope().caller
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
    use futures_util::FutureExt as _;

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
    async fn work_that_is_dropped_goes_on_to_its_end_under_its_deadline() {
        let (done, is_done) = tokio::sync::oneshot::channel();
        let dropped = within(60 * SECOND, async {
            let mut work = to_the_end(async move {
                tokio::task::yield_now().await;
                done.send(left()).unwrap();
            });
            assert!((&mut work).now_or_never().is_none());
        });
        dropped.await.unwrap();
        assert!(is_done.await.unwrap().is_some());
    }

    #[tokio::test]
    async fn work_that_goes_on_keeps_the_slot_of_its_request_until_its_end() {
        let (end, is_ended) = tokio::sync::oneshot::channel::<()>();
        let held = Arc::new(());
        holding(held.clone(), None, async {
            let mut work = to_the_end(is_ended);
            assert!((&mut work).now_or_never().is_none());
        })
        .await;
        assert_eq!(Arc::strong_count(&held), 2, "the slot is given back before the end");
        end.send(()).unwrap();
        while Arc::strong_count(&held) > 1 {
            tokio::task::yield_now().await;
        }
        assert!(slot().is_none());
    }

    #[tokio::test]
    async fn work_that_panics_is_not_taken_over() {
        let (held, is_gone) = tokio::sync::oneshot::channel::<()>();
        let work = to_the_end(async move {
            let _held = held;
            tokio::task::yield_now().await;
            panic!("on purpose");
        });
        assert!(tokio::spawn(work).await.unwrap_err().is_panic());
        assert!(is_gone.await.is_err(), "what it held is dropped");
    }

    #[tokio::test]
    async fn work_that_goes_on_to_its_end_can_forget_its_deadline_and_nothing_else_does() {
        let seen = within(60 * SECOND, async {
            let forgotten = to_the_end(async {
                forget_deadline();
                (left(), wait(SECOND))
            });
            forget_deadline();
            (forgotten.await, left().is_some())
        });
        assert_eq!(seen.await.unwrap(), ((None, SECOND), true));
    }

    #[tokio::test]
    async fn work_that_takes_longer_is_dropped() {
        let short = Duration::from_millis(1);
        assert!(within(short, std::future::pending::<()>()).await.is_err());
    }

    #[tokio::test]
    async fn a_time_of_its_own_holds_in_work_that_is_taken_over_and_in_no_other_task() {
        let moment = Moment::from_secs(5);
        let (done, seen_later) = tokio::sync::oneshot::channel();
        let work = async move {
            tokio::task::yield_now().await;
            done.send(time()).unwrap();
        };
        let seen = at(moment, async {
            drop(to_the_end(work));
            (time(), tokio::spawn(async { time() }).await.unwrap())
        });
        assert_eq!((seen.await, time()), ((Some(moment), None), None));
        assert_eq!(seen_later.await.unwrap(), Some(moment));
    }
}
