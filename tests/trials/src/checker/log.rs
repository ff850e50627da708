//! Every judgement has its event, once, and the chains of the audit log hold.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Aftermath, Attempt, Promise, Violation, What, attempt};
use crate::history::{Answer, Call, Code};

/// What is known of the judgements of one device.
#[derive(Default)]
struct Known {
    accepted: BTreeMap<Attempt, usize>,
    rejected: BTreeMap<Attempt, usize>,
    /// Attempts whose answers were lost, and of which nothing else is known.
    lost: BTreeSet<Attempt>,
    /// Those of them that offered a code that was right.
    lost_right: BTreeSet<Attempt>,
}

pub(super) fn check(calls: &[Call], after: &Aftermath) -> Vec<Violation> {
    let mut found = Vec::new();
    if let Some(broken) = &after.broken {
        let says = format!("the audit log is broken: {broken}");
        found.push(Violation { promise: Promise::Log, says, calls: Vec::new() });
    }
    let mut events: BTreeMap<&Arc<str>, (usize, usize)> = BTreeMap::new();
    for event in &after.events {
        let (accepted, rejected) = events.entry(&event.device).or_default();
        match event.what {
            What::Accepted => *accepted += 1,
            What::Rejected(_) => *rejected += 1,
            What::Unlocked | What::Other => {}
        }
    }
    for (device, known) in learn(calls) {
        let (accepted, rejected) = events.get(&device).copied().unwrap_or_default();
        let mut hold = |name: &str, events: usize, told: &BTreeMap<Attempt, usize>, lost: usize| {
            if !(told.len()..=told.len() + lost).contains(&events) {
                let told_to = told.len();
                let says =
                    format!("{device}: {events} events of {name} proofs, {told_to} were told, {lost} lost");
                let calls = told.values().copied().collect();
                found.push(Violation { promise: Promise::Log, says, calls });
            }
        };
        hold("accepted", accepted, &known.accepted, known.lost_right.len());
        hold("rejected", rejected, &known.rejected, known.lost.len());
    }
    found
}

fn learn(calls: &[Call]) -> BTreeMap<Arc<str>, Known> {
    let mut all: BTreeMap<Arc<str>, Known> = BTreeMap::new();
    for (at, call) in calls.iter().enumerate() {
        let Some((device, code)) = call.asked.proof() else { continue };
        let known = all.entry(device.clone()).or_default();
        let attempt = attempt(calls, at);
        match call.answer {
            Answer::Accepted => drop(known.accepted.entry(attempt).or_insert(at)),
            Answer::Rejected { .. } => drop(known.rejected.entry(attempt).or_insert(at)),
            Answer::Lost(_) => {
                if code != Code::Wrong {
                    known.lost_right.insert(attempt.clone());
                }
                known.lost.insert(attempt);
            }
            Answer::NotJudged(_) | Answer::Enrolled(_) | Answer::Done | Answer::Refused(_) => {}
        }
    }
    for known in all.values_mut() {
        let is_told =
            |attempt: &Attempt| known.accepted.contains_key(attempt) || known.rejected.contains_key(attempt);
        let open = |lost: &BTreeSet<Attempt>| lost.iter().filter(|a| !is_told(a)).cloned().collect();
        (known.lost, known.lost_right) = (open(&known.lost), open(&known.lost_right));
    }
    all
}
