//! The steps that a TOTP device has accepted, one by one. A device that was used while the clock was ahead can be set
//! back, and none of these is accepted again.

use std::fmt;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The number of runs that are kept apart.
const RUNS: usize = 8;

/// Accepted steps, as runs of consecutive steps. No accepted step is ever lost: where there are more than eight runs,
/// two are joined, and the steps between them count as accepted, too.
///
/// In JSON, two numbers for each run: its distance from the end of the run before it (of the first: from 0), and its
/// length minus one. That keeps the numbers short, which every accepted code reads and writes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Steps(Vec<Run>);

/// Consecutive steps, from the first to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    first: i64,
    last: i64,
}

impl Steps {
    /// True if there is no step.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every step from 0 to `last`.
    pub(super) fn up_to(last: i64) -> Self {
        Self::default().with(0, last)
    }

    /// True if the step was accepted.
    pub(super) fn contains(&self, step: i64) -> bool {
        // The step is almost always later than all runs, so the search begins at the end.
        self.0.iter().rev().take_while(|run| step <= run.last).any(|run| step >= run.first)
    }

    /// The newest accepted step up to that one.
    pub(super) fn newest_until(&self, step: i64) -> Option<i64> {
        self.0.iter().rev().find(|run| run.first <= step).map(|run| run.last.min(step))
    }

    /// Adds the steps from `first` to `last`.
    pub(super) fn with(mut self, first: i64, last: i64) -> Self {
        // There is no code before step 0.
        let first = first.max(0);
        if first <= last {
            let place = self.0.partition_point(|run| run.first < first);
            self.0.insert(place, Run { first, last });
            self.normalize();
        }
        self
    }

    /// Adds the steps of another device or history.
    pub(super) fn union(mut self, other: &Self) -> Self {
        self.0.extend_from_slice(&other.0);
        self.0.sort_unstable_by_key(|run| run.first);
        self.normalize();
        self
    }

    /// Joins runs that touch, and then the pairs with the [least gap](Self::least_gap) until at most `RUNS` are left.
    fn normalize(&mut self) {
        self.0.dedup_by(|next, run| {
            let meets = next.first <= run.last.saturating_add(1);
            if meets {
                run.last = run.last.max(next.last);
            }
            meets
        });
        while self.0.len() > RUNS {
            let Some(place) = self.least_gap() else { return };
            let next = self.0.remove(place + 1);
            if let Some(run) = self.0.get_mut(place) {
                run.last = next.last;
            }
        }
    }

    /// The index of the run before the gap that matters least: the gap that is smallest relative to its distance from
    /// the last step. This keeps the gap before a step that was accepted just now. If the clock was ahead then, the
    /// right time lies in that gap, and codes of it must still be accepted.
    fn least_gap(&self) -> Option<usize> {
        let end = self.0.last()?.last;
        let gaps = self.0.windows(2).enumerate().filter_map(|(place, pair)| match pair {
            [run, next] => Some((place, distance(run.last, next.first), distance(run.last, end))),
            _ => None,
        });
        gaps.min_by(|(_, a, from_a), (_, b, from_b)| (a * from_b).cmp(&(b * from_a))).map(|(place, ..)| place)
    }
}

fn distance(from: i64, to: i64) -> i128 {
    i128::from(to) - i128::from(from)
}

impl Serialize for Steps {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut end = 0;
        serializer.collect_seq(self.0.iter().flat_map(|run| {
            let numbers = [run.first.saturating_sub(end), run.last.saturating_sub(run.first)];
            end = run.last;
            numbers
        }))
    }
}

impl<'de> Deserialize<'de> for Steps {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Numbers)
    }
}

struct Numbers;

impl<'de> Visitor<'de> for Numbers {
    type Value = Steps;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("distances and lengths of runs of steps")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<Steps, A::Error> {
        let mut runs = Vec::with_capacity(RUNS + 1);
        let mut end = 0_i64;
        while let Some(ahead) = numbers.next_element::<i64>()? {
            let length = numbers.next_element::<i64>()?;
            let length = length.ok_or_else(|| A::Error::custom("a run of steps without its length"))?;
            if ahead < 0 || length < 0 {
                return Err(A::Error::custom("runs of steps that are not in order"));
            }
            let first = end.saturating_add(ahead);
            end = first.saturating_add(length);
            runs.push(Run { first, last: end });
        }
        Ok(Steps(runs))
    }
}
