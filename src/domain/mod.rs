//! Pure values and rules. Nothing in here knows what time it is, where data is kept or who asks: it is
//! told.

pub mod client;
pub mod context;
pub mod decision;
pub mod device;
pub mod event;
pub mod evidence;
pub mod ids;
pub mod kind;
pub mod method;
pub mod moment;
pub mod policy;
pub mod proof;
pub mod refusal;
pub mod secret;
pub mod setting;
pub mod strength;
pub mod throttle;
pub mod violation;
