//! The whole server, by a clock that each request sets in its metadata: `countersign-test-time`.
//!
//! It is a program of its own so that the shipped one has no way to be told the time.

mod clock;
mod layer;

use std::process::ExitCode;
use std::sync::Arc;

use countersign::cli::{Environment, Variant};
use countersign::config::Config;

use crate::clock::RequestClock;
use crate::layer::TimeLayer;

const NAME: &str = concat!("countersign-test-server ", env!("CARGO_PKG_VERSION"));
const ABOUT: &str = "Serves like `countersign serve`, by a clock that each request sets. For tests only.";
const BELOW: &str = "\
A request says what time it is in its metadata: `countersign-test-time`, as RFC 3339 (2026-01-31T12:00:00Z) or in \
microseconds since 1970. Without it, the time of the request before counts. Never give it users' data: whoever can \
call it decides how long a code is valid.";

fn main() -> ExitCode {
    let clock = Arc::new(RequestClock::default());
    let variant = Variant {
        name: NAME,
        help: [ABOUT, BELOW],
        clock: clock.clone(),
        outer: TimeLayer::new(clock),
        // The clock of a test is far from the database's.
        change: |config: &mut Config| config.database.allow_clock_skew = true,
    };
    ExitCode::from(variant.run(std::env::args_os(), &Environment::of_this_process()))
}
