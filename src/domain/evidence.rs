//! Evidence: a fact that somebody proved something, then, there.

use std::sync::Arc;

use super::ids::{ClientId, EvidenceId, SessionId};
use super::method::Method;
use super::moment::Moment;
use super::strength::Strength;

/// SHA-256 over what the user is asked to approve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransactionDigest(pub [u8; 32]);

/// Where evidence may be used, from narrow to wide. There is nothing wider than a client: "this user proved
/// it somewhere" lets a thief ride along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Once, for the transaction that it was given for.
    Transaction(TransactionDigest),
    /// In the session in which it was given.
    Session,
    /// In every session of the client in which it was given.
    Client,
}

/// Where evidence was given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Binding {
    /// In which session.
    pub session: Option<SessionId>,
    /// In which client.
    pub client: Option<ClientId>,
}

/// A fact: one subject proved this, then, there. It never changes; what ends it is a fact too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Random, opaque.
    pub id: EvidenceId,
    /// How it was proved.
    pub method: Method,
    /// When.
    pub verified_at: Moment,
    /// It counts for nothing from this moment.
    pub expires_at: Moment,
    /// Where it may be used.
    pub scope: Scope,
    /// Where it was given.
    pub binding: Binding,
    /// The subject's epoch when it was given: "sign out everywhere" moves it on.
    pub epoch: i64,
    /// It was taken back.
    pub revoked: bool,
    /// It was given for a transaction, and a decision has used it.
    pub used_up: bool,
    /// What it is worth.
    pub strength: Strength,
    /// Who says so, where it was proved elsewhere: an issuer, a system.
    pub source: Option<Arc<str>>,
}

impl Evidence {
    /// Whether it was given for one transaction, and so counts once.
    #[must_use]
    pub fn is_for_transaction(&self) -> bool {
        matches!(self.scope, Scope::Transaction(_))
    }
}
