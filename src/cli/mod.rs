//! The command line: `serve`, `demo`, what is done before serving, and the operator's commands, which speak
//! gRPC like everybody else.
//!
//! One file a command. What they share: `failure` (why there is no answer, and how it is told),
//! `client` (the connection), `exchange` (one command and its answer), `print` (tables and times).

mod caller;
mod client;
mod config;
mod demo;
mod device;
mod environment;
mod evidence;
mod exchange;
mod failure;
mod init;
mod migrate;
mod place;
mod print;
mod probe;
mod recovery_codes;
mod remembered;
mod requirements;
mod serve;
mod settings;
mod subject;
mod typed;
mod variant;
mod verify;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io::{self, Write};

use clap::{Parser, Subcommand};

pub use self::environment::Environment;
use self::failure::Failure;
pub use self::variant::Variant;

/// A gRPC authentication sidecar: is this proof good, and has this user proved enough?
#[derive(Debug, Parser)]
#[command(name = "countersign", version, arg_required_else_help = true, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  countersign demo                                   see it work, in one minute
  countersign serve --listen 127.0.0.1:7443          serve, on SQLite in ./countersign-data
  countersign device enroll alice --kind totp        enroll an authenticator app
  countersign verify alice 123456                    check a code, and use it up
  countersign requirements check requirements.toml   check what has to be proved for what

Exit status: 0 done, accepted or satisfied; 1 rejected, throttled, not satisfied or not serving; 2 an error; 64 wrong \
usage.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve, until told to stop
    Serve(serve::Serve),
    /// Watch a sidecar at work: enroll, verify, replay, throttle, recover, step up
    Demo(demo::Demo),
    /// Make a data directory: a key ring, and the token of a first caller
    Init(init::Init),
    /// Bring the database's schema up to date
    Migrate(migrate::Migrate),
    /// Look at the settings
    Config(config::Config),
    /// Ask a server whether it is serving (for exec probes; needs no token)
    Probe(probe::Probe),
    /// Enroll, list, change and remove devices
    Device(device::Device),
    /// Check a code, and use it up
    Verify(verify::Verify),
    /// Issue recovery codes
    RecoveryCodes(recovery_codes::RecoveryCodes),
    /// Check, compare, list and explain requirements
    Requirements(requirements::Requirements),
    /// List, record and revoke evidence: what a user has proved
    Evidence(evidence::Evidence),
    /// Remember, list and forget browsers and apps
    Client(remembered::Remembered),
    /// What is known of a subject as a whole
    Subject(subject::Subject),
    /// Credentials for programs that call the server
    Caller(caller::Caller),
}

/// What a command came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// Done, accepted, serving.
    Yes,
    /// Rejected, throttled, not serving.
    No,
}

/// The status of wrong usage (`EX_USAGE` of sysexits.h).
const USAGE: u8 = 64;

/// Parses the arguments, runs the command, and gives the exit status: 0 for yes, 1 for no, 2 for an error,
/// 64 for wrong usage.
pub fn run(arguments: impl IntoIterator<Item = OsString>, environment: &Environment) -> u8 {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(told) => {
            // Nobody may be listening, and there is nobody else to tell.
            let _ = told.print();
            return if told.use_stderr() { USAGE } else { 0 };
        }
    };
    let wants_json = cli.command.wants_json();
    let mut out = io::stdout().lock();
    let done = cli.command.run(environment, &mut out);
    status(done, wants_json, &mut out)
}

/// Tells the failure, if there is one, and gives the exit status.
fn status(done: Result<Answer, Failure>, wants_json: bool, out: &mut dyn Write) -> u8 {
    let done = done.and_then(|answer| out.flush().map(|()| answer).map_err(Failure::from));
    match done {
        Ok(Answer::Yes) => 0,
        Ok(Answer::No) => 1,
        Err(failure) => {
            let told = if wants_json {
                writeln!(out, "{}", failure.json())
            } else {
                writeln!(io::stderr(), "{failure}")
            };
            // As above.
            drop(told);
            failure.status()
        }
    }
}

impl Command {
    fn run(self, environment: &Environment, out: &mut dyn Write) -> Result<Answer, Failure> {
        match self {
            Self::Serve(command) => command.run(environment, out),
            Self::Demo(command) => command.run(environment, out),
            Self::Init(command) => command.run(environment, out),
            Self::Migrate(command) => command.run(environment, out),
            Self::Config(command) => command.run(environment, out),
            Self::Probe(command) => command.run(environment, out),
            Self::Device(command) => command.run(environment, out),
            Self::Verify(command) => command.run(environment, out),
            Self::RecoveryCodes(command) => command.run(environment, out),
            Self::Requirements(command) => command.run(environment, out),
            Self::Evidence(command) => command.run(environment, out),
            Self::Client(command) => command.run(environment, out),
            Self::Subject(command) => command.run(environment, out),
            Self::Caller(command) => command.run(environment, out),
        }
    }

    /// Whether the answer, an error included, is to be one JSON object.
    fn wants_json(&self) -> bool {
        match self {
            Self::Serve(_) | Self::Demo(_) => false,
            Self::Init(command) => command.json,
            Self::Migrate(command) => command.json,
            Self::Config(command) => command.wants_json(),
            Self::Probe(command) => command.connection.json,
            Self::Device(command) => command.connection.json,
            Self::Verify(command) => command.connection.json,
            Self::RecoveryCodes(command) => command.connection.json,
            Self::Requirements(command) => command.wants_json(),
            Self::Evidence(command) => command.connection.json,
            Self::Client(command) => command.connection.json,
            Self::Subject(command) => command.connection.json,
            Self::Caller(command) => command.wants_json(),
        }
    }
}

/// Runs what waits for the network or the disk, on one thread.
fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(Failure::error)?.block_on(work)
}

/// Runs a server, on every core.
fn block_on_all_cores<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(Failure::error)?.block_on(work)
}
