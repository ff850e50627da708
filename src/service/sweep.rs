//! Clearing away what has run out.

use std::time::Duration;

use super::Service;
use crate::domain::event::{Event, What};
use crate::domain::ids::CallerName;
use crate::domain::throttle::LONGEST_DELAY;
use crate::error::Error;
use crate::store::{Change, Commit, Outcome, Standing, Wanted};

/// Expired devices in one round at most.
const ROUND: u64 = 500;
/// The time for which failures of a subject without devices are kept. Longer than any back-off: a back-off that ended
/// early would tell a stranger that the subject has no device.
const STRANGERS_FOR: Duration = Duration::from_secs(48 * 3600);
const _: () = assert!(STRANGERS_FOR.as_secs() > LONGEST_DELAY.as_secs());

/// What was cleared away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Pending devices that were not confirmed in time.
    pub devices: u64,
    /// Request records.
    pub requests: u64,
    /// Pieces of evidence.
    pub evidence: u64,
    /// Sessions that were signed out.
    pub revocations: u64,
    /// Remembered clients.
    pub clients: u64,
    /// Subjects of whom nothing is kept.
    pub strangers: u64,
}

impl Service {
    /// Clears away what has run out. Replicas may do so at the same time.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn sweep(&self) -> Result<Swept, Error> {
        let now = self.clock.now();
        let me = CallerName::trusted("countersign");
        let mut swept = Swept::default();
        for device in self.store.expired_devices(now, ROUND).await? {
            let Standing { state, devices, .. } =
                self.store.standing(&device.tenant, &device.subject, Wanted::Devices).await?;
            let mut commit = Commit::new(Event::of(&device, What::DeviceExpired, &me, now))
                .change(Change::Delete(Box::new(device.clone())));
            if devices.len() == 1 {
                commit = commit.change(Change::Subject(state.bereft(now)));
            }
            // Stale: it was confirmed, removed, or swept by another replica.
            if self.store.commit(commit).await? == Outcome::Done {
                swept.devices += 1;
            }
        }
        swept.requests = self.store.forget_requests(now).await?;
        swept.evidence = self.store.forget_evidence(now).await?;
        swept.revocations = self.store.forget_revocations(now).await?;
        swept.clients = self.store.forget_clients(now).await?;
        // Last: nothing stands in their way any more that has run out.
        swept.strangers = self.store.forget_strangers(now.minus(STRANGERS_FOR)).await?;
        Ok(swept)
    }
}
