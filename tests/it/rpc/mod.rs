//! The services, over the wire.

mod errors;
mod fields;
mod roles;
mod verification;
