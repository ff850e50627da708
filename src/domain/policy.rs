//! What a tenant sets: limits, defaults, and how fast proofs may be tried.

use std::collections::HashMap;
use std::time::Duration;

use super::ids::Tenant;
use super::setting::Settings;
use super::throttle::ThrottlePolicy;

/// Seconds of a day.
const DAY: u64 = 24 * 3600;

/// A tenant's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// What authenticator apps show as the service. Without colons.
    pub issuer: Option<String>,
    /// The address of a picture that some authenticator apps show.
    pub image: Option<String>,
    /// How fast proofs may be tried.
    pub throttle: ThrottlePolicy,
    /// How many devices a subject may have.
    pub devices_per_subject: u32,
    /// How long a pending device waits to be confirmed.
    pub pending_for: Duration,
    /// The settings of the kinds of devices.
    pub kinds: Settings,
    /// How long evidence counts.
    pub evidence: EvidencePolicy,
    /// How long a client is remembered, at most and by default.
    pub remember_for: Duration,
    /// How long a subject that never had a device is let in where one is asked for. `None`: not at all.
    pub enrollment_grace: Option<Duration>,
}

/// How long evidence counts, by how far it reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EvidencePolicy {
    /// In a session.
    pub session_for: Duration,
    /// In every session of a client.
    pub client_for: Duration,
    /// For a transaction.
    pub transaction_for: Duration,
}

impl EvidencePolicy {
    /// The longest time that any evidence counts.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.session_for.max(self.client_for).max(self.transaction_for)
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            issuer: None,
            image: None,
            throttle: ThrottlePolicy::default(),
            devices_per_subject: 6,
            pending_for: Duration::from_secs(15 * 60),
            kinds: Settings::default(),
            evidence: EvidencePolicy::default(),
            remember_for: Duration::from_secs(90 * DAY),
            enrollment_grace: None,
        }
    }
}

/// A session is to end within a day (NIST SP 800-63B-4, 2.2.3); a client may be remembered for longer, since each
/// requirement says itself how fresh its evidence must be.
impl Default for EvidencePolicy {
    fn default() -> Self {
        Self {
            session_for: Duration::from_secs(DAY),
            client_for: Duration::from_secs(30 * DAY),
            transaction_for: Duration::from_secs(10 * 60),
        }
    }
}

/// The settings of every tenant.
#[derive(Debug, Clone, Default)]
pub struct Policies {
    /// For tenants without settings of their own.
    pub default: Policy,
    /// By tenant.
    pub tenants: HashMap<Tenant, Policy>,
}

impl Policies {
    /// A tenant's settings.
    #[must_use]
    pub fn of(&self, tenant: &Tenant) -> &Policy {
        self.tenants.get(tenant).unwrap_or(&self.default)
    }
}
