//! The composition root: from settings to a server that runs. Builds in order, drains in reverse order.

mod first;
mod open;
mod outer;
mod reload;
mod run;
pub mod serve;
mod tasks;

use std::sync::Arc;

use tower_layer::Identity;

pub use self::open::{OpenError, open};
pub use self::outer::Outer;
pub use self::run::{migrate, notes, serve, serve_behind};
use self::serve::Parts;
pub use self::serve::Running;
use crate::assurance::feasible::infeasible;
use crate::auth::Callers;
use crate::config::guess::Guess;
use crate::config::{Config, KeyringSource};
use crate::crypto::data_dir::{self, InitError};
use crate::crypto::keyring::{Keyring, LoadError, RingError};
use crate::crypto::private_file::ReadError;
use crate::env::{Clock, Entropy, SystemClock, SystemEntropy};
use crate::rpc::layer::Rules;
use crate::service::{Service, Skew};
use crate::store::{Dialect, Options};
use crate::transport::descriptors::{self, TooFew};
use crate::transport::listen::{ListenError, Listener};

/// Why the server does not start, or ends. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory cannot be made.
    #[error(transparent)]
    Init(#[from] InitError),
    /// The key ring cannot be used.
    #[error(transparent)]
    Keyring(#[from] LoadError),
    /// The key ring in the environment cannot be used.
    #[error("the key ring in COUNTERSIGN_KEYRING cannot be used: {0}")]
    KeyringText(#[from] RingError),
    /// There is no key ring, and this is not the database with which one is made unasked.
    #[error(
        "there is no key ring at {0}; replicas that share a database share one ring: make it once with \
         `countersign init --data-dir DIR`, give it to each, and name it with keyring_file"
    )]
    KeyringMissing(String),
    /// The first caller's token cannot be read.
    #[error(transparent)]
    Token(#[from] ReadError),
    /// Nobody could call.
    #[error(
        "nobody could call this server: name callers in the configuration ([[callers]], see \
         `countersign caller new-token --help`), or make a first token with `countersign init --data-dir {0}`"
    )]
    NoCallers(String),
    /// The database.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The clock is far from the database's.
    #[error("{0}, or say database.allow_clock_skew = true")]
    Clock(Skew),
    /// An address.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Too few files may be open.
    #[error(transparent)]
    Descriptors(#[from] TooFew),
    /// Logs or traces cannot be set up.
    #[error(transparent)]
    Telemetry(#[from] crate::ops::telemetry::TelemetryError),
    /// A task or a lane has ended, without which the server does not keep its promises.
    #[error(
        "stopping: the {0} task ended, and the server cannot run without it; if it panicked, a line above says why"
    )]
    Died(&'static str),
    /// Signals cannot be waited for.
    #[error("cannot wait for signals: {0}")]
    Signals(std::io::Error),
    /// The services cannot be described: a defect.
    #[error("the services cannot be described: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// Starts a server.
///
/// # Errors
/// Says what to do. Nothing is left running.
pub async fn start(config: Config) -> Result<Running, StartError> {
    start_at(config, Arc::new(SystemClock)).await
}

/// Starts a server by another clock.
///
/// # Errors
/// Says what to do. Nothing is left running.
pub async fn start_at(config: Config, clock: Arc<dyn Clock>) -> Result<Running, StartError> {
    start_behind(Identity::new(), config, clock).await
}

/// Starts a server with another clock and an outermost layer, which each request reaches first.
///
/// # Errors
/// Says what to do. Nothing is left running.
pub async fn start_behind<O: Outer>(
    outer: O,
    config: Config,
    clock: Arc<dyn Clock>,
) -> Result<Running, StartError> {
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let keyring = Arc::new(keyring(&config, &*entropy)?);
    let anybody = config.insecure_no_auth.then(|| Arc::new(first::all_roles("anybody")));
    if anybody.is_some() {
        tracing::warn!("nobody is asked who they are: insecure_no_auth is for trying things out");
    }
    tracing::info!("{}", Guess::of(&config.policies.default));
    for (tenant, policy) in &config.policies.tenants {
        tracing::info!(%tenant, "{}", Guess::of(policy));
    }
    for warning in infeasible(&config.rulebook) {
        tracing::warn!("{warning}");
    }
    let connections = descriptors::connections(config.limits.connections, database_files(&config))?;
    // Sockets before the database: an address that is taken must not cost a migration.
    let mut listeners = Vec::new();
    for address in &config.listen {
        listeners.push(Listener::bind(address, config.unix_socket_mode).await?);
    }
    let store = open(&options(&config), keyring, &entropy).await?;
    let token = first::token(&config.data_dir)?;
    let credentials = first::with_token(&config.credentials, token);
    if credentials.is_empty() && anybody.is_none() {
        return Err(StartError::NoCallers(config.data_dir.display().to_string()));
    }
    let callers = Arc::new(Callers::new(credentials));
    let service = Service::new(store, clock, entropy.clone(), config.policies, config.rulebook);
    let is_skew_allowed = config.database.allow_clock_skew;
    match service.look().await.map_err(OpenError::from)? {
        Some(skew) if is_skew_allowed => tracing::warn!("{skew}"),
        Some(skew) => return Err(StartError::Clock(skew)),
        None => {}
    }
    let parts = Parts {
        service: Arc::new(service),
        rules: Rules {
            callers: callers.clone(),
            anybody,
            concurrency: config.limits.concurrency,
            max_message: config.limits.max_message_bytes,
            timeout: config.limits.request_timeout,
            entropy,
        },
        connections,
        listeners,
        grace: config.shutdown_grace,
        is_skew_allowed,
    };
    let mut running = serve::run_behind(outer, parts).await?;
    let files = reload::Files {
        settings: config.sources.map(Arc::new),
        requirements: config.book_file.filter(|file| file.is_its_own),
        data_dir: config.data_dir,
    };
    let configured = config.credentials;
    running.tend("reload", |service, now, stop| {
        reload::keep_up(files, reload::InForce { service, callers, configured, token }, now, stop)
    });
    Ok(running)
}

/// Descriptors that the database takes at most.
fn database_files(config: &Config) -> u64 {
    // SQLite has a file, a write-ahead log and a shared memory file for each connection.
    let each = if Dialect::of(config.database.url.expose()) == Some(Dialect::Sqlite) { 3 } else { 1 };
    each * u64::from(config.database.max_connections)
}

/// How to reach the database.
#[must_use]
pub fn options(config: &Config) -> Options {
    Options {
        url: config.database.url.clone(),
        max_connections: config.database.max_connections,
        acquire_timeout: config.database.acquire_timeout,
        statement_timeout: config.database.statement_timeout,
        lock_timeout: config.database.lock_timeout,
        allow_weak_durability: config.database.allow_weak_durability,
    }
}

/// The key ring. With SQLite, what is missing is made at the first start: nobody else needs the ring. Where the database is
/// there already, it is not made anew.
fn keyring(config: &Config, entropy: &dyn Entropy) -> Result<Keyring, StartError> {
    let path = match &config.keyring {
        KeyringSource::Text(text) => return Ok(Keyring::parse(text.expose())?),
        KeyringSource::File(path) => path,
    };
    let is_sqlite = Dialect::of(config.database.url.expose()) == Some(Dialect::Sqlite);
    if is_sqlite && *path == data_dir::keyring_path(&config.data_dir) {
        if let Some(database) = options(config).file() {
            data_dir::check_ring(&config.data_dir, &database)?;
        }
        // Where callers are named, or nobody is asked, a token with every role would only be one more to lose.
        let wants_token = config.credentials.is_empty() && !config.insecure_no_auth;
        let made = data_dir::first_start(&config.data_dir, entropy, wants_token)?;
        if made == crate::crypto::private_file::Made::Created {
            let what = if wants_token { "a key ring and a first caller's token" } else { "a key ring" };
            tracing::info!(dir = %config.data_dir.display(), "made {what}");
        }
    }
    match Keyring::load(path) {
        Err(LoadError::Read(ReadError::Missing { path })) => {
            Err(StartError::KeyringMissing(path.display().to_string()))
        }
        loaded => Ok(loaded?),
    }
}
