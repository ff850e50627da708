//! The database's own limits: the rows that the product writes, written without it.

pub mod sqlite;

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// What a database did.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Limit {
    /// Verifications a second.
    pub rate: f64,
    /// Half of the transactions took no longer, in milliseconds.
    pub p50: f64,
    /// 99 of 100 took no longer.
    pub p99: f64,
    /// Verifications in all.
    pub operations: usize,
}

impl Limit {
    /// From how long each transaction took, so many verifications in each.
    pub fn of(mut took: Vec<Duration>, group: usize, begin: Instant) -> Self {
        let lasted = begin.elapsed().as_secs_f64();
        took.sort_unstable();
        let at = |share: f64| {
            let place = (took.len() as f64 * share) as usize;
            took.get(place.min(took.len().saturating_sub(1))).map_or(0.0, |t| t.as_secs_f64() * 1e3)
        };
        let operations = took.len() * group;
        Self { rate: operations as f64 / lasted, p50: at(0.5), p99: at(0.99), operations }
    }
}
