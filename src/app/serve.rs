//! A server that runs, until it is told to stop.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tower_layer::{Identity, Layer as _};

use super::outer::Outer;
use super::tasks::Tasks;
use crate::ops::refused::Refused;
use crate::rpc::Rpc;
use crate::rpc::health::Reporter;
use crate::rpc::layer::{Layer, Rules};
use crate::service::Service;
use crate::transport::listen::Listener;
use crate::transport::{Connections, Times, accept};
use crate::wire::DESCRIPTORS;

/// How often what has run out is cleared away.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// How often the database is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long connections to the database may take to close where the grace is used up already.
const CLOSING: Duration = Duration::from_secs(1);
/// The largest message of the health and reflection services, in bytes.
const SMALL: usize = 4 << 10;

/// What makes a server.
pub struct Parts {
    /// The use cases.
    pub service: Arc<Service>,
    /// What every request goes through.
    pub rules: Rules,
    /// Connections at most.
    pub connections: usize,
    /// Where it listens.
    pub listeners: Vec<Listener>,
    /// How long requests that are under way may take when the server stops.
    pub grace: Duration,
    /// Whether it serves with a clock that is far from the database's.
    pub is_skew_allowed: bool,
}

/// A server that runs.
pub struct Running {
    addresses: Vec<String>,
    service: Arc<Service>,
    refused: Arc<Refused>,
    health: Reporter,
    stop: CancellationToken,
    connections: Arc<Connections>,
    sockets: Vec<PathBuf>,
    tasks: Tasks,
    reload: Arc<Notify>,
    grace: Duration,
}

/// Starts to serve.
///
/// # Errors
/// The descriptors of the services cannot be read: a defect.
pub async fn run(parts: Parts) -> Result<Running, tonic_reflection::server::Error> {
    run_behind(Identity::new(), parts).await
}

/// Starts to serve behind an outermost layer, which each request reaches first.
///
/// # Errors
/// As [`run`].
pub async fn run_behind<O: Outer>(
    outer: O,
    parts: Parts,
) -> Result<Running, tonic_reflection::server::Error> {
    let Parts { service, rules, connections, listeners, grace, is_skew_allowed } = parts;
    let (health, health_service) = Reporter::new();
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let routes = Rpc::new(service.clone())
        .routes()
        .add_service(health_service.max_decoding_message_size(SMALL))
        .add_service(reflection().build_v1()?.max_decoding_message_size(SMALL))
        .add_service(reflection().build_v1alpha()?.max_decoding_message_size(SMALL))
        .prepare();
    // As many as may be carried out, and as many refusals.
    let many_streams = rules.concurrency.saturating_mul(2);
    let layer = Layer::new(rules);
    let stop = CancellationToken::new();
    let connections = Connections::new(connections, many_streams, Times::default(), stop.clone());
    let mut running = Running {
        addresses: listeners.iter().map(Listener::address).collect(),
        service: service.clone(),
        refused: layer.refused().clone(),
        health: health.clone(),
        stop: stop.clone(),
        connections: connections.clone(),
        sockets: listeners.iter().filter_map(Listener::socket).map(Path::to_owned).collect(),
        tasks: Tasks::new(stop.clone()),
        reload: Arc::default(),
        grace,
    };
    running.tasks.spawn("sweep", sweep(service.clone(), stop.clone()));
    running.tasks.spawn("readiness", watch(service, is_skew_allowed, health, stop.clone()));
    running.tasks.spawn("connections", connections.clone().look_after(stop.clone()));
    let answers = outer.layer(layer.layer(routes));
    for listener in listeners {
        let accepting = accept(listener, connections.clone(), answers.clone());
        running.tasks.spawn("listener", stop.clone().run_until_cancelled_owned(accepting).map(|_| ()));
    }
    Ok(running)
}

impl Running {
    /// Does something beside serving, until it is told to stop. It is notified when everything is to be read again.
    pub(super) fn tend<W>(
        &mut self,
        name: &'static str,
        task: impl FnOnce(Arc<Service>, Arc<Notify>, CancellationToken) -> W,
    ) where
        W: Future<Output = ()> + Send + 'static,
    {
        self.tasks.spawn(name, task(self.service.clone(), self.reload.clone(), self.stop.clone()));
    }

    /// Reads again what can be put in force without a restart.
    pub fn reload(&self) {
        self.reload.notify_one();
    }

    /// Waits until a task or a lane has died without which the server does not keep its promises. Gives its name.
    pub async fn died(&self) -> &'static str {
        tokio::select! {
            name = self.tasks.died() => name,
            () = self.service.store().died() => "store",
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// Counts of refused requests, by reason.
    #[must_use]
    pub fn refused(&self) -> &Refused {
        &self.refused
    }

    /// Stops: says that it goes away, lets requests that are under way end, writes what waits to be
    /// written. A database that does not answer holds it no longer than its grace.
    pub async fn stop(self) {
        self.health.set(false);
        self.stop.cancel();
        // Health watch streams end with the last reporter. Left open, they would keep the server for its whole grace.
        drop(self.health);
        let until = Instant::now() + self.grace;
        let cut_off = self.connections.drain(until).await;
        if cut_off > 0 {
            tracing::warn!(requests = cut_off, "some requests did not end in time; they are cut off");
        }
        self.tasks.abort();
        // What hangs in the database is left to it: nobody was told that it is done.
        let until = until.max(Instant::now() + CLOSING);
        if timeout_at(until, self.service.store().close()).await.is_err() {
            tracing::warn!("the database does not answer; its connections are dropped");
        }
        for socket in self.sockets {
            // It may have been removed already, with its directory.
            let _ = std::fs::remove_file(socket);
        }
    }
}

/// Clears away what has run out, now and then.
async fn sweep(service: Arc<Service>, stop: CancellationToken) {
    let mut every = tokio::time::interval(SWEEP_EVERY);
    while stop.run_until_cancelled(every.tick()).await.is_some() {
        match service.sweep().await {
            Ok(swept) => tracing::debug!(?swept, "swept"),
            Err(error) => tracing::warn!(?error, "could not sweep; trying again later"),
        }
    }
}

/// Whether the server is ready, and why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Readiness {
    Ready,
    /// The database does not answer, or takes no writes.
    Database,
    /// The clock is far from the database's.
    Clock,
}

/// Serves only while the database takes writes and the clock is near its. Says so once each time that
/// changes.
async fn watch(service: Arc<Service>, is_skew_allowed: bool, health: Reporter, stop: CancellationToken) {
    let mut every = tokio::time::interval(LOOK_EVERY);
    let mut was = Readiness::Ready;
    while stop.run_until_cancelled(every.tick()).await.is_some() {
        let (is, why) = match tokio::time::timeout(LOOK_EVERY, service.look()).await {
            Ok(Ok(Some(skew))) if !is_skew_allowed => (Readiness::Clock, skew.to_string()),
            Ok(Ok(_)) => (Readiness::Ready, String::new()),
            Ok(Err(fault)) => (Readiness::Database, fault.to_string()),
            Err(_) => (Readiness::Database, "the database does not answer in time".to_owned()),
        };
        if is == was || stop.is_cancelled() {
            continue;
        }
        was = is;
        if is == Readiness::Ready {
            tracing::info!("ready again");
            health.set(true);
        } else {
            tracing::warn!(why, "not ready");
            health.set(false);
        }
    }
}
