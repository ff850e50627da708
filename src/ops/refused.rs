//! Counts and log lines of refusals that operators want to know of: unknown credentials, missing roles, missing proof.
//! The log gets at most one line a second for each reason, so that a flood of requests does not flood the log.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

/// Why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// No known credential.
    CallerUnknown,
    /// The caller lacks a role.
    RoleMissing,
    /// The user must prove more first.
    StepUpRequired,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 3] = [Self::CallerUnknown, Self::RoleMissing, Self::StepUpRequired];

    /// The name of the reason in log lines and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CallerUnknown => "caller_unknown",
            Self::RoleMissing => "role_missing",
            Self::StepUpRequired => "step_up_required",
        }
    }
}

/// The fields of the log line of a refused request. The credential is none of them.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The path of the RPC.
    pub rpc: &'a str,
    /// The caller's name, where it is known.
    pub caller: Option<&'a str>,
    /// The other end of the connection: an address, or the user id on the Unix socket.
    pub peer: &'a str,
    /// The message that the caller got.
    pub message: &'a str,
}

/// Counts refusals since the start.
#[derive(Debug)]
pub struct Refused {
    start: Instant,
    each: [Counter; Reason::ALL.len()],
}

#[derive(Debug, Default)]
struct Counter {
    /// All refusals.
    all: AtomicU64,
    /// Refusals without a log line since the last line.
    untold: AtomicU64,
    /// The second since the start from which the next line may be written.
    next: AtomicU64,
}

impl Default for Refused {
    fn default() -> Self {
        Self { start: Instant::now(), each: Default::default() }
    }
}

impl Refused {
    /// Refusals for that reason since the start.
    #[must_use]
    pub fn count(&self, reason: Reason) -> u64 {
        self.each[reason as usize].all.load(Ordering::Relaxed)
    }

    /// Counts a refusal, and logs it unless a line was written within the last second.
    pub fn note(&self, reason: Reason, request: &Request<'_>) {
        let Some(left_out) = self.each[reason as usize].note(self.start.elapsed().as_secs()) else { return };
        let Request { rpc, caller, peer, message } = request;
        let (reason, caller) = (reason.as_str(), caller.unwrap_or("unknown"));
        tracing::warn!(reason, rpc, caller, peer, left_out, "a request was refused: {message}");
    }
}

impl Counter {
    /// Counts a refusal. If it is to be logged, returns how many were not since the last line.
    fn note(&self, second: u64) -> Option<u64> {
        self.all.fetch_add(1, Ordering::Relaxed);
        let next = self.next.load(Ordering::Relaxed);
        let is_mine = second >= next
            && self.next.compare_exchange(next, second + 1, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if is_mine {
            return Some(self.untold.swap(0, Ordering::Relaxed));
        }
        self.untold.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_many_in_a_second_is_logged_and_says_how_many_were_not() {
        let counter = Counter::default();
        let told: Vec<_> = [0, 0, 0, 1, 2, 2].into_iter().map(|second| counter.note(second)).collect();
        assert_eq!(told, [Some(0), None, None, Some(2), Some(0), None]);
        assert_eq!(counter.all.load(Ordering::Relaxed), 6);
    }

    #[test]
    fn each_reason_is_counted_by_itself() {
        let refused = Refused::default();
        let request = Request { rpc: "/a.B/C", caller: None, peer: "uid 7", message: "no" };
        for (times, reason) in (1..).zip(Reason::ALL) {
            (0..times).for_each(|_| refused.note(reason, &request));
        }
        assert_eq!(Reason::ALL.map(|reason| refused.count(reason)), [1, 2, 3]);
    }
}
