//! The services, over the wire.

mod bounds;
mod errors;
mod fields;
mod garbage;
mod roles;
mod verification;
