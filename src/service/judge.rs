//! One judgement of one device: throttled, counted and used up the same way for every kind and every RPC
//! that takes a proof.

use super::Service;
use super::unit::May;
use crate::auth::Caller;
use crate::domain::device::Detail;
use crate::domain::device::{Device, Failures, State};
use crate::domain::event::{Event, What};
use crate::domain::moment::Moment;
use crate::domain::proof::{Reject, Verdict};
use crate::domain::secret::Secret;
use crate::error::Error;
use crate::kinds::{self, AnyState, Judging};

/// What a proof came to.
pub(super) enum Judgement {
    /// The proof must be judged, and this try [may not](May::Look).
    Pending,
    /// It was not looked at, or could not have been right: nothing changes.
    Uncounted(Verdict),
    /// It counts: the verdict holds once the device's next version is on disk.
    Counted {
        /// The verdict.
        verdict: Verdict,
        /// The device after it.
        next: Box<Device>,
        /// What happened.
        events: Vec<Event>,
    },
}

impl Service {
    /// Has the device's kind judge a proof, if `may` and the back-off allow it. `judge` calls the kind; `could_be` tells
    /// if the proof can be one of this device at all.
    pub(super) fn judge(
        &self,
        caller: &Caller,
        device: &Device,
        now: Moment,
        may: May,
        could_be: impl FnOnce(&dyn AnyState) -> bool,
        judge: impl FnOnce(&dyn AnyState, &Secret, &Judging<'_>) -> Result<kinds::Judgement<Detail>, Error>,
    ) -> Result<Judgement, Error> {
        let Some(state) = kinds::state(device)? else {
            return Ok(Judgement::Uncounted(Verdict::Unavailable));
        };
        let rejected = |reason, retry_at| Verdict::Rejected { reason, retry_at };
        if !could_be(state) {
            return Ok(Judgement::Uncounted(rejected(Reject::Malformed, None)));
        }
        let policy = self.policy(caller);
        if let Some(retry_at) = policy.throttle.retry_at(device.failures, now) {
            return Ok(Judgement::Uncounted(Verdict::Throttled { retry_at }));
        }
        if may == May::Look {
            return Ok(Judgement::Pending);
        }
        let secret = self.store.open(device)?;
        let cx = Judging { device: &device.id, policy, keyring: self.store.keyring(), now };
        let mut next = Box::new(device.successor());
        let reason = match judge(state, &secret, &cx)? {
            kinds::Judgement::Rejected(Reject::Malformed) => {
                return Ok(Judgement::Uncounted(rejected(Reject::Malformed, None)));
            }
            kinds::Judgement::Rejected(reason) => reason,
            kinds::Judgement::Accepted(detail) => {
                next.detail = detail;
                let exhausted = kinds::state(&next)?.and_then(|state| state.remaining()) == Some(0);
                next.failures = Failures::default();
                next.used_at = Some(now);
                let mut events = vec![Event::of(device, What::ProofAccepted, &caller.name, now)];
                if exhausted {
                    events.push(Event::of(device, What::CodesExhausted, &caller.name, now));
                }
                return Ok(Judgement::Counted { verdict: Verdict::Accepted, next, events });
            }
        };
        if state.is_ahead(now) {
            self.ahead.tell(device, now);
        }
        next.failures = policy.throttle.failed(device.failures, now);
        let mut events = vec![
            Event::of(device, What::ProofRejected, &caller.name, now)
                .with("reason", reason.as_str())
                .with("failures", next.failures.count),
        ];
        // A pending device does not lock: it is gone in minutes.
        if next.state == State::Active && policy.throttle.locks(next.failures) {
            next.state = State::Locked;
            events.push(Event::of(device, What::DeviceLocked, &caller.name, now));
        }
        let retry_at = policy.throttle.retry_at(next.failures, now);
        Ok(Judgement::Counted { verdict: rejected(reason, retry_at), next, events })
    }
}
