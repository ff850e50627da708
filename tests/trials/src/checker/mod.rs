//! A recorded history, and what is there after it, held against the promises. It knows nothing of how the
//! server does its work: only what was asked, what was answered and when, and what is there in the end.

mod acceptance;
mod guesses;
mod kept;
mod log;
mod retries;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use countersign::domain::moment::Moment;
use countersign::domain::throttle::ThrottlePolicy;

use crate::history::{Asked, Call, Sort};

/// How many codes a list has that is enrolled here.
pub const CODES: u64 = 10;

/// What is promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Promise {
    /// A proof is accepted at most once, and so is none that an accepted one has used up.
    Once,
    /// The same `request_id` gets the same answer.
    Retry,
    /// What was acknowledged is there.
    Kept,
    /// Guesses are judged as the back-off allows.
    Guesses,
    /// Every write has its event, once, and the log's chains hold.
    Log,
}

/// A promise that was not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub promise: Promise,
    /// How.
    pub says: String,
    /// The calls that show it, by their place in the history.
    pub calls: Vec<usize>,
}

/// What the server was told to do.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// How guesses are slowed.
    pub throttle: ThrottlePolicy,
    /// How long a device may stay pending.
    pub pending_for: Duration,
}

/// What is there after a history.
#[derive(Debug, Clone)]
pub struct Aftermath {
    /// When that was looked at.
    pub at: Moment,
    /// The devices, by their ids.
    pub devices: BTreeMap<Arc<str>, Seen>,
    /// The audit log's events about devices.
    pub events: Vec<Noted>,
    /// Where a chain of the audit log is broken.
    pub broken: Option<String>,
}

/// A device as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// It was confirmed, or needs no confirmation.
    pub is_confirmed: bool,
    /// The least number of a code that could still be accepted: the counter, or the step after the last. For a
    /// list: how many codes are left.
    pub next: u64,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// About which device.
    pub device: Arc<str>,
    /// When.
    pub at: Moment,
    /// What.
    pub what: What,
}

/// What happened to a device, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A proof was accepted.
    Accepted,
    /// A proof was judged and rejected: failures in a row, with this one.
    Rejected(u32),
    /// Its failures were cleared by an operator.
    Unlocked,
    /// Anything else.
    Other,
}

/// Everything that is wrong.
#[must_use]
pub fn check(calls: &[Call], after: &Aftermath, rules: &Rules) -> Vec<Violation> {
    let sorts = sorts(calls);
    let begun = begun(calls);
    let mut found = acceptance::check(calls, &sorts, &begun);
    found.extend(retries::check(calls));
    found.extend(kept::check(calls, after, rules, &sorts));
    found.extend(guesses::check(calls, after, rules, &begun));
    found.extend(log::check(calls, after));
    found
}

/// What the codes of each device are like.
fn sorts(calls: &[Call]) -> BTreeMap<Arc<str>, Sort> {
    let enrolled = calls.iter().filter_map(|call| match (&call.asked, &call.answer) {
        (Asked::Enroll(sort), crate::history::Answer::Enrolled(device)) => Some((device.clone(), *sort)),
        _ => None,
    });
    enrolled.collect()
}

/// Who asked: all calls of one `request_id` are one attempt, and each without is one of its own.
fn attempt(calls: &[Call], at: usize) -> Attempt {
    calls[at].id.clone().map_or(Attempt::Alone(at), Attempt::Named)
}

/// An attempt.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Attempt {
    /// One call.
    Alone(usize),
    /// All calls of that `request_id`.
    Named(Arc<str>),
}

/// When each request was begun first.
type Begun = BTreeMap<Arc<str>, Moment>;

fn begun(calls: &[Call]) -> Begun {
    let mut begun = Begun::new();
    for call in calls {
        if let Some(id) = &call.id {
            let first = begun.entry(id.clone()).or_insert(call.begin);
            *first = call.begin.min(*first);
        }
    }
    begun
}

/// When the attempt was begun that a call belongs to.
fn began(call: &Call, begun: &Begun) -> Moment {
    call.id.as_ref().and_then(|id| begun.get(id)).copied().unwrap_or(call.begin)
}
