//! Bounds the log lines that requests can cause, so that a flood of requests does not flood the log.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The time from a line to the next one of its kind at least.
const PAUSE: Duration = Duration::from_secs(1);

/// Log lines of several kinds, of each at most one a second. The first line of a kind is written at once.
#[derive(Debug)]
pub struct Lines<K>(Mutex<BTreeMap<K, Last>>);

/// The last line of a kind.
#[derive(Debug)]
struct Last {
    written: Instant,
    left_out: u64,
}

impl<K: Ord> Lines<K> {
    /// No line was written yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    /// Notes that there is a line to write. If it is to be written now, returns how many of its kind were left out since
    /// the last one.
    #[must_use]
    pub fn note(&self, kind: K) -> Option<u64> {
        self.note_at(kind, Instant::now())
    }

    fn note_at(&self, kind: K, now: Instant) -> Option<u64> {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match kinds.entry(kind) {
            Entry::Vacant(new) => {
                new.insert(Last { written: now, left_out: 0 });
                Some(0)
            }
            Entry::Occupied(mut known) => {
                let last = known.get_mut();
                if now < last.written + PAUSE {
                    last.left_out += 1;
                    return None;
                }
                last.written = now;
                Some(std::mem::take(&mut last.left_out))
            }
        }
    }
}

impl<K: Ord> Default for Lines<K> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_kind_one_line_a_second_is_written_and_says_how_many_were_left_out() {
        let (lines, start) = (Lines::new(), Instant::now());
        let note = |kind, millis| lines.note_at(kind, start + Duration::from_millis(millis));
        let told =
            [("a", 0), ("a", 1), ("b", 1), ("a", 999), ("a", 1000), ("a", 1999), ("b", 1999), ("a", 3000)];
        let told = told.map(|(kind, millis)| note(kind, millis));
        assert_eq!(told, [Some(0), None, Some(0), None, Some(2), None, Some(0), Some(1)]);
    }
}
