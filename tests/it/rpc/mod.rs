//! The services, over the wire.

mod roles;
mod verification;
