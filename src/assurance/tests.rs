//! The engine against brute force over small worlds.

mod bounded;
mod counting;
pub(super) mod deciding;
mod enrolling;
mod guarding;
mod joining;
mod lasting;
pub(super) mod oracle;
mod outdone;
mod planning;
pub(super) mod texts;
pub(super) mod worlds;
