//! Whether this replica may serve: the database takes writes, and the clock here is near the one there.
//! Codes are judged by the clock here, and the other replicas' clocks are near the database's, too.

use std::fmt;
use std::time::Duration;

use super::Service;
use crate::domain::moment::Moment;
use crate::error::Fault;

/// How far the clock here may be from the database's.
pub const SKEW_MAX: Duration = Duration::from_secs(5);

/// The clock here is far from the database's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skew {
    by: Duration,
    is_ahead: bool,
}

impl Skew {
    /// How a clock that went from `before` to `after` stands to another that showed `there` in between.
    fn between(before: Moment, there: Moment, after: Moment) -> Option<Self> {
        let (ahead, behind) = (before.since(there), there.since(after));
        let skew = Self { by: ahead.max(behind), is_ahead: ahead > behind };
        (skew.by > SKEW_MAX).then_some(skew)
    }
}

impl fmt::Display for Skew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = if self.is_ahead { "ahead of" } else { "behind" };
        write!(
            f,
            "the clock here is {} s {side} the database's; have both follow the same time servers",
            self.by.as_secs()
        )
    }
}

impl Service {
    /// Looks at the database and its clock. Gives how far the clock here is from it, if that is too far.
    ///
    /// # Errors
    /// The database does not answer, or takes no writes.
    pub async fn look(&self) -> Result<Option<Skew>, Fault> {
        let before = self.clock.now();
        let there = self.store.look().await?;
        let after = self.clock.now();
        Ok(there.and_then(|there| Skew::between(before, there, after)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_seconds_are_near_and_more_are_far() {
        let skew = |before: i64, there: i64, after: i64| {
            let at = |millis: i64| Moment::from_micros(millis * 1000);
            Skew::between(at(before), at(there), at(after)).map(|skew| skew.to_string())
        };
        for (before, there, after) in
            [(0, 0, 0), (5000, 0, 5000), (0, 5000, 0), (0, 9000, 4000), (5000, 0, 99_000)]
        {
            assert_eq!(skew(before, there, after), None, "{before}, {there}, {after}");
        }
        let says = |side: &str| {
            format!("the clock here is 5 s {side} the database's; have both follow the same time servers")
        };
        assert_eq!(skew(5001, 0, 5001), Some(says("ahead of")));
        assert_eq!(skew(0, 9001, 4000), Some(says("behind")));
    }
}
