//! What was acknowledged is there afterwards: enrollments, confirmations, deletions, and every acceptance.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Aftermath, Promise, Rules, Seen, Violation, attempt};
use crate::history::{Answer, Asked, Call, Code, Sort};

/// What is known of one device.
#[derive(Default)]
struct Known {
    enrolled: Option<usize>,
    confirmed: Option<usize>,
    deleted: Option<usize>,
    may_be_deleted: bool,
    /// The highest code that is known to be accepted, and the call that says so.
    highest: Option<(Code, usize)>,
    accepted: BTreeSet<super::Attempt>,
}

pub(super) fn check(
    calls: &[Call],
    after: &Aftermath,
    rules: &Rules,
    sorts: &BTreeMap<Arc<str>, Sort>,
) -> Vec<Violation> {
    let mut found = Vec::new();
    for (device, known) in learn(calls) {
        let (Some(enrolled), Some(sort)) = (known.enrolled, sorts.get(&device)) else { continue };
        let seen = after.devices.get(&device);
        let mut violation = |says: String, calls: Vec<usize>| {
            found.push(Violation { promise: Promise::Kept, says, calls });
        };
        match (seen, known.deleted) {
            (Some(_), Some(deleted)) => {
                violation(format!("{device} is there, and was removed"), vec![deleted])
            }
            (None, None) if !may_be_gone(calls, after, rules, &known, *sort) => {
                let calls = [Some(enrolled), known.confirmed].into_iter().flatten().collect();
                violation(format!("{device} is gone"), calls);
            }
            (Some(seen), None) => {
                if let Some(confirmed) = known.confirmed.filter(|_| !seen.is_confirmed) {
                    violation(format!("{device} is pending, and was confirmed"), vec![confirmed]);
                }
                if let Some((says, call)) = forgotten(&known, seen, *sort) {
                    violation(format!("{device} {says}"), vec![call]);
                }
            }
            _ => {}
        }
    }
    found
}

fn learn(calls: &[Call]) -> BTreeMap<Arc<str>, Known> {
    let mut all: BTreeMap<Arc<str>, Known> = BTreeMap::new();
    for (at, call) in calls.iter().enumerate() {
        match (&call.asked, &call.answer) {
            (Asked::Enroll(_), Answer::Enrolled(device)) => {
                all.entry(device.clone()).or_default().enrolled.get_or_insert(at);
            }
            (Asked::Delete(device), Answer::Done) => {
                all.entry(device.clone()).or_default().deleted = Some(at);
            }
            (Asked::Delete(device), Answer::Lost(_)) => {
                all.entry(device.clone()).or_default().may_be_deleted = true;
            }
            (Asked::Confirm(device, code) | Asked::Verify(device, code), Answer::Accepted) => {
                let known = all.entry(device.clone()).or_default();
                if matches!(call.asked, Asked::Confirm(..)) {
                    known.confirmed = Some(at);
                }
                known.accepted.insert(attempt(calls, at));
                if known.highest.is_none_or(|(highest, _)| *code > highest) {
                    known.highest = Some((*code, at));
                }
            }
            _ => {}
        }
    }
    all
}

/// Whether a device may be gone although nobody was told that it was removed.
fn may_be_gone(calls: &[Call], after: &Aftermath, rules: &Rules, known: &Known, sort: Sort) -> bool {
    let is_expired = || {
        let enrolled = known.enrolled.map_or(after.at, |at| calls[at].begin);
        known.confirmed.is_none() && sort != Sort::List && enrolled.plus(rules.pending_for) <= after.at
    };
    known.may_be_deleted || is_expired()
}

/// An acceptance that the device does not know of.
fn forgotten(known: &Known, seen: &Seen, sort: Sort) -> Option<(String, usize)> {
    let (highest, call) = known.highest?;
    let Code::Right(highest) = highest else { return None };
    if sort == Sort::List {
        // The codes of a list are numbered from 0 as they were made: ten, or as many as it says.
        let accepted = known.accepted.len() as u64;
        let made = super::CODES;
        return (seen.next > made.saturating_sub(accepted))
            .then(|| (format!("has {} codes left after {accepted} were used", seen.next), call));
    }
    (seen.next <= highest).then(|| (format!("would accept {highest} again: it is at {}", seen.next), call))
}
