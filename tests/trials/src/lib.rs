//! Tries the real binary, in several processes, on real database servers: races for one code, guessing, kills
//! of the processes and of the database, and a long mix of everything. Every call is written down, and what was
//! written down is held against the promises.
//!
//! | module | what is in it |
//! |---|---|
//! | [`database`] | private servers, which can be killed and frozen, and databases on servers of others |
//! | [`sidecar`] | `countersign serve`, in processes that share a database and a key ring |
//! | [`authenticator`] | the user's side: devices and their codes |
//! | [`client`] | calls, each noted in the [`history`] |
//! | [`checker`] | a history held against the promises, with what is there [after it](aftermath) |
//! | [`trial`] | what every trial needs |
//! | [`race`], [`kill`], [`guess`], [`soak`] | the trials |
//! | [`abuse`] | what connections of strangers may cost |
//! | [`cluster`] | the trials on clusters of databases |
//! | [`report`] | what a trial came to |

// From a trial down to the driver of a database are more futures in each other than the compiler takes unasked.
#![recursion_limit = "256"]

pub mod abuse;
pub mod aftermath;
pub mod authenticator;
pub mod checker;
pub mod client;
pub mod cluster;
pub mod database;
pub mod guess;
pub mod history;
pub mod kill;
pub mod place;
pub mod race;
pub mod report;
pub mod sidecar;
pub mod signal;
pub mod soak;
pub mod trial;
mod vitals;

/// Why a trial did not come to its end. It says nothing about the promises.
pub type Failed = Box<dyn std::error::Error + Send + Sync>;
