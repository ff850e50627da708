//! The integration tests: one binary that mirrors `src/`.

// From a test down to the driver of a database are more futures in each other than the compiler takes unasked.
#![recursion_limit = "256"]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends where something is not as it must be"
)]

mod architecture;
mod assurance;
mod cli;
mod crash;
mod deploy;
mod faults;
mod files;
mod harness;
mod leaks;
mod memory;
mod python;
mod rpc;
mod store;
mod trace;
