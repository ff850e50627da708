//! `countersign serve`.

use std::io::Write;
use std::sync::Arc;

use clap::Args;
use tower_layer::Identity;

use super::client::{forget, remember};
use super::environment::Environment;
use super::failure::Failure;
use super::settings::Settings;
use super::{Answer, block_on_all_cores};
use crate::app::{self, Outer};
use crate::config::Config;
use crate::env::{Clock, SystemClock};
use crate::ops::dumps::forbid_dumps;

/// Serves, until SIGTERM or Ctrl-C; a second one ends at once. SIGHUP reads callers and requirements again.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Serve {
    #[command(flatten)]
    settings: Settings,
}

const EXAMPLES: &str = "\
Settings on the command line stand over the environment (COUNTERSIGN_…), and that over the file. One line on \
standard output says where it listens; logs go to standard error. Traces are exported as the standard OTEL_… \
variables say. `config check` shows every setting.

Examples:
  countersign serve
  countersign serve --listen unix:/run/countersign/countersign.sock --listen 127.0.0.1:7443
  countersign serve --config countersign.toml --log-format json";

impl Serve {
    pub(super) fn run(self, environment: &Environment, out: &mut dyn Write) -> Result<Answer, Failure> {
        let version = env!("CARGO_PKG_VERSION");
        let name = format!("countersign {version}");
        self.run_behind(Identity::new(), Arc::new(SystemClock), |_| {}, &name, environment, out)
    }

    /// Serves with another clock and an outermost layer. `change` edits the settings after they were read.
    pub(super) fn run_behind<O: Outer>(
        self,
        outer: O,
        clock: Arc<dyn Clock>,
        change: impl FnOnce(&mut Config),
        name: &str,
        environment: &Environment,
        out: &mut dyn Write,
    ) -> Result<Answer, Failure> {
        // Before the settings, which may hold the key ring.
        let undumpable = forbid_dumps();
        let mut config = self.settings.load(environment)?;
        change(&mut config);
        let data_dir = config.data_dir.clone();
        let mut announce = |addresses: &[String]| {
            remember(&data_dir, addresses);
            // Whoever started it may not want to read the line.
            let _ = writeln!(out, "{name} listens on {}", addresses.join(", "));
            let _ = out.flush();
        };
        let served = block_on_all_cores(async {
            let announce = |addresses: &[String]| {
                if let Err(error) = &undumpable {
                    tracing::warn!("the memory of this process may be dumped or read by others: {error}");
                }
                announce(addresses);
            };
            let served = app::serve_behind(outer, clock, config, environment.all(), announce);
            served.await.map_err(Failure::error)
        });
        // Only a server that started has noted its address: another one's is left alone.
        if served.is_ok() {
            forget(&data_dir);
        }
        served.map(|()| Answer::Yes)
    }
}
