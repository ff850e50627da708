//! One command and its answer: the connection's options, the client, and where the answer goes.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::client::{Client, Target, Token};
use super::environment::Environment;
use super::failure::Failure;
use super::{Answer, block_on, typed};
use crate::env::{Entropy, SystemEntropy};
use crate::wire::json::{self, Answer as Message};

/// How to reach the server, and how to answer.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Connection")]
pub(super) struct Connection {
    /// The server: HOST:PORT or unix:PATH. Left out: COUNTERSIGN_SERVER, else where the server of the data
    /// directory listens, else 127.0.0.1:7443
    #[arg(long, global = true, value_name = "ADDR")]
    pub(super) server: Option<String>,
    /// A file that holds the caller's token. Left out: the token in COUNTERSIGN_TOKEN, else the file in
    /// COUNTERSIGN_TOKEN_FILE, else caller-token in the data directory
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,
    /// The data directory of a server on this machine. Left out: COUNTERSIGN_DATA_DIR, else
    /// ./countersign-data
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) data_dir: Option<PathBuf>,
    /// How long to wait for the answer, tries included: 500ms, 10s, 1m
    #[arg(long, global = true, value_name = "TIME", default_value = "10s", value_parser = typed::span)]
    pub(super) timeout: Duration,
    /// Answer with one JSON object
    #[arg(long, global = true)]
    pub(super) json: bool,
}

impl Connection {
    /// The data directory of a server on this machine.
    pub(super) fn data_dir(&self, environment: &Environment) -> PathBuf {
        let variable = || environment.value("COUNTERSIGN_DATA_DIR").map(PathBuf::from);
        self.data_dir.clone().or_else(variable).unwrap_or_else(|| "countersign-data".into())
    }

    /// Connects, and runs a command.
    pub(super) fn run(
        &self,
        environment: &Environment,
        out: &mut dyn Write,
        command: impl AsyncFnOnce(&mut Exchange<'_>) -> Result<Answer, Failure>,
    ) -> Result<Answer, Failure> {
        let data_dir = self.data_dir(environment);
        let target = Target::find(self.server.as_deref(), environment, &data_dir)?;
        let token = Token::find(self.token_file.as_deref(), environment, &data_dir, &target.endpoint)?;
        block_on(async {
            let client = Client::connect(target, token, self.timeout).await?;
            command(&mut Exchange { client, entropy: &SystemEntropy, json: self.json, out }).await
        })
    }
}

/// A command that runs.
pub(super) struct Exchange<'a> {
    /// The server.
    pub(super) client: Client,
    /// For request ids.
    pub(super) entropy: &'a dyn Entropy,
    json: bool,
    out: &'a mut dyn Write,
}

impl Exchange<'_> {
    /// A fresh id for a request that changes something: with it, a second try of this program cannot count
    /// twice.
    pub(super) fn request_id(&self) -> String {
        typed::uuid(self.entropy.bytes())
    }

    /// Shows an answer: as JSON where that is asked for, else in words.
    pub(super) fn show<M: Message>(
        &mut self,
        answer: &M,
        words: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Failure> {
        if self.json {
            writeln!(self.out, "{}", json::of(answer).map_err(Failure::error)?)?;
        } else {
            words(self.out)?;
        }
        Ok(())
    }
}
