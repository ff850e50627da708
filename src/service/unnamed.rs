//! The back-off of attempts without a device id.
//!
//! Their failures are counted once, for the subject, and delay each of its devices. A success without an id forgives only
//! the device that succeeded: an attacker who has one device of a subject could otherwise clear, with its codes, the delay
//! of guesses at another.

use crate::domain::device::{Device, Failures, State, SubjectState};
use crate::domain::moment::Moment;
use crate::domain::throttle::ThrottlePolicy;
use crate::kinds;

/// The moment before which no active device judges an attempt without an id; `None` if that is not in the future. The
/// delay that a device has by its own failures comes on top. A subject without an active device is delayed by all
/// failures, like one whose devices have accepted nothing.
pub(super) fn retry_at(
    policy: &ThrottlePolicy,
    state: &SubjectState,
    devices: &[Device],
    now: Moment,
) -> Option<Moment> {
    let throttle = policy.without_device();
    let active = devices.iter().filter(|device| device.state == State::Active);
    let each = active.map(|device| throttle.retry_at(failures_against(device, state), now));
    // `None` is the least: one device that judges now is enough.
    each.min().unwrap_or_else(|| throttle.retry_at(state.failures, now))
}

/// The moment before which this device judges no attempt without an id: the delay of such attempts and the device's own
/// must both be over. `None` if that is not in the future.
pub(super) fn device_retry_at(
    policy: &ThrottlePolicy,
    state: &SubjectState,
    device: &Device,
    now: Moment,
) -> Option<Moment> {
    let unnamed = policy.without_device().retry_at(failures_against(device, state), now);
    unnamed.max(policy.retry_at(device.failures, now))
}

/// The failures without an id that delay a device.
fn failures_against(device: &Device, state: &SubjectState) -> Failures {
    if state.failures.count == 0 {
        state.failures
    } else if kinds::can_be_guessed(device) {
        state.failures_since_success_of(&device.id)
    } else {
        state.failures_since_any_success()
    }
}

/// The subject after a success of `accepted` without an id, one of its `devices`. Once no failure delays a device that can
/// be guessed, the count begins anew. Suspended and locked devices keep it from that: they may come back into use.
pub(super) fn after_success(
    state: &SubjectState,
    accepted: &Device,
    devices: &[Device],
    now: Moment,
) -> SubjectState {
    let mut next = state.successor();
    next.forgiven.retain(|id, _| devices.iter().any(|device| device.id == *id));
    next.forgiven.insert(accepted.id.clone(), next.failures.count);
    let is_delayed = |device: &Device| {
        device.state != State::Pending
            && kinds::can_be_guessed(device)
            && next.failures_since_success_of(&device.id).count > 0
    };
    if devices.iter().any(is_delayed) { next } else { state.cleared(true, now) }
}
