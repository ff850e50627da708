//! A clock that each request sets for itself.

use std::sync::atomic::{AtomicI64, Ordering};

use countersign::domain::moment::Moment;
use countersign::env::{Clock, SystemClock, request};

/// Before the first request that says the time. As a moment it is 1970, when nothing has run out: the sweep of a
/// server that is started again on an older test's database removes nothing.
const NONE_YET: i64 = 0;

/// Gives a request the time that it said. Everything else, like the sweep, gets the time that was said last.
#[derive(Debug)]
pub(crate) struct RequestClock {
    last: AtomicI64,
}

impl Default for RequestClock {
    fn default() -> Self {
        Self { last: AtomicI64::new(NONE_YET) }
    }
}

impl RequestClock {
    /// Carries a request out at the time that it says; if it says none, at the last one, or the system's before
    /// there is one.
    pub(crate) async fn at<F: Future>(&self, said: Option<Moment>, work: F) -> F::Output {
        if let Some(said) = said {
            self.last.store(said.micros(), Ordering::SeqCst);
        }
        let last = || self.last.load(Ordering::SeqCst);
        let now = said.unwrap_or_else(|| match last() {
            NONE_YET => SystemClock.now(),
            last => Moment::from_micros(last),
        });
        request::at(now, work).await
    }
}

impl Clock for RequestClock {
    fn now(&self) -> Moment {
        request::time().unwrap_or_else(|| Moment::from_micros(self.last.load(Ordering::SeqCst)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn requests_that_run_at_once_have_each_their_own_time() {
        let clock = RequestClock::default();
        assert_eq!(clock.now(), Moment::from_micros(0));
        let seen = async |said: i64| {
            let at = Moment::from_micros(said);
            clock
                .at(Some(at), async {
                    tokio::task::yield_now().await;
                    clock.now() == at
                })
                .await
        };
        assert_eq!(tokio::join!(seen(5), seen(3), seen(4)), (true, true, true));
        assert_eq!(
            clock.now(),
            Moment::from_micros(4),
            "outside requests, the last time that was said counts"
        );
        assert_eq!(clock.at(None, async { clock.now() }).await, Moment::from_micros(4));
    }

    #[tokio::test]
    async fn before_any_time_is_said_a_request_has_the_system_s() {
        let clock = RequestClock::default();
        let now = clock.at(None, async { clock.now() }).await;
        assert!(now > Moment::from_secs(1_700_000_000), "{now:?}");
    }
}
