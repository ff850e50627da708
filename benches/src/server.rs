//! The server in a process of its own: the same parts in the same order as the product's.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign::app::{self, serve};
use countersign::auth::{Caller, Callers, Credentials, Role};
use countersign::config::Address;
use countersign::crypto::token::TokenHash;
use countersign::domain::ids::CallerName;
use countersign::domain::policy::Policies;
use countersign::env::{Entropy, SystemClock, SystemEntropy};
use countersign::ops::telemetry::{LogFormat, Telemetry};
use countersign::rpc::layer::Rules;
use countersign::service::Service;
use countersign::transport::listen::Listener;
use tokio::io::AsyncReadExt as _;

use crate::{Failed, fleet, place, seed};

/// What a server says when it serves.
pub const SERVING: &str = "serving";

/// What the product logs by default where nobody looks on, and so what it makes spans for.
const LOG_LEVEL: &str = "warn,h2=error,countersign=info";

/// Serves until its standard input is closed.
pub async fn run(dir: &Path, url: &str) -> Result<(), Failed> {
    let _telemetry = Telemetry::start(LogFormat::Json, LOG_LEVEL, &[])?;
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let store = app::open(&seed::options(url), place::keyring(dir)?, &entropy).await?;
    let service =
        Service::new(store, Arc::new(SystemClock), entropy.clone(), Policies::default(), fleet::rulebook()?);
    let caller = Arc::new(Caller {
        name: CallerName::trusted("bench"),
        tenant: fleet::tenant(),
        roles: BTreeSet::from(Role::ALL),
    });
    let mut credentials = Credentials::default();
    credentials.token(TokenHash::of(place::token(dir)?.expose()), &caller);
    let rules = Rules {
        callers: Arc::new(Callers::new(credentials)),
        anybody: None,
        concurrency: 1024,
        max_message: 64 << 10,
        timeout: Duration::from_secs(10),
        entropy: entropy.clone(),
    };
    let addresses = [Address::Unix(place::socket(dir)), Address::Tcp(([127, 0, 0, 1], 0).into())];
    let mut listeners = Vec::new();
    for address in &addresses {
        listeners.push(Listener::bind(address, 0o600).await?);
    }
    let running = serve::run(serve::Parts {
        is_skew_allowed: false,
        service: Arc::new(service),
        rules,
        connections: 1024,
        listeners,
        grace: Duration::from_secs(5),
    })
    .await?;
    let mut out = std::io::stdout();
    writeln!(out, "{SERVING} {}", running.addresses().join(" "))?;
    out.flush()?;
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    running.stop().await;
    Ok(())
}
