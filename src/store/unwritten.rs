//! Judgements whose commit failed. Nothing counts them, and the time that they take may tell a right code from a wrong
//! one. So where the database can be read but not written, each of them delays the next.

use std::time::Duration;

use tokio::time::Instant;

use crate::error::Fault;

/// The delay after the first; each is twice as long as the one before.
const FIRST: Duration = Duration::from_secs(1);
/// The longest delay: how long after an outage a proof may still be refused.
const LONGEST: Duration = Duration::from_secs(60);

/// The judgements since the last commit that was written.
#[derive(Debug, Default)]
pub(super) struct Unwritten {
    failures: u32,
    until: Option<Instant>,
}

impl Unwritten {
    /// Checks that another proof may be judged.
    ///
    /// # Errors
    /// A commit failed, and its delay is not over.
    pub(super) fn check(&self, now: Instant) -> Result<(), Fault> {
        match self.until {
            Some(until) if now < until => {
                Err(Fault::store("judging a proof", "the commit of the last judgement failed moments ago"))
            }
            _ => Ok(()),
        }
    }

    /// Notes whether a commit was written.
    pub(super) fn note(&mut self, is_written: bool, now: Instant) {
        if is_written {
            *self = Self::default();
            return;
        }
        let delay = FIRST.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        *self = Self { failures: self.failures.saturating_add(1), until: Some(now + delay) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_delays_the_next_judgement_longer_up_to_a_minute() {
        let (mut unwritten, mut now) = (Unwritten::default(), Instant::now());
        for delay in [1, 2, 4, 8, 16, 32, 60, 60] {
            unwritten.check(now).unwrap();
            unwritten.note(false, now);
            now += Duration::from_secs(delay);
            unwritten.check(now - Duration::from_millis(1)).unwrap_err();
        }
        unwritten.note(false, now);
        unwritten.note(true, now);
        unwritten.check(now).unwrap();
    }
}
