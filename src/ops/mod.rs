//! What operators see: logs, traces, and counts of refusals.

mod fields;
pub mod refused;
pub mod telemetry;
