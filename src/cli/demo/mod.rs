//! `countersign demo`: a sidecar at work, on a database that is gone afterwards.

mod authenticator;
mod calls;
mod login;
mod paste;
mod sessions;
mod settings;
mod story;
mod walk;

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use clap::Args;
use tempfile::TempDir;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::client::{Client, Endpoint, Target, Token};
use super::environment::Environment;
use super::failure::Failure;
use super::{Answer, block_on_all_cores};
use crate::app;
use crate::config::{Config, Flags};
use crate::crypto::data_dir;
use crate::domain::secret::SecretText;

/// Starts a sidecar on SQLite in a temporary directory, and walks through the main job against it over gRPC:
/// enroll, log in step by step, replay, throttle, recover, be recognised, be refused. Every answer is checked.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit status 0 if everything was as promised, 1 at the first surprise. Without --once it \
                        keeps serving and prints lines to paste into another terminal; Ctrl-C ends it and \
                        removes the directory."
)]
pub(super) struct Demo {
    /// End after the walk
    #[arg(long)]
    once: bool,
}

/// How long the whole walk may take.
const PATIENCE: Duration = Duration::from_secs(60);

impl Demo {
    pub(super) fn run(self, _: &Environment, out: &mut dyn Write) -> Result<Answer, Failure> {
        let dir = directory()?;
        let shown = block_on_all_cores(show(dir.path(), self.once, out));
        dir.close().map_err(Failure::error)?;
        shown
    }
}

/// A directory for this demonstration alone, with a name short enough for a Unix socket in it.
fn directory() -> Result<TempDir, Failure> {
    let named = std::env::temp_dir();
    let is_short = named.as_os_str().len() <= 48;
    let parent = if is_short { named.as_path() } else { Path::new("/tmp") };
    let made = tempfile::Builder::new().prefix("countersign-demo-").tempdir_in(parent);
    made.map_err(|e| {
        Failure::error(format!("no temporary directory can be made in {}: {e}", parent.display()))
    })
}

async fn show(dir: &Path, once: bool, out: &mut dyn Write) -> Result<Answer, Failure> {
    let stopped = |e| Failure::error(format!("cannot wait for signals: {e}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(stopped)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(stopped)?;
    let data_dir = dir.join("data");
    let flags = Flags {
        listen: vec!["127.0.0.1:0".to_owned(), format!("unix:{}", dir.join("countersign.sock").display())],
        data_dir: Some(data_dir.clone()),
        ..Flags::default()
    };
    let file = dir.join("countersign.toml");
    std::fs::write(&file, settings::file()).map_err(Failure::error)?;
    // Nothing of the environment: the demonstration is the same everywhere.
    let config = Config::load(flags, &[], Some(&file)).map_err(Failure::Settings)?;
    let running = app::start(config).await.map_err(Failure::error)?;
    let walked = tokio::select! {
        walked = present(running.addresses(), &data_dir, &file, once, out) => walked,
        () = either(&mut interrupt, &mut terminate) => Ok(Answer::Yes),
    };
    running.stop().await;
    walked
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}

/// The walk, and without `once` lines to paste; then it serves for ever.
async fn present(
    addresses: &[String],
    data_dir: &Path,
    file: &Path,
    once: bool,
    out: &mut dyn Write,
) -> Result<Answer, Failure> {
    let [tcp, unix] = addresses else {
        return Err(Failure::Surprise(format!("expected two addresses, and it listens on {addresses:?}")));
    };
    let token = data_dir::read_token(data_dir).map_err(Failure::error)?;
    let token = token.ok_or_else(|| Failure::Surprise("expected a first caller's token".to_owned()))?;
    let version = env!("CARGO_PKG_VERSION");
    writeln!(out, "A sidecar, countersign {version}, on SQLite in {}:", data_dir.display())?;
    writeln!(out, "it listens on {tcp} and {unix}. The steps speak gRPC to it.\n")?;
    let (over_tcp, over_unix) = (connect(tcp, &token).await?, connect(unix, &token).await?);
    let spare = walk::walk(&over_tcp, &over_unix, out).await.map_err(surprise)?;
    if once {
        return Ok(Answer::Yes);
    }
    writeln!(
        out,
        "\nIt keeps serving; Ctrl-C ends it and removes everything. Its requirements stand in\n{}:\n\
         change them, and it goes by the new ones. Paste into another terminal:",
        file.display()
    )?;
    paste::lines(out, tcp, unix, &token, &spare)?;
    out.flush()?;
    std::future::pending().await
}

async fn connect(address: &str, token: &SecretText) -> Result<Client, Failure> {
    let endpoint = Endpoint::parse(address).map_err(Failure::error)?;
    let token = Token::of(token, "the data directory")?;
    Client::connect(Target::of(endpoint), token, PATIENCE).await
}

/// A call that went wrong is a surprise too.
fn surprise(failure: Failure) -> Failure {
    match failure {
        Failure::Refused(_) | Failure::Error(_) => {
            Failure::Surprise(format!("expected an answer to every call, and got:\n{failure}"))
        }
        other => other,
    }
}
