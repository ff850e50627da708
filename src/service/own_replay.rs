//! A form that is submitted twice: one session offers a code again that was accepted from it moments ago. The second
//! one is refused like every replay, and it is no guess: a session that just proved the device gains nothing by
//! knowing that its code is used up.

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

/// How long after a code was accepted the same session may offer it again without being taken for a guesser.
const MOMENTS: Duration = Duration::from_secs(60);

/// The answer: not counted, so nothing has to be waited for.
pub(super) const OWN_REPLAY: Verdict = Verdict::Rejected { reason: Reject::Replayed, retry_at: None };

impl Service {
    /// Whether a replay comes from a session from which one of these devices was proved moments ago. Reads the
    /// subject anew, and holds only where the devices were judged as they are now: what is not committed must come
    /// from a fresh reading.
    pub(super) async fn is_own_replay(
        &self,
        caller: &Caller,
        attempt: &Attempt,
        devices: &[&Device],
        now: Moment,
    ) -> Result<bool, Error> {
        let Some(session) = &attempt.context().session else { return Ok(false) };
        // The evidence of a session may be for a transaction, which the context that offers it again names, too.
        let wanted = Wanted::Here(attempt.context(), now);
        let standing = self.standing_of(&caller.tenant, &attempt.subject, wanted).await?;
        let is_recent = |evidence: &Evidence| {
            evidence.binding.session.as_ref() == Some(session)
                && evidence.verified_at <= now
                && evidence.verified_at.plus(MOMENTS) > now
        };
        Ok(devices.iter().any(|judged| {
            let is_current = |found: &Device| found.id == judged.id && found.version == judged.version;
            standing.devices.iter().any(is_current)
                && standing
                    .evidence
                    .iter()
                    .any(|one| one.method.device_id() == Some(&judged.id) && is_recent(one))
        }))
    }
}
