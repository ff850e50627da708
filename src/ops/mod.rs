//! What operators see: logs and traces.

pub mod telemetry;
