//! The services, over the wire.

mod assurance;
mod bounds;
mod confirm;
mod device;
mod errors;
mod fan_out;
mod faults;
mod fields;
mod garbage;
mod kept_decisions;
mod listing;
mod recovery_codes;
mod request_id;
mod resync;
mod roles;
mod settings;
mod subject;
mod tenants;
mod throttle;
mod throttle_model;
mod unlock;
mod update;
mod used;
mod variants;
mod verification;
