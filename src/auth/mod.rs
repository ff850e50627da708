//! Who may call what.
//!
//! Every RPC has one row in the table ([`rows`]); an RPC without a row is denied. A method of the service takes a
//! [`Grant`] of its own RPC, which only [`grant`] makes: what was not authorized cannot be called.

mod caller;
mod callers;
mod changes;
mod credentials;
mod grant;
mod role;
mod table;

pub use self::caller::Caller;
pub use self::callers::Callers;
pub use self::changes::CallerChanges;
pub use self::credentials::Credentials;
pub use self::grant::{Grant, grant};
pub use self::role::Role;
pub use self::table::{Row, Rpc, Rule, row, rows, rpc};
