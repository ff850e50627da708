//! Other programs that serve as `countersign serve` does: the test server in `tests/server`.

use std::ffi::OsString;
use std::io;
use std::sync::Arc;

use clap::{Args as _, FromArgMatches as _};

use super::environment::Environment;
use super::failure::Failure;
use super::serve::Serve;
use super::{USAGE, status};
use crate::app::Outer;
use crate::config::Config;
use crate::env::Clock;

/// A program that serves as `countersign serve` does, with the same options and output, except for these fields.
pub struct Variant<O, F> {
    /// The name of the program, with its version.
    pub name: &'static str,
    /// The help of the program: the first line, and the text below the options.
    pub help: [&'static str; 2],
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The layer that each request reaches first.
    pub outer: O,
    /// Edits the settings after they were read.
    pub change: F,
}

impl<O: Outer, F: FnOnce(&mut Config)> Variant<O, F> {
    /// Parses the arguments, serves until told to stop, and gives the exit status, as [`super::run`] does.
    pub fn run(self, arguments: impl IntoIterator<Item = OsString>, environment: &Environment) -> u8 {
        let [about, below] = self.help;
        let command = Serve::augment_args(clap::Command::new(self.name)).about(about).long_about(about);
        let matches = command.after_help(below).try_get_matches_from(arguments);
        let serve = match matches.and_then(|matches| Serve::from_arg_matches(&matches)) {
            Ok(serve) => serve,
            Err(told) => {
                // Nobody may be listening, and there is nobody else to tell.
                let _ = told.print();
                return if told.use_stderr() { USAGE } else { 0 };
            }
        };
        let mut out = io::stdout().lock();
        let done: Result<_, Failure> =
            serve.run_behind(self.outer, self.clock, self.change, self.name, environment, &mut out);
        status(done, false, &mut out)
    }
}
