//! A proof without the name of a device: every active device that it could come from is tried, and a
//! failure is booked once, on the subject.
//!
//! Such attempts have a [back-off](unnamed) of their own, and no lock: anybody who knows a subject's id can fail here, and
//! must not lock the user out.
//!
//! Every attempt, right or wrong, is committed over the version of the subject that it was judged from, so parallel
//! attempts gain nothing. The failure counts of devices that did not match stay as they are. A subject that was never
//! seen answers like one whose devices do not match, back-off included.

use std::cmp::Reverse;

use super::judge::Judgement;
use super::own_replay::OWN_REPLAY;
use super::unit::{May, Step};
use super::verify::{Attempt, Tried, commit};
use super::{Service, unnamed};
use crate::auth::Caller;
use crate::domain::device::{Device, State, SubjectState};
use crate::domain::event::{Event, What};
use crate::domain::moment::Moment;
use crate::domain::proof::{Offered, Reject, Verdict};
use crate::error::Error;
use crate::kinds;
use crate::store::{Change, Commit, Standing, Wanted};

/// What trying one device after the other came to.
enum Tries {
    /// One accepted. `is_guess`: to a device that judged it first, it was a wrong guess.
    Accepted { next: Box<Device>, events: Vec<Event>, is_guess: bool },
    /// None did; at least one looked, or there was none to look.
    Rejected(Reject),
    /// This device rejected the proof as a replay, and no other one looked.
    Replayed(Box<Device>),
    /// The proof must be judged, and this try [may not](May::Look).
    Pending,
    /// All that could have looked are throttled.
    Throttled { retry_at: Moment },
    /// All that could have looked are locked or suspended, or written by a newer release.
    Unavailable,
}

impl Service {
    /// Tries a proof on every device that it could come from.
    pub(super) async fn try_all(
        &self,
        caller: &Caller,
        attempt: &Attempt,
        may: May,
    ) -> Result<Step<Tried>, Error> {
        self.check_question(attempt)?;
        let now = self.clock.now();
        let wanted = Wanted::Here(attempt.context(), now);
        let standing = self.standing_of(&caller.tenant, &attempt.subject, wanted).await?;
        let (state, devices) = (&standing.state, &standing.devices);
        let answer = |verdict| Ok(Step::Answer(Tried::of(verdict, None)));
        if !could_be_code(&attempt.offered) {
            return answer(Verdict::Rejected { reason: Reject::Malformed, retry_at: None });
        }
        if let Some(retry_at) = unnamed::retry_at(&self.policy(caller).throttle, state, devices, now) {
            return answer(Verdict::Throttled { retry_at });
        }
        match self.try_each(caller, attempt, &standing, now, may)? {
            Tries::Throttled { retry_at } => answer(Verdict::Throttled { retry_at }),
            Tries::Unavailable => answer(Verdict::Unavailable),
            Tries::Accepted { next, events, is_guess } => {
                let mut judged = state.clone();
                if is_guess {
                    judged.failures = self.policy(caller).throttle.failed(state.failures, now);
                }
                let subject = unnamed::after_success(&judged, &next, devices, now);
                let progress = Change::Progress(next.clone());
                let commit = commit(events)?.change(Change::Subject(subject)).change(progress);
                self.prove(caller, attempt, *next, Some(&standing), now, commit).await
            }
            Tries::Pending => Ok(Step::Judge),
            Tries::Replayed(device) if self.is_own_replay(caller, attempt, &device, now).await? => {
                answer(OWN_REPLAY)
            }
            Tries::Replayed(_) => self.book(caller, attempt, &standing, Reject::Replayed, now),
            Tries::Rejected(reason) => self.book(caller, attempt, &standing, reason, now),
        }
    }

