//! Counts and log lines of refusals that operators want to know of: unknown credentials, missing roles, missing proof.
//! The log gets at most one line a second for each reason, so that a flood of requests does not flood the log.

use std::sync::atomic::{AtomicU64, Ordering};

use super::lines::Lines;

/// Why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
#[derive(Debug, Default)]
pub struct Refused {
    each: [AtomicU64; Reason::ALL.len()],
    lines: Lines<Reason>,
}

impl Refused {
    /// Refusals for that reason since the start.
    #[must_use]
    pub fn count(&self, reason: Reason) -> u64 {
        self.each[reason as usize].load(Ordering::Relaxed)
    }

    /// Counts a refusal, and logs it unless a line was written within the last second.
    pub fn note(&self, reason: Reason, request: &Request<'_>) {
        self.each[reason as usize].fetch_add(1, Ordering::Relaxed);
        let Some(left_out) = self.lines.note(reason) else { return };
        let Request { rpc, caller, peer, message } = request;
        let (reason, caller) = (reason.as_str(), caller.unwrap_or("unknown"));
        tracing::warn!(reason, rpc, caller, peer, left_out, "a request was refused: {message}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
