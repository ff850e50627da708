//! Use cases. Each public function is one unit of work: it reads, has a kind judge, decides and commits.
//! Only here do the clock, the rules and the store meet.

mod advice;
mod ahead;
mod client;
mod confirm;
mod device;
mod enroll;
mod evaluate;
mod evidence;
mod fan_out;
mod guard;
mod health;
mod judge;
mod opening;
mod own_replay;
mod patience;
mod planning;
mod prove;
mod recovery_codes;
mod requirements;
mod revisit;
mod revoke;
mod scene;
mod secret;
mod subject;
mod sweep;
mod unit;
mod unnamed;
mod update;
mod verify;
mod witness;

#[cfg(test)]
mod tests;

use std::sync::{Arc, RwLock};

pub use self::client::{CLIENTS_MAX, Remembered};
pub use self::device::{Listing, Removal, ResyncAttempt};
pub use self::enroll::{Enrolled, Enrollment};
pub use self::evaluate::{Decisions, Joint, Question};
pub use self::evidence::{NOWHERE_TO_COUNT, Testimony};
pub use self::health::{SKEW_MAX, Skew};
pub use self::recovery_codes::{Issue, Issued, Order};
pub use self::revisit::Kept;
pub use self::revoke::Revocation;
pub use self::subject::Summary;
pub use self::sweep::Swept;
pub use self::unit::{Once, Reply};
pub use self::update::DeviceUpdate;
pub use self::verify::{Attempt, Tried};

use crate::assurance::rulebook::Rulebook;
use crate::auth::Caller;
use crate::domain::device::Device;
use crate::domain::ids::{DeviceId, Subject};
use crate::domain::policy::{Policies, Policy};
use crate::domain::refusal::Refusal;
use crate::env::{Clock, Entropy};
use crate::error::Error;
use crate::store::Store;

/// Everything that the server can do, whoever asks and however it is asked.
pub struct Service {
    store: Store,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    policies: Policies,
    rulebook: RwLock<Arc<Rulebook>>,
    ahead: ahead::Ahead,
    planners: planning::Planners,
}

impl Service {
    /// Puts the use cases on a store.
    #[must_use]
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        policies: Policies,
        rulebook: Rulebook,
    ) -> Self {
        let rulebook = RwLock::new(Arc::new(rulebook));
        Self {
            store,
            clock,
            entropy,
            policies,
            rulebook,
            ahead: ahead::Ahead::default(),
            planners: planning::Planners::default(),
        }
    }

    /// Where state is kept.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The settings of a tenant, for what is shown of its devices.
    #[must_use]
    pub fn policies(&self) -> &Policies {
        &self.policies
    }

    /// What time it is to this service.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    fn policy(&self, caller: &Caller) -> &Policy {
        self.policies.of(&caller.tenant)
    }

    /// A device that is there: of this subject, and not an enrollment that has run out.
    async fn existing(&self, caller: &Caller, subject: &Subject, id: &DeviceId) -> Result<Device, Error> {
        let device = self.device_of(&caller.tenant, subject, id).await?;
        let now = self.clock.now();
        device.filter(|device| !device.is_expired(now)).ok_or_else(|| Refusal::DeviceNotFound.into())
    }

    fn new_id(&self) -> DeviceId {
        DeviceId::from_entropy(self.entropy.bytes())
    }
}
