//! No code is accepted by two attempts, and none that an accepted one has used up.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Attempt, Begun, Promise, Violation, attempt};
use crate::history::{Answer, Call, Code, Sort};

pub(super) fn check(calls: &[Call], sorts: &BTreeMap<Arc<str>, Sort>, begun: &Begun) -> Vec<Violation> {
    let mut by_device: BTreeMap<&Arc<str>, Vec<(usize, Code)>> = BTreeMap::new();
    for (at, call) in calls.iter().enumerate().filter(|(_, call)| call.answer == Answer::Accepted) {
        if let Some((device, code)) = call.asked.proof() {
            by_device.entry(device).or_default().push((at, code));
        }
    }
    let mut found = Vec::new();
    for (device, accepted) in by_device {
        found.extend(twice(calls, device, &accepted));
        if sorts.get(device).is_some_and(|sort| *sort != Sort::List) {
            found.extend(used_up(calls, device, accepted, begun));
        }
    }
    found
}

/// Codes that two attempts were told to be theirs, and such that never were right.
fn twice(calls: &[Call], device: &str, accepted: &[(usize, Code)]) -> Vec<Violation> {
    let mut by_code: BTreeMap<Code, BTreeMap<Attempt, usize>> = BTreeMap::new();
    for (at, code) in accepted {
        by_code.entry(*code).or_default().entry(attempt(calls, *at)).or_insert(*at);
    }
    let mut found = Vec::new();
    for (code, attempts) in by_code {
        let calls: Vec<usize> = attempts.into_values().collect();
        let says = match code {
            Code::Wrong => format!("a code of {device} is accepted that never was right"),
            Code::Right(number) if calls.len() > 1 => {
                format!("code {number} of {device} is accepted {} times", calls.len())
            }
            Code::Right(_) => continue,
        };
        found.push(Violation { promise: Promise::Once, says, calls });
    }
    found
}

/// Codes that were accepted after one that used them up: it was known to be accepted before they were offered.
fn used_up(calls: &[Call], device: &str, mut accepted: Vec<(usize, Code)>, begun: &Begun) -> Vec<Violation> {
    // Retries get the first answer, whenever they come: what counts is when the first of them was begun.
    let began = |at: usize| super::began(&calls[at], begun);
    // By the time at which their answers were known: the highest of those known before each was offered.
    let mut known: Vec<(usize, Code)> = accepted.clone();
    known.sort_by_key(|(at, _)| calls[*at].end);
    accepted.sort_by_key(|(at, _)| began(*at));
    let (mut known, mut highest) = (known.into_iter().peekable(), None::<(Code, usize)>);
    let mut found = Vec::new();
    for (at, code) in accepted {
        while let Some((earlier, higher)) = known.next_if(|(earlier, _)| calls[*earlier].end <= began(at)) {
            if highest.is_none_or(|(highest, _)| higher > highest) {
                highest = Some((higher, earlier));
            }
        }
        if let Some((higher, earlier)) = highest
            && higher > code
            && higher != Code::Wrong
        {
            let says = format!("{code:?} of {device} is accepted after {higher:?}, which used it up");
            found.push(Violation { promise: Promise::Once, says, calls: vec![earlier, at] });
        }
    }
    found
}
