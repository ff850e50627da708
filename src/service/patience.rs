//! How long a request goes on when the database fails it.

use std::time::Duration;

use tokio::time::Instant;

use crate::env::request;

/// The first pause; each is twice as long as the one before.
const FIRST: Duration = Duration::from_millis(10);
/// How long after its beginning a request is tried again, but for the first time: a database that takes longer
/// to come back is not waited for with a request in hand.
const FOR: Duration = Duration::from_secs(2);

/// The patience of one request.
pub(super) struct Patience {
    began: Instant,
    is_first: bool,
    pause: Duration,
}

impl Patience {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), is_first: true, pause: FIRST }
    }

    /// Waits a little before the next try. `false`, at once: there is no time for one.
    pub(super) async fn lasts(&mut self) -> bool {
        let is_short = request::left().is_some_and(|left| left < 4 * self.pause);
        let is_late = !self.is_first && self.began.elapsed() + self.pause > FOR;
        if is_short || is_late {
            return false;
        }
        self.is_first = false;
        tokio::time::sleep(self.pause).await;
        self.pause *= 2;
        true
    }
}
