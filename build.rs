//! Compiles `proto/` without protoc: protox reads the files, tonic-prost-build writes the Rust.

use std::{env, error::Error, fs, path::PathBuf};

use protox::prost::Message as _;
use protox::prost_reflect::{DescriptorPool, FieldDescriptor};

const FILES: &[&str] = &[
    "countersign/v1/assurance_service.proto",
    "countersign/v1/device_service.proto",
    "countersign/v1/error_reason.proto",
    "countersign/v1/subject_service.proto",
    "countersign/v1/verification_service.proto",
];

const PACKAGE: &str = "countersign.v1";

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
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), compiler.encode_file_descriptor_set())?;
    let secret = secret_types(&compiler.descriptor_pool());
    if secret.is_empty() {
        return Err("no field is marked debug_redact: secrets would be printed".into());
    }
    let types: Vec<&str> = secret.iter().map(|(_, rust)| rust.as_str()).collect();
    fs::write(out.join("redacted.rs"), format!("redact!({});\n", types.join(", ")))?;
    tonic_prost_build::configure()
        // What was asked under a request id is compared by its bytes: maps must have an order.
        .btree_map(".")
        .skip_debug(secret.iter().map(|(name, _)| name))
        .compile_fds(descriptors)?;
    Ok(())
}

/// `debug_redact = true` among a field's options: number 16, a varint, 1.
const REDACTED: [u8; 3] = [0x80, 0x01, 0x01];

/// Messages and oneofs with a field that is marked `debug_redact`: their `Debug` is written in `wire/redact.rs`, so
/// that no log line can hold a code or a secret. Each by its full name and its name in Rust.
fn secret_types(pool: &DescriptorPool) -> Vec<(String, String)> {
    let is_secret =
        |field: &FieldDescriptor| field.options().encode_to_vec().windows(3).any(|w| w == REDACTED);
    let mut found = Vec::new();
    for message in pool.all_messages().filter(|message| message.package_name() == PACKAGE) {
        if message.fields().any(|field| is_secret(&field)) {
            found.push((message.full_name().to_owned(), format!("pb::{}", message.name())));
        }
        for oneof in message.oneofs().filter(|oneof| oneof.fields().any(|field| is_secret(&field))) {
            let name = format!("pb::{}::{}", snake(message.name()), camel(oneof.name()));
            found.push((oneof.full_name().to_owned(), name));
        }
    }
    found
}

/// `proof` of `Proof`, as prost names the module of a message.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for (at, c) in name.char_indices() {
        if c.is_ascii_uppercase() && at > 0 {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

/// `Proof` of `proof`, as prost names the enum of a oneof.
fn camel(name: &str) -> String {
    let upper = |word: &str| word[..1].to_uppercase() + &word[1..];
    name.split('_').map(upper).collect()
}
