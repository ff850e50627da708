//! The first set-up of a subject: the session that makes its first device may finish what it began.
//!
//! Applications enroll an authenticator app, show recovery codes, and confirm the app, in any order. The first of
//! these devices guards the subject at once, and recovery codes that were only shown are not proved, so the guard would
//! refuse the rest. Therefore the commit that makes the first device notes its session. For as long as a pending device
//! may wait, that session may enroll, confirm and issue. No other session may, and to remove or resume needs evidence.

use std::time::Duration;

use super::guard::Guarded;
use crate::assurance::counting::CLOCK_SKEW;
use crate::domain::context::Context;
use crate::domain::device::{Opening, State, SubjectState};
use crate::domain::ids::SessionId;
use crate::domain::moment::Moment;
use crate::store::Standing;

/// True if the subject has a device that is not pending. A locked or suspended one guards, too.
fn is_guarded(standing: &Standing) -> bool {
    standing.devices.iter().any(|device| device.state != State::Pending)
}

/// True if a guarded call needs no evidence: nothing guards the subject yet, or its first set-up goes on in this
/// session.
pub(super) fn lets_pass(
    guarded: Guarded,
    standing: &Standing,
    context: &Context,
    pending_for: Duration,
    now: Moment,
) -> bool {
    if !is_guarded(standing) {
        return true;
    }
    let is_set_up = matches!(guarded, Guarded::Enroll | Guarded::EnrollCodes | Guarded::Recover);
    // An opening in the future comes from a clock that was ahead, and would stay open for too long.
    let is_open = |opening: &Opening| {
        context.session.as_ref() == Some(&opening.session)
            && opening.at <= now.plus(CLOCK_SKEW)
            && now < opening.at.plus(pending_for)
    };
    is_set_up && standing.state.opening.as_ref().is_some_and(is_open)
}

/// The opening after a call that makes a guarding device: a new one, if it is the first.
pub(super) fn begun(standing: &Standing, context: Option<&Context>, now: Moment) -> Option<Opening> {
    if is_guarded(standing) {
        return kept(&standing.state, context);
    }
    let session = context.and_then(|context| context.session.clone());
    session.map(|session| Opening { session, at: now })
}

/// The opening after any other guarded call that adds. A call from its own session keeps it. A call from elsewhere ends
/// it: that call proved a device, or is an operator's.
pub(super) fn kept(state: &SubjectState, context: Option<&Context>) -> Option<Opening> {
    let session = context.and_then(|context| context.session.as_ref());
    state.opening.clone().filter(|opening| Some(&opening.session) == session)
}

/// The same state, in which the first set-up is over.
pub(super) fn closed(state: SubjectState) -> SubjectState {
    SubjectState { opening: None, ..state }
}

/// True if the first set-up goes on in that session.
pub(super) fn is_of(state: &SubjectState, session: &SessionId) -> bool {
    state.opening.as_ref().is_some_and(|opening| opening.session == *session)
}
