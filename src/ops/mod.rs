//! What operators see: logs and traces.

mod fields;
pub mod telemetry;
