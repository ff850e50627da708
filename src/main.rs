//! The command `countersign`: arguments in, an exit code out. All else is in the library.

use std::process::ExitCode;

use countersign::cli;

fn main() -> ExitCode {
    let status = cli::run(std::env::args_os(), &cli::Environment::of_this_process());
    ExitCode::from(status)
}
