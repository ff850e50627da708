//! The services, over the wire.

mod bounds;
mod errors;
mod fields;
mod garbage;
mod request_id;
mod roles;
mod tenants;
mod throttle;
mod throttle_model;
mod verification;
