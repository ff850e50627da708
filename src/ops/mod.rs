//! Logs, traces and counts of refusals, for operators.

pub mod dumps;
mod fields;
pub mod lines;
mod otlp;
pub mod refused;
pub mod telemetry;
