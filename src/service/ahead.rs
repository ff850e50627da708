//! Warns in the log of a device that was used while the clock was ahead. Every current code of it is refused until that
//! time has come, or until an operator calls `UnlockDevice`.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::domain::device::Device;
use crate::domain::moment::Moment;

/// The log gets at most one line in this time for all devices: a wrong clock concerns many of them.
const EVERY: Duration = Duration::from_secs(60);

/// The time of the last line, and the number of warnings since then that were left out.
#[derive(Default)]
pub(super) struct Ahead(Mutex<(Option<Moment>, u64)>);

impl Ahead {
    /// Warns of a device, unless a line was written within [`EVERY`].
    pub(super) fn tell(&self, device: &Device, now: Moment) {
        let Some(others) = self.due(now) else { return };
        tracing::warn!(
            device = device.id.as_str(),
            others,
            "a device was used in what is the future now, so fresh codes of it are refused: the clock of this server, or of \
             another, was ahead; once the clocks are right, UnlockDevice lets the device accept codes again"
        );
    }

    /// If a line is due, the number of warnings that were left out since the last one.
    fn due(&self, now: Moment) -> Option<u64> {
        // Nothing that is done under the lock can panic half way.
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (said_at, unsaid) = *last;
        // A clock that went back must not hold up the next line.
        if said_at.is_some_and(|at| at <= now && now < at.plus(EVERY)) {
            *last = (said_at, unsaid.saturating_add(1));
            return None;
        }
        *last = (Some(now), 0);
        Some(unsaid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_once_in_a_minute_and_when_the_clock_goes_back() {
        let ahead = Ahead::default();
        let at = |secs| ahead.due(Moment::from_secs(secs));
        assert_eq!((at(1000), at(1000), at(1059), at(1060)), (Some(0), None, None, Some(2)));
        assert_eq!((at(999), at(1000), at(1059)), (Some(0), None, Some(1)));
    }
}