    /// Tries a proof on one device after the other, the most recently used first, until one accepts it or finds it
    /// replayed.
    ///
    /// To a device that rejects what a later one accepts, an attacker's own code may have been a guess. It counts as a
    /// failure, which is forgiven to the device that accepted. In this order that is rare: once after another device was
    /// used.
    fn try_each(
        &self,
        caller: &Caller,
        attempt: &Attempt,
        standing: &Standing,
        now: Moment,
        may: May,
    ) -> Result<Tries, Error> {
        let mut devices = standing.devices.clone();
        devices.sort_by_key(|device| Reverse(device.used_at));
        let (mut looked, mut shut) = (None, false);
        let mut retry_at: Option<Moment> = None;
        let (mut is_pending, mut is_guess) = (false, false);
        let mut fault = None;
        for device in &devices {
            let judgement = match self.try_one(caller, attempt, &standing.state, device, now, may) {
                Ok(Some(judgement)) => judgement,
                Ok(None) => continue,
                // The others are judged and counted all the same: who can break one device must not get
                // free guesses at them.
                Err(Error::Fault(broken)) => {
                    tracing::error!(device = device.id.as_str(), error = %broken, "a device cannot be read, and is left out");
                    fault = Some(broken);
                    continue;
                }
                Err(refused) => return Err(refused),
            };
            match judgement {
                Judgement::Counted { verdict: Verdict::Accepted, next, events } => {
                    return Ok(Tries::Accepted { next, events, is_guess });
                }
                Judgement::Counted { verdict: Verdict::Rejected { reason, .. }, .. } => {
                    is_guess |= kinds::can_be_guessed(device);
                    match (reason, looked) {
                        (Reject::Replayed, None) => return Ok(Tries::Replayed(Box::new(device.clone()))),
                        // Counted: to the device that looked before, it was a guess.
                        (Reject::Replayed, Some(_)) => return Ok(Tries::Rejected(reason)),
                        _ => looked = Some(reason),
                    }
                }
                Judgement::Pending => is_pending = true,
                Judgement::Uncounted(Verdict::Throttled { retry_at: at }) => {
                    retry_at = Some(retry_at.map_or(at, |earlier| earlier.min(at)));
                }
                Judgement::Uncounted(Verdict::Unavailable) => shut = true,
                Judgement::Counted { .. } | Judgement::Uncounted(_) => {}
            }
        }
        if let Some(fault) = fault
            && (looked, retry_at, shut, is_pending) == (None, None, false, false)
        {
            return Err(fault.into());
        }
        Ok(match (looked, retry_at, shut) {
            _ if is_pending => Tries::Pending,
            (Some(reason), ..) => Tries::Rejected(reason),
            (None, Some(retry_at), _) => Tries::Throttled { retry_at },
            (None, None, true) => Tries::Unavailable,
            // Without any device the failure takes a turn, too: a stranger cannot tell the difference.
            (None, None, false) if may == May::Look => Tries::Pending,
            (None, None, false) => Tries::Rejected(Reject::Mismatch),
        })
    }

    /// Tries a proof on one device. `None`: it is pending, or the proof cannot be one of this device.
    fn try_one(
        &self,
        caller: &Caller,
        attempt: &Attempt,
        subject: &SubjectState,
        device: &Device,
        now: Moment,
        may: May,
    ) -> Result<Option<Judgement>, Error> {
        if device.state == State::Pending {
            return Ok(None);
        }
        // A newer release may know it.
        let Some(known) = kinds::state(device)? else {
            return Ok(Some(Judgement::Uncounted(Verdict::Unavailable)));
        };
        if !known.could_accept(&attempt.offered) {
            return Ok(None);
        }
        if device.state != State::Active {
            return Ok(Some(Judgement::Uncounted(Verdict::Unavailable)));
        }
        let throttle = &self.policy(caller).throttle;
        if let Some(retry_at) = unnamed::device_retry_at(throttle, subject, device, now) {
            return Ok(Some(Judgement::Uncounted(Verdict::Throttled { retry_at })));
        }
        let judgement = self.judge(
            caller,
            device,
            now,
            may,
            |_| true,
            |state, secret, cx| Ok(state.judge(secret, &attempt.offered, cx)?),
        )?;
        Ok(Some(judgement))
    }

    /// Books one failure on the subject.
    fn book(
        &self,
        caller: &Caller,
        attempt: &Attempt,
        standing: &Standing,
        reason: Reject,
        now: Moment,
    ) -> Result<Step<Tried>, Error> {
        let Standing { state, devices, .. } = standing;
        let throttle = &self.policy(caller).throttle;
        let failures = throttle.failed(state.failures, now);
        let about = |what| Event::about(&caller.tenant, &attempt.subject, what, &caller.name, now);
        let event =
            about(What::ProofRejected).with("reason", reason.as_str()).with("failures", failures.count);
        let next = SubjectState { failures, ..state.successor() };
        let retry_at = unnamed::retry_at(throttle, &next, devices, now);
        let verdict = Verdict::Rejected { reason, retry_at };
        Ok(Step::Commit(Commit::new(event).change(Change::Subject(next)), Tried::of(verdict, None)))
    }
}

/// Whether this could be a code of any device that a subject might have. It must not depend on the devices
/// that the subject does have: the answer would tell a stranger whether there are any. Parsing has turned pasted white
/// space into plain spaces.
fn could_be_code(offered: &Offered) -> bool {
    let Offered::Code(code) = offered;
    let text = code.expose();
    let printable = text.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    let length = text.bytes().filter(|b| !matches!(b, b' ' | b'-')).count();
    printable && (6..=64).contains(&length)
}
