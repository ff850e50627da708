//! The same `request_id` gets the same answer: once there is one that was written, all later ones are that.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Promise, Violation};
use crate::history::{Answer, Asked, Call};

pub(super) fn check(calls: &[Call]) -> Vec<Violation> {
    let mut by_id: BTreeMap<&Arc<str>, Vec<usize>> = BTreeMap::new();
    for (at, call) in calls.iter().enumerate() {
        if let Some(id) = &call.id {
            by_id.entry(id).or_default().push(at);
        }
    }
    by_id.into_values().filter(|same| same.len() > 1).flat_map(|same| differing(calls, &same)).collect()
}

fn differing(calls: &[Call], same: &[usize]) -> Vec<Violation> {
    let written = |at: &&usize| is_written(&calls[**at]);
    let Some(first) = same.iter().filter(written).min_by_key(|at| calls[**at].end) else { return Vec::new() };
    let differs = |at: &usize| {
        let (call, first) = (&calls[*at], &calls[*first]);
        let is_later = call.begin >= first.end;
        let is_open = match &call.answer {
            Answer::Lost(_) => true,
            // Nobody looked.
            Answer::Refused(why) => why == "OVERLOADED" || why == "DRAINING" || why == "STALE",
            _ => false,
        };
        call.answer != first.answer && !is_open && (is_later || is_written(call))
    };
    let others = same.iter().copied().filter(differs);
    let say = |other| Violation {
        promise: Promise::Retry,
        says: format!("two answers to the request {:?}", calls[*first].id.as_deref().unwrap_or_default()),
        calls: vec![*first, other],
    };
    others.map(say).collect()
}

/// Whether an answer is one that is written down with its request id.
fn is_written(call: &Call) -> bool {
    match call.answer {
        Answer::Accepted | Answer::Rejected { .. } | Answer::Enrolled(_) => true,
        Answer::Done => matches!(call.asked, Asked::Delete(_)),
        Answer::NotJudged(_) | Answer::Refused(_) | Answer::Lost(_) => false,
    }
}
