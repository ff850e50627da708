//! Countersign: a gRPC sidecar that answers two questions for a service in any language. Is this proof good?
//! And has this user proved enough for what they are about to do?
//!
//! # Modules
//!
//! *A request has one caller, one `now` and one commit. Kinds are pure; only the service reads, decides and
//! commits. A commit cannot be made without saying what happened.*
//!
//! | module | contents |
//! |---|---|
//! | [`domain`] | values and rules: ids, moments, secrets, devices, the throttle, events, refusals |
//! | [`kinds`] | one folder for each kind of authenticator: pure functions of (state, secret, proof, now) |
//! | [`assurance`] | has this user proved enough? The pure engine: what counts, requirements, decisions, plans |
//! | [`service`] | use cases; each public function is one unit of work |
//! | [`store`] | the only reader of sea-orm; lanes that commit in groups |
//! | [`crypto`] | key ring, sealing, keyed hashes, tokens |
//! | [`auth`] | callers, roles, one table row for each RPC, grants |
//! | [`transport`] | connections: where the server listens, how it accepts, what a connection may cost, how it drains |
//! | [`rpc`] | thin: parse, ask for a grant, call, write; what every request goes through is in `rpc::layer` |
//! | [`wire`] | generated code; `wire::status` is the one table from errors to statuses |
//! | [`config`] | settings parsed into types that are valid |
//! | [`env`](mod@env) | the clock and chance: arguments everywhere else |
//! | [`cli`] | the command: serve, demo, and the operator's commands, which speak gRPC like everybody else |
//! | [`ops`] | logs and traces |
//! | [`app`] | the composition root: builds in order, drains in reverse order |
//!
//! One name is used in every layer: `proto/…/device_service.proto`, `rpc/device.rs`, `service/device.rs`,
//! `tests/it/rpc/device.rs`. `tests/it/architecture/` checks which module may import which.
//!
//! # One request
//!
//! A Verify goes through the layers (name and trace, metadata, caller, table, slot, deadline, body); `rpc` parses it,
//! every bad field at once, and asks for a grant; [`service`] then, a few times at most:
//!
//! 1. reads the device and the clock;
//! 2. asks the throttle, takes a [turn](store::Turn), and has the device's kind judge: a pure function;
//! 3. commits the next state, the event and the request record, on the condition that the device is still at
//!    the version that was judged; if it is not, judges anew.
//!
//! The answer leaves when the commit is on disk. So a code is accepted once whatever the number of replicas and
//! retries, and no row is locked while anything is judged. If the caller of a request that judges a proof goes away,
//! the rest of its work goes on in a task of its own, so that the commit is written.
//!
//! # The second question
//!
//! An accepted proof is also evidence, written in the same commit. An Evaluate reads in one statement how the subject
//! stands (devices, evidence, the remembered client), and hands all of it with the time and the rules to
//! [`assurance`], which decides: satisfied and until when, or the least that is missing. Evidence that was given
//! for one transaction is used up by a decision as a code is by a verification: by a write that happens once.
//! What could weaken a subject's protection goes through the same decision before it is done.
//!
//! # Adding a kind
//!
//! Its messages and their `oneof` arms in `proto/`; one folder in `kinds/`, with a [`domain::kind::KindInfo`] that says what
//! the server must know of it (name, label, strength, settings, how it can be guessed); its line in [`kinds::registry`].
//! No migration, and no edit in `rpc`, `service` or `store`: throttling, single use, retries, evidence and audit are
//! theirs, and the conformance suite in `kinds` runs over it.

pub mod app;
pub mod assurance;
pub mod auth;
pub mod cli;
pub mod config;
pub mod crypto;
pub mod domain;
pub mod env;
pub mod error;
pub mod kinds;
pub mod ops;
pub mod rpc;
pub mod service;
pub mod store;
pub mod transport;
pub mod wire;
