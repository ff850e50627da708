//! The options that set what the configuration file and the environment set too.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use super::environment::Environment;
use super::failure::Failure;
use crate::config::{Config, Flags};

/// Settings on the command line: they stand over the environment, and that over the file.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Settings")]
pub(super) struct Settings {
    /// The file of settings, TOML [env: COUNTERSIGN_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// An address to listen on: 127.0.0.1:PORT or unix:PATH. May be repeated [env: COUNTERSIGN_LISTEN]
    /// [default: 127.0.0.1:7443]
    #[arg(long, value_name = "ADDR", action = ArgAction::Append)]
    pub(super) listen: Vec<String>,
    /// The database: sqlite:PATH, postgres://… or mysql://… [env: COUNTERSIGN_DATABASE_URL]
    /// [default: SQLite in the data directory]
    #[arg(long, value_name = "URL")]
    pub(super) database_url: Option<String>,
    /// Where the key ring, the first caller's token and SQLite's database are [env: COUNTERSIGN_DATA_DIR]
    /// [default: countersign-data]
    #[arg(long, value_name = "DIR")]
    pub(super) data_dir: Option<PathBuf>,
    /// How log lines look: auto (text on a terminal, else JSON), text or json [env: COUNTERSIGN_LOG_FORMAT]
    #[arg(long, value_name = "FORMAT")]
    pub(super) log_format: Option<String>,
    /// What is logged: info, or a filter like countersign=debug [env: COUNTERSIGN_LOG_LEVEL]
    #[arg(long, value_name = "FILTER")]
    pub(super) log_level: Option<String>,
    /// Ask nobody who they are, to try things out. Refused on an address that others can reach
    /// [env: COUNTERSIGN_INSECURE_NO_AUTH]
    #[arg(long)]
    pub(super) insecure_no_auth: bool,
    /// Listen without TLS on an address that others can reach, where something else encrypts
    /// [env: COUNTERSIGN_ALLOW_PLAINTEXT_LISTEN]
    #[arg(long)]
    pub(super) allow_plaintext_listen: bool,
}

impl Settings {
    /// Reads every layer of settings. All that is wrong is told at once.
    pub(super) fn load(self, environment: &Environment) -> Result<Config, Failure> {
        let file = self.config.or_else(|| environment.value("COUNTERSIGN_CONFIG").map(PathBuf::from));
        let flags = Flags {
            listen: self.listen,
            database_url: self.database_url,
            data_dir: self.data_dir,
            log_format: self.log_format,
            log_level: self.log_level,
            insecure_no_auth: self.insecure_no_auth,
            allow_plaintext_listen: self.allow_plaintext_listen,
        };
        Config::load(flags, environment.all(), file.as_deref()).map_err(Failure::Settings)
    }
}
