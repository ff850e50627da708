//! Logs, traces and counts of refusals, for operators.

mod fields;
mod otlp;
pub mod refused;
pub mod telemetry;
