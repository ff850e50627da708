//! The services, over the wire.

mod bounds;
mod confirm;
mod device;
mod errors;
mod fan_out;
mod fields;
mod garbage;
mod listing;
mod request_id;
mod roles;
mod tenants;
mod throttle;
mod throttle_model;
mod update;
mod used;
mod variants;
mod verification;
