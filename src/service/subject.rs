//! What is known of a subject as a whole.

use super::Service;
use crate::auth::{Grant, rpc};
use crate::domain::device::{Kind, State, SubjectState};
use crate::domain::ids::Subject;
use crate::error::Error;
use crate::kinds::registry;

/// A subject, summed up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The kinds of the active devices that can still prove something, each once.
    pub active_kinds: Vec<Kind>,
    /// Recovery codes left in active lists.
    pub recovery_codes_remaining: u32,
    /// What is kept of attempts that named no device.
    pub state: SubjectState,
}

impl Service {
    /// Sums a subject up. One that was never seen has no devices: that is not an error.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn summary(&self, grant: &Grant<rpc::GetSubject>, subject: &Subject) -> Result<Summary, Error> {
        let (state, devices) = self.devices_of(&grant.caller().tenant, subject).await?;
        let (mut active_kinds, mut recovery_codes_remaining) = (Vec::new(), 0);
        for device in devices.iter().filter(|device| device.state == State::Active) {
            let remaining = registry::kind(device.kind).remaining(&device.detail)?;
            // A list of codes that are all used proves nothing any more.
            if remaining != Some(0) {
                active_kinds.push(device.kind);
            }
            recovery_codes_remaining += remaining.unwrap_or(0);
        }
        active_kinds.sort_unstable();
        active_kinds.dedup();
        Ok(Summary { active_kinds, recovery_codes_remaining, state })
    }
}
