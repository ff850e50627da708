//! Where a user is, and so where what they prove may be used again.

use super::client::ClientToken;
use super::evidence::TransactionDigest;
use super::ids::SessionId;

/// Where. What is left out matches nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// The caller's session.
    pub session: Option<SessionId>,
    /// What the browser or app shows to be recognised by.
    pub client: Option<ClientToken>,
    /// What the user is asked to approve.
    pub transaction: Option<TransactionDigest>,
}

/// Nowhere in particular: nothing matches.
pub static NOWHERE: Context = Context { session: None, client: None, transaction: None };

/// How far new evidence is to reach, as its caller wishes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reach {
    /// The transaction where one is named, else the session.
    #[default]
    Usual,
    /// Once, for the transaction.
    Transaction,
    /// The session.
    Session,
    /// Every session of the client, where that is recognised; else the session.
    Client,
}
