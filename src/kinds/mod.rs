//! Kinds of devices: what each can judge.
//!
//! A kind is a pure function of (state, secret, proof, now) to a judgement with the next state. It may not
//! read the clock, touch the store, count failures, send or log: so throttling, single use and audit cannot
//! be forgotten, and `conformance` runs the same suite over each kind. CONTRIBUTING says how to add one.

pub mod contract;
mod erased;
pub mod form;
pub mod hotp;
pub mod oath;
pub mod recovery_codes;
pub mod registry;
mod state;
pub mod totp;
mod typed;
pub mod wire;

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod fixture;

pub use self::contract::{Authenticator, Judgement, Judging, Made, Making, Shown};
pub use self::erased::{AnyKind, AnySetup};
pub use self::registry::{can_be_guessed, infos, kind, known, settings, state, state_of, typed_state};
pub use self::state::{AnyState, decode, encode, stored};
