//! The services, over the wire.

mod verification;
