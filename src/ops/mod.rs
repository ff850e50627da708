//! Logs, traces and counts of refusals, for operators.

pub mod dumps;
mod fields;
mod otlp;
pub mod refused;
pub mod telemetry;
