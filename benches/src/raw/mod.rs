//! The database's own limits: the rows that the product writes, written without it.

pub mod mysql;
pub mod pgbench;
pub mod sqlite;

use std::time::{Duration, Instant};

use countersign::domain::strength::Strength;
use countersign::kinds::oath::algorithm::Algorithm;
use countersign::kinds::oath::parameters::{Digits, LookAhead};
use countersign::kinds::{self, hotp};
use serde::{Deserialize, Serialize};

use crate::{Failed, fleet};

/// What a device keeps that has counted so far, as the product writes it.
fn detail(counter: u64) -> Result<String, Failed> {
    let look_ahead = LookAhead::try_from(fleet::LOOK_AHEAD).map_err(|problem| problem.to_string())?;
    Ok(kinds::encode(&hotp::State::new(Algorithm::Sha1, Digits::MIN, counter, look_ahead))?)
}

/// What a code is worth, as the product writes it.
fn strength() -> Result<String, Failed> {
    Ok(serde_json::to_string(&Strength::one_time_code())?)
}

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
    pub fn of(took: Vec<Duration>, group: usize, begin: Instant) -> Self {
        let operations = took.len() * group;
        let rate = operations as f64 / begin.elapsed().as_secs_f64();
        Self { operations, ..Self::of_rate(rate, took) }
    }

    /// From a rate that is known, of transactions of one verification.
    pub fn of_rate(rate: f64, mut took: Vec<Duration>) -> Self {
        took.sort_unstable();
        let at = |share: f64| {
            let place = (took.len() as f64 * share) as usize;
            took.get(place.min(took.len().saturating_sub(1))).map_or(0.0, |t| t.as_secs_f64() * 1e3)
        };
        Self { rate, p50: at(0.5), p99: at(0.99), operations: took.len() }
    }
}
