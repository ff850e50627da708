//! The only home of generated code, and of what turns values into messages and back.

pub mod convert;
pub mod decision;
pub mod detail;
pub mod evidence;
pub mod json;
mod redact;
pub mod status;
mod undecodable;

/// Generated from `proto/countersign/v1`.
#[expect(
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::doc_markdown,
    reason = "generated: its documentation is the protobuf's"
)]
pub mod pb {
    tonic::include_proto!("countersign.v1");
}

/// The descriptors of every message and service, for server reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The full names of the services of this API.
pub const SERVICES: [&str; 4] = [
    pb::assurance_service_server::SERVICE_NAME,
    pb::device_service_server::SERVICE_NAME,
    pb::subject_service_server::SERVICE_NAME,
    pb::verification_service_server::SERVICE_NAME,
];
