//! What happened, for the audit log. An event holds no code, no secret and no full address.

use std::collections::BTreeMap;

use super::device::Device;
use super::ids::{CallerName, DeviceId, Subject, Tenant};
use super::moment::Moment;

/// What happened. The names are stable: people search for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum What {
    /// A device was enrolled.
    DeviceEnrolled,
    /// A pending device was proved and is active.
    DeviceConfirmed,
    /// A device's name, preference or suspension changed.
    DeviceUpdated,
    /// A device was removed.
    DeviceDeleted,
    /// A pending device was not confirmed in time, or was replaced.
    DeviceExpired,
    /// A device failed too often and is locked.
    DeviceLocked,
    /// An operator cleared a device's failures.
    DeviceUnlocked,
    /// An operator set a device back that had accepted codes while the clock was ahead: it accepts current codes
    /// again.
    DeviceSetBack,
    /// A device was found again from consecutive codes.
    DeviceResynced,
    /// The database had forgotten what a device has accepted: it was written again.
    DeviceRolledBack,
    /// Recovery codes were made.
    CodesIssued,
    /// The last recovery code of a list was used.
    CodesExhausted,
    /// A proof was accepted.
    ProofAccepted,
    /// A proof was rejected and counted.
    ProofRejected,
    /// An operator cleared the failures of attempts that named no device.
    SubjectUnlocked,
    /// A subject without a device is let in for a while.
    SubjectGraced,
    /// What was proved elsewhere was recorded.
    EvidenceRecorded,
    /// Evidence was taken back.
    EvidenceRevoked,
    /// Evidence for a transaction was used up by a decision.
    EvidenceSpent,
    /// All evidence was taken back, everywhere.
    SubjectSignedOut,
    /// A browser or app is remembered.
    ClientRemembered,
    /// A browser or app is remembered no more.
    ClientForgotten,
}

impl What {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DeviceEnrolled => "device.enrolled",
            Self::DeviceConfirmed => "device.confirmed",
            Self::DeviceUpdated => "device.updated",
            Self::DeviceDeleted => "device.deleted",
            Self::DeviceExpired => "device.expired",
            Self::DeviceLocked => "device.locked",
            Self::DeviceUnlocked => "device.unlocked",
            Self::DeviceSetBack => "device.set_back",
            Self::DeviceResynced => "device.resynced",
            Self::DeviceRolledBack => "device.rolled_back",
            Self::CodesIssued => "codes.issued",
            Self::CodesExhausted => "codes.exhausted",
            Self::ProofAccepted => "proof.accepted",
            Self::ProofRejected => "proof.rejected",
            Self::SubjectUnlocked => "subject.unlocked",
            Self::SubjectGraced => "subject.graced",
            Self::EvidenceRecorded => "evidence.recorded",
            Self::EvidenceRevoked => "evidence.revoked",
            Self::EvidenceSpent => "evidence.spent",
            Self::SubjectSignedOut => "subject.signed_out",
            Self::ClientRemembered => "client.remembered",
            Self::ClientForgotten => "client.forgotten",
        }
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// In whose world.
    pub tenant: Tenant,
    /// When.
    pub at: Moment,
    /// What.
    pub what: What,
    /// About whom.
    pub subject: Subject,
    /// About which device.
    pub device: Option<DeviceId>,
    /// Who asked. The server itself is `countersign`.
    pub caller: CallerName,
    /// What else there is to know, by name.
    pub details: BTreeMap<&'static str, String>,
}

impl Event {
    /// Something happened to a device.
    #[must_use]
    pub fn of(device: &Device, what: What, caller: &CallerName, at: Moment) -> Self {
        let event = Self::about(&device.tenant, &device.subject, what, caller, at);
        Self { device: Some(device.id.clone()), ..event }.with("kind", device.kind.as_str())
    }

    /// Something happened to a subject.
    #[must_use]
    pub fn about(tenant: &Tenant, subject: &Subject, what: What, caller: &CallerName, at: Moment) -> Self {
        Self {
            tenant: tenant.clone(),
            at,
            what,
            subject: subject.clone(),
            device: None,
            caller: caller.clone(),
            details: BTreeMap::new(),
        }
    }

    /// Adds a detail.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.details.insert(name, value.to_string());
        self
    }
}
