//! Guesses are judged as the back-off allows: by what callers were told, and by what the audit log says.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign::domain::moment::Moment;

use super::{Aftermath, Begun, Noted, Promise, Rules, Violation, What};
use crate::history::{Answer, Call};

/// Moments of two processes are so far from each other at most, in microseconds: all read one machine's clock.
const SLACK: i64 = 2_000;

pub(super) fn check(calls: &[Call], after: &Aftermath, rules: &Rules, begun: &Begun) -> Vec<Violation> {
    let mut found = by_answers(calls, begun);
    let mut by_device: BTreeMap<&Arc<str>, Vec<&Noted>> = BTreeMap::new();
    for event in &after.events {
        by_device.entry(&event.device).or_default().push(event);
    }
    for (device, mut events) in by_device {
        events.sort_by_key(|event| event.at);
        found.extend(by_events(device, &events, rules));
    }
    found
}

/// Nothing is judged between a failure that was told and the moment that was told with it.
fn by_answers(calls: &[Call], begun: &Begun) -> Vec<Violation> {
    let mut by_device: BTreeMap<&Arc<str>, Vec<usize>> = BTreeMap::new();
    for (at, call) in calls.iter().enumerate().filter(|(_, call)| call.answer.is_judged()) {
        if let Some((device, _)) = call.asked.proof() {
            by_device.entry(device).or_default().push(at);
        }
    }
    let mut found = Vec::new();
    for (device, mut judged) in by_device {
        // A retry is told the first answer again: it was not judged then.
        judged.sort_by_key(|at| calls[*at].begin);
        let mut waits: Option<(usize, Moment)> = None;
        let mut by_end = judged.clone();
        by_end.sort_by_key(|at| calls[*at].end);
        let mut by_end = by_end.into_iter().peekable();
        for at in judged {
            while let Some(failed) = by_end.next_if(|failed| calls[*failed].end <= calls[at].begin) {
                if let Answer::Rejected { retry_at: Some(until), .. } = calls[failed].answer
                    && waits.is_none_or(|(_, waits)| until > waits)
                {
                    waits = Some((failed, until));
                }
            }
            if let Some((failed, until)) = waits
                && calls[at].end.micros() + SLACK < until.micros()
                && super::began(&calls[at], begun) == calls[at].begin
            {
                let says = format!("a proof for {device} is judged before its back-off is over");
                found.push(Violation { promise: Promise::Guesses, says, calls: vec![failed, at] });
            }
        }
    }
    found
}

/// Between two events that judge, there is the delay of the failures before.
fn by_events(device: &str, events: &[&Noted], rules: &Rules) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut failures = 0;
    let mut last: Option<Moment> = None;
    for event in events {
        if !matches!(event.what, What::Accepted | What::Rejected(_)) {
            if event.what == What::Unlocked {
                (failures, last) = (0, None);
            }
            continue;
        }
        let delay = rules.throttle.delay(failures);
        let mut violation = |says: String| {
            found.push(Violation { promise: Promise::Guesses, says, calls: Vec::new() });
        };
        if let Some(last) = last
            && event.at < last.plus(delay)
        {
            let after = event.at.since(last);
            violation(format!(
                "{device} judged {after:?} after failure {failures}, whose delay is {delay:?}"
            ));
        }
        match event.what {
            What::Rejected(count) => {
                failures += 1;
                if count != failures {
                    violation(format!("{device} counts {count} failures in a row after {failures}"));
                    failures = count;
                }
                last = Some(event.at);
            }
            _ => (failures, last) = (0, None),
        }
    }
    found
}
