//! Which evidence counts where, and why other evidence does not.

use std::time::Duration;

use crate::domain::evidence::{Binding, Evidence, Scope, TransactionDigest};
use crate::domain::ids::{ClientId, DeviceId, SessionId};
use crate::domain::moment::Moment;

/// How far ahead of this clock evidence may have been given: replicas' clocks differ by no more. What lies
/// further ahead was written under a clock that was wrong, and would stay fresh for as long.
pub const CLOCK_SKEW: Duration = Duration::from_secs(5);

/// Where, when and by whom it is asked.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    /// In which session.
    pub session: Option<&'a SessionId>,
    /// In which client: one whose token was recognised, and that is not forgotten.
    pub client: Option<&'a ClientId>,
    /// For which transaction.
    pub transaction: Option<TransactionDigest>,
    /// When.
    pub now: Moment,
    /// The subject's epoch.
    pub epoch: i64,
    /// The subject's devices that are active.
    pub active_devices: &'a [DeviceId],
}

/// Why evidence counts for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Discount {
    /// It was taken back.
    Revoked,
    /// A decision has used it.
    UsedUp,
    /// Its time is over.
    Expired,
    /// It lies ahead of this clock.
    Ahead,
    /// The subject was signed out everywhere since.
    Epoch,
    /// Its device is active no more.
    Device,
    /// It was given for another transaction.
    Transaction,
    /// It was given in another session.
    Session,
    /// It was given in another client.
    Client,
}

impl Discount {
    /// Why, to be read after "does not count:".
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Revoked => "it was revoked",
            Self::UsedUp => "it was used up",
            Self::Expired => "it has expired",
            Self::Ahead => "it lies in the future",
            Self::Epoch => "the subject was signed out everywhere since",
            Self::Device => "its device is not active",
            Self::Transaction => "it was given for another transaction",
            Self::Session => "it was given in another session",
            Self::Client => "it was given in another client",
        }
    }
}

/// Whether evidence counts where it is asked for.
///
/// # Errors
/// Why it does not.
pub fn counts(evidence: &Evidence, asked: &Asked<'_>) -> Result<(), Discount> {
    if evidence.revoked {
        return Err(Discount::Revoked);
    }
    if evidence.used_up {
        return Err(Discount::UsedUp);
    }
    if asked.now >= evidence.expires_at {
        return Err(Discount::Expired);
    }
    if evidence.verified_at > asked.now.plus(CLOCK_SKEW) {
        return Err(Discount::Ahead);
    }
    if evidence.epoch != asked.epoch {
        return Err(Discount::Epoch);
    }
    if evidence.method.device_id().is_some_and(|id| !asked.active_devices.contains(id)) {
        return Err(Discount::Device);
    }
    binds(evidence, asked)
}

/// A binding that is missing on either side matches nothing: two callers that name no session do not share
/// one.
fn binds(evidence: &Evidence, asked: &Asked<'_>) -> Result<(), Discount> {
    let Binding { session, client } = &evidence.binding;
    let same_session = session.is_some() && session.as_ref() == asked.session;
    match evidence.scope {
        Scope::Transaction(digest) if asked.transaction != Some(digest) => Err(Discount::Transaction),
        // The same payment, asked for in a thief's session, is another.
        Scope::Transaction(_) if session.is_some() && !same_session => Err(Discount::Session),
        Scope::Session if !same_session => Err(Discount::Session),
        Scope::Client if client.is_none() || client.as_ref() != asked.client => Err(Discount::Client),
        Scope::Transaction(_) | Scope::Session | Scope::Client => Ok(()),
    }
}
