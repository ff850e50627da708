//! The command. So far it serves, with settings from the environment and two flags.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command speaks to who started it")]

use std::process::ExitCode;

use countersign::app;
use countersign::config::{Config, Flags};

#[tokio::main]
async fn main() -> ExitCode {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    let environment: Vec<(String, String)> = std::env::vars().collect();
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
    let flags = Flags {
        listen: value("--listen").into_iter().collect(),
        data_dir: value("--data-dir").map(Into::into),
        ..Flags::default()
    };
    let config = match Config::load(flags, &environment, None) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(64);
        }
    };
    let announce = |addresses: &[String]| println!("countersign listens on {}", addresses.join(", "));
    match app::serve(config, &environment, announce).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}
