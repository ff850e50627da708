//! Logs, traces and counts of refusals, for operators.

mod fields;
pub mod refused;
pub mod telemetry;
