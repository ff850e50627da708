//! The command `countersign`: arguments in, an exit code out. All else is in the library.

use std::alloc::System;
use std::process::ExitCode;

use countersign::cli;
use zeroizing_alloc::ZeroAlloc;

/// Wipes memory when it is freed. Codes, tokens and secrets pass through buffers of HTTP/2, of Protocol Buffers and of the
/// database drivers, none of which wipes anything: after a request nothing of it must be left in free memory.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    let status = cli::run(std::env::args_os(), &cli::Environment::of_this_process());
    ExitCode::from(status)
}
