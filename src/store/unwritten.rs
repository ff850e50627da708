//! Judgements whose commit failed. Nothing counts them, and the time that they take may tell a right code from a wrong
//! one. So where the database can be read but not written, they are delayed more and more.

use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Fault, Origin};

/// Failures without a delay, so that nothing is refused when the database comes back from a short outage.
const FREE: u32 = 4;
/// The delay after the next failure; each is twice as long as the one before.
const FIRST: Duration = Duration::from_millis(100);
/// The longest delay: how long after an outage a proof may still be refused.
const LONGEST: Duration = Duration::from_secs(60);

/// The judgements since the last commit that was written.
#[derive(Debug, Default)]
pub(super) struct Unwritten {
    failures: u32,
    until: Option<Instant>,
    /// Whether the last failure was one that does not go away by itself.
    is_lasting: bool,
}

impl Unwritten {
    /// Checks that another proof may be judged.
    ///
    /// # Errors
    /// A commit failed, and its delay is not over.
    pub(super) fn check(&self, now: Instant) -> Result<(), Fault> {
        match self.until {
            Some(until) if now < until => {
                let fault = if self.is_lasting { Fault::internal } else { Fault::store };
                Err(fault("judging a proof", "the commit of the last judgement failed moments ago"))
            }
            _ => Ok(()),
        }
    }

    /// Notes whether a commit was written, or whose fault it is that it was not.
    pub(super) fn note(&mut self, written: Result<(), Origin>, now: Instant) {
        let Err(origin) = written else {
            *self = Self::default();
            return;
        };
        let doublings = self.failures.checked_sub(FREE).map(|more| more.min(16));
        let delay = doublings.map(|doublings| FIRST.saturating_mul(1 << doublings).min(LONGEST));
        *self = Self {
            failures: self.failures.saturating_add(1),
            until: delay.map(|delay| now + delay),
            is_lasting: origin == Origin::Internal,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_few_failures_each_delays_the_next_judgement_longer_up_to_a_minute() {
        let (mut unwritten, mut now) = (Unwritten::default(), Instant::now());
        for _ in 0..FREE {
            unwritten.note(Err(Origin::Store), now);
            unwritten.check(now).unwrap();
        }
        for delay in [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000] {
            unwritten.check(now).unwrap();
            unwritten.note(Err(Origin::Store), now);
            now += Duration::from_millis(delay);
            unwritten.check(now - Duration::from_millis(1)).unwrap_err();
        }
        unwritten.note(Err(Origin::Store), now);
        unwritten.note(Ok(()), now);
        unwritten.check(now).unwrap();
    }
}
