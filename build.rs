//! Compiles `proto/` without protoc: protox reads the files, tonic-prost-build writes the Rust.

use std::{env, error::Error, fs, path::PathBuf};

const FILES: &[&str] = &[
    "countersign/v1/assurance_service.proto",
    "countersign/v1/device_service.proto",
    "countersign/v1/error_reason.proto",
    "countersign/v1/subject_service.proto",
    "countersign/v1/verification_service.proto",
];

#[expect(
    clippy::disallowed_methods,
    reason = "a build script has no settings: cargo tells it where to write"
)]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(FILES)?;
    let descriptors = compiler.file_descriptor_set();
    // For server reflection and for who walks the API: as protox read it, with the options that prost-types
    // does not know. `debug_redact` says which fields hold secrets.
    let out = PathBuf::from(env::var("OUT_DIR")?).join("descriptors.bin");
    fs::write(out, compiler.encode_file_descriptor_set())?;
    tonic_prost_build::configure()
        // What was asked under a request id is compared by its bytes: maps must have an order.
        .btree_map(".")
        .skip_debug(SECRET_MESSAGES)
        .compile_fds(descriptors)?;
    Ok(())
}

/// Messages with a field that is marked `debug_redact`: their `Debug` is written in `wire/redact.rs`, so
/// that no log line can hold a code or a secret.
const SECRET_MESSAGES: &[&str] = &[
    "countersign.v1.Context",
    "countersign.v1.RememberClientResponse",
    "countersign.v1.Proof",
    "countersign.v1.TotpSetup",
    "countersign.v1.HotpSetup",
    "countersign.v1.OathEnrollment",
    "countersign.v1.RecoveryCodes",
    "countersign.v1.ResyncDeviceRequest",
    "countersign.v1.IssueRecoveryCodesRequest",
    "countersign.v1.Proof.proof",
];
