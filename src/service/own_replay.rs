//! A form that is submitted twice: a session offers a code again that it had accepted moments ago. It is refused as a
//! replay, and not counted as a failure: the session has just proved the device, and learns nothing.

use std::time::Duration;

use super::Service;
use super::verify::Attempt;
use crate::auth::Caller;
use crate::domain::device::Device;
use crate::domain::evidence::Evidence;
use crate::domain::moment::Moment;
use crate::domain::proof::{Reject, Verdict};
use crate::error::Error;
use crate::store::Wanted;

/// The time after an accepted code in which the same session may offer it again without a failure.
const MOMENTS: Duration = Duration::from_secs(60);

/// The verdict on such a replay. No failure is counted, so there is no back-off.
pub(super) const OWN_REPLAY: Verdict = Verdict::Rejected { reason: Reject::Replayed, retry_at: None };

impl Service {
    /// True if a replay comes from a session in which this device was proved moments ago. Reads the subject again, and
    /// compares the versions of the device: no commit checks this answer, so it must hold for the device as it is now.
    pub(super) async fn is_own_replay(
        &self,
        caller: &Caller,
        attempt: &Attempt,
        judged: &Device,
        now: Moment,
    ) -> Result<bool, Error> {
        let Some(session) = &attempt.context().session else { return Ok(false) };
        // The evidence may be for a transaction; the context of the second call names the same one.
        let wanted = Wanted::Here(attempt.context(), now);
        let standing = self.standing_of(&caller.tenant, &attempt.subject, wanted).await?;
        let is_recent = |evidence: &Evidence| {
            evidence.binding.session.as_ref() == Some(session)
                && evidence.verified_at <= now
                && evidence.verified_at.plus(MOMENTS) > now
        };
        let is_current = |found: &Device| found.id == judged.id && found.version == judged.version;
        let is_proof = |one: &Evidence| one.method.device_id() == Some(&judged.id) && is_recent(one);
        Ok(standing.devices.iter().any(is_current) && standing.evidence.iter().any(is_proof))
    }
}
