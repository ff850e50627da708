//! The services, over the wire.

mod bounds;
mod errors;
mod fan_out;
mod fields;
mod garbage;
mod request_id;
mod roles;
mod tenants;
mod throttle;
mod throttle_model;
mod used;
mod variants;
mod verification;
