//! What is known of a subject as a whole.

use futures_util::FutureExt as _;

use super::unit::{Once, Reply, Step};
use super::{Service, unnamed};
use crate::auth::{Grant, rpc};
use crate::domain::device::State;
use crate::domain::event::{Event, What};
use crate::domain::ids::Subject;
use crate::domain::kind::Kind;
use crate::domain::moment::Moment;
use crate::error::Error;
use crate::kinds;
use crate::store::{Change, Commit};

/// A subject, summed up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The kinds of the active devices that can still prove something, each once.
    pub active_kinds: Vec<Kind>,
    /// Recovery codes left in active lists.
    pub recovery_codes_remaining: u32,
    /// Failures of attempts without a device id.
    pub failures: u32,
    /// The moment before which no attempt without a device id is judged.
    pub retry_at: Option<Moment>,
}

impl Service {
    /// Sums a subject up. One that was never seen has no devices: that is not an error.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn summary(&self, grant: &Grant<rpc::GetSubject>, subject: &Subject) -> Result<Summary, Error> {
        let caller = grant.caller();
        let (state, devices) = self.devices_of(&caller.tenant, subject).await?;
        let (mut active_kinds, mut recovery_codes_remaining) = (Vec::new(), 0);
        for device in devices.iter().filter(|device| device.state == State::Active) {
            // A device that only a newer release can use protects the subject all the same.
            let remaining = kinds::state(device)?.and_then(|state| state.remaining());
            // A list of codes that are all used proves nothing any more.
            if remaining != Some(0) {
                active_kinds.push(device.kind.clone());
            }
            recovery_codes_remaining += remaining.unwrap_or(0);
        }
        active_kinds.sort_unstable();
        active_kinds.dedup();
        let throttle = &self.policy(caller).throttle;
        let retry_at = unnamed::retry_at(throttle, &state, &devices, self.clock.now());
        Ok(Summary { active_kinds, recovery_codes_remaining, failures: state.failures.count, retry_at })
    }

    /// Clears the failures of attempts that named no device. Returns how many there were. Devices keep theirs.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn unlock_subject(
        &self,
        grant: &Grant<rpc::UnlockSubject>,
        subject: &Subject,
        once: Option<Once<u32>>,
    ) -> Result<Reply<u32>, Error> {
        let caller = grant.caller();
        self.unit(caller, subject, once, move |_| {
            async move {
                let (state, devices) = self.devices_of(&caller.tenant, subject).await?;
                let count = state.failures.count;
                if count == 0 {
                    return Ok(Step::Answer(0));
                }
                let now = self.clock.now();
                let event = Event::about(&caller.tenant, subject, What::SubjectUnlocked, &caller.name, now)
                    .with("failures", count);
                let next = state.cleared(!devices.is_empty(), now);
                Ok(Step::Commit(Commit::new(event).change(Change::Subject(next)), count))
            }
            .boxed()
        })
        .await
    }
}
