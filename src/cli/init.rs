//! `countersign init`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::Answer;
use super::environment::Environment;
use super::failure::Failure;
use crate::crypto::data_dir;
use crate::crypto::private_file::Made;
use crate::env::SystemEntropy;

/// Makes what is missing of a data directory, for its owner only. What is there stays as it is.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Init {
    /// The directory [env: COUNTERSIGN_DATA_DIR] [default: countersign-data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Answer with one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

const EXAMPLES: &str = "\
Makes DIR (0700), DIR/keyring and DIR/caller-token (both 0600): the keys that seal what is in the database, and \
the token of a first caller with every role. Keep a copy of the key ring where the database's backup is not.

Example:
  countersign init --data-dir /var/lib/countersign";

impl Init {
    pub(super) fn run(self, environment: &Environment, out: &mut dyn Write) -> Result<Answer, Failure> {
        let variable = || environment.value("COUNTERSIGN_DATA_DIR").map(PathBuf::from);
        let dir = self.data_dir.or_else(variable).unwrap_or_else(|| "countersign-data".into());
        data_dir::check_ring(&dir, &data_dir::database_path(&dir)).map_err(Failure::error)?;
        let made = data_dir::init(&dir, &SystemEntropy).map_err(Failure::error)?;
        let word = |made: Made| match made {
            Made::Created => "made",
            Made::Existed => "there already, left as it is",
        };
        let is_new = |made: Made| made == Made::Created;
        let [dir, keyring, token] = [dir.clone(), data_dir::keyring_path(&dir), data_dir::token_path(&dir)]
            .map(|path| path.display().to_string());
        if self.json {
            let answer = json!({
                "data_dir": { "path": dir, "created": is_new(made.dir) },
                "keyring": { "path": keyring, "created": is_new(made.keyring) },
                "caller_token": { "path": token, "created": is_new(made.token) },
            });
            writeln!(out, "{answer}")?;
            return Ok(Answer::Yes);
        }
        for (path, made) in [(dir, made.dir), (keyring, made.keyring), (token, made.token)] {
            writeln!(out, "{path}: {}", word(made))?;
        }
        Ok(Answer::Yes)
    }
}
