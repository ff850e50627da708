//! Values as messages.

use crate::domain::device::{Device, Failures, State};
use crate::domain::moment::Moment;
use crate::domain::policy::Policy;
use crate::domain::proof::{Reject, Verdict};
use crate::error::Error;
use crate::kinds;
use crate::service::{Joint, Summary, Tried};
use crate::wire::convert::{kind, timestamp};
use crate::wire::evidence::evidence;
use crate::wire::pb;

/// A device as callers see it. Holds no secret.
pub(super) fn device(device: &Device, policy: &Policy, now: Moment) -> Result<pb::Device, Error> {
    Ok(pb::Device {
        id: device.id.to_string(),
        subject: device.subject.to_string(),
        kind: kind(&device.kind).into(),
        state: state(device.state).into(),
        name: device.name.to_string(),
        preferred: device.preferred,
        create_time: Some(timestamp(device.created_at)),
        confirm_time: device.confirmed_at.map(timestamp),
        last_used_time: device.used_at.map(timestamp),
        expire_time: device.expires_at.map(timestamp),
        throttle: Some(throttle(device.failures, policy, now)),
        etag: etag(device.version),
        detail: kinds::state(device)?.map(|state| state.detail()),
    })
}

/// How fast codes may be tried.
pub(super) fn throttle(failures: Failures, policy: &Policy, now: Moment) -> pb::Throttle {
    pb::Throttle {
        failure_count: failures.count,
        retry_time: policy.throttle.retry_at(failures, now).map(timestamp),
        failures_until_lock: policy.throttle.lock_after.saturating_sub(failures.count),
    }
}

/// The throttle of attempts without a device id. They are never locked, so `failures_until_lock` is 0.
pub(super) fn subject_throttle(summary: &Summary) -> pb::Throttle {
    pb::Throttle {
        failure_count: summary.failures,
        retry_time: summary.retry_at.map(timestamp),
        failures_until_lock: 0,
    }
}

/// A version as an opaque tag.
pub(super) fn etag(version: i64) -> String {
    format!("v{version}")
}

/// The version that a tag names.
pub(super) fn version(tag: &str) -> Option<i64> {
    let version = tag.strip_prefix('v')?.parse().ok()?;
    // `v+1` and `v01` are no tags that were ever given.
    (etag(version) == tag).then_some(version)
}

/// What is now proved.
pub(super) fn proved(tried: &Tried) -> Option<pb::Evidence> {
    tried
        .evidence
        .as_ref()
        .zip(tried.device.as_ref())
        .map(|(proved, device)| evidence(&device.subject, proved))
}

/// What became of a proof.
pub(super) fn verdict(verdict: Verdict) -> pb::Verdict {
    let (outcome, reason, retry_at) = match verdict {
        Verdict::Accepted => (pb::Outcome::Accepted, None, None),
        Verdict::Rejected { reason, retry_at } => (pb::Outcome::Rejected, Some(reason), retry_at),
        Verdict::Throttled { retry_at } => (pb::Outcome::Throttled, None, Some(retry_at)),
        Verdict::Unavailable => (pb::Outcome::Unavailable, None, None),
    };
    pb::Verdict {
        outcome: outcome.into(),
        reject_reason: reason.map_or(pb::RejectReason::Unspecified, reject).into(),
        retry_time: retry_at.map(timestamp),
    }
}

fn reject(reason: Reject) -> pb::RejectReason {
    match reason {
        Reject::Mismatch => pb::RejectReason::Mismatch,
        Reject::Replayed => pb::RejectReason::Replayed,
        Reject::Malformed => pb::RejectReason::Malformed,
    }
}

/// Why there is no joint decision.
pub(super) fn joint_absence(joint: &Joint) -> pb::JointAbsence {
    match joint {
        Joint::None | Joint::Decided(_) => pb::JointAbsence::Unspecified,
        Joint::TooComplex => pb::JointAbsence::TooComplex,
    }
}

/// A state as the protobuf names it.
pub(super) fn state(state: State) -> pb::DeviceState {
    match state {
        State::Pending => pb::DeviceState::Pending,
        State::Active => pb::DeviceState::Active,
        State::Suspended => pb::DeviceState::Suspended,
        State::Locked => pb::DeviceState::Locked,
    }
}

/// The state that a number on the wire names.
pub(super) fn state_of(number: i32) -> Option<State> {
    State::ALL.into_iter().find(|s| state(*s) as i32 == number)
}
