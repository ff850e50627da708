//! A server that runs, until it is told to stop.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::Connected;
use tower_layer::Identity;

use super::listen::{self, Listener};
use super::outer::Outer;
use crate::ops::refused::Refused;
use crate::rpc::Rpc;
use crate::rpc::health::Reporter;
use crate::rpc::layer::{Layer, Rules, TRANSPORT_MAX};
use crate::service::Service;
use crate::wire::DESCRIPTORS;

/// How often what has run out is cleared away.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// How often the database is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long connections to the database may take to close where the grace is used up already.
const CLOSING: Duration = Duration::from_secs(1);
/// How long a client may stay silent before it is asked whether it is there.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// What makes a server.
pub struct Parts {
    /// The use cases.
    pub service: Arc<Service>,
    /// What every request goes through.
    pub rules: Rules,
    /// The largest request, in bytes.
    pub max_message: usize,
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
    servers: JoinSet<Result<(), tonic::transport::Error>>,
    chores: Vec<JoinHandle<()>>,
    sockets: Vec<std::path::PathBuf>,
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
    let Parts { service, rules, max_message, listeners, grace, is_skew_allowed } = parts;
    let (health, health_service) = Reporter::new();
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let routes = Rpc::new(service.clone())
        .routes(max_message)
        .add_service(health_service)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?)
        .prepare();
    let layer = Layer::new(rules);
    let stop = CancellationToken::new();
    let mut running = Running {
        addresses: listeners.iter().map(Listener::address).collect(),
        service: service.clone(),
        refused: layer.refused().clone(),
        health: health.clone(),
        stop: stop.clone(),
        servers: JoinSet::new(),
        chores: vec![
            tokio::spawn(sweep(service.clone(), stop.clone())),
            tokio::spawn(watch(service, is_skew_allowed, health, stop.clone())),
        ],
        sockets: Vec::new(),
        grace,
    };
    for listener in listeners {
        match listener {
            Listener::Tcp(listener) => {
                let connections = listen::tcp(listener);
                let (outer, layer) = (outer.clone(), layer.clone());
                running.servers.spawn(serve(connections, routes.clone(), outer, layer, stop.clone()));
            }
            Listener::Unix(listener, path) => {
                running.sockets.push(path);
                let connections = listen::accepted(listener);
                let (outer, layer) = (outer.clone(), layer.clone());
                running.servers.spawn(serve(connections, routes.clone(), outer, layer, stop.clone()));
            }
        }
    }
    Ok(running)
}

async fn serve<C, O: Outer>(
    connections: impl Stream<Item = io::Result<C>>,
    routes: Routes,
    outer: O,
    layer: Layer,
    stop: CancellationToken,
) -> Result<(), tonic::transport::Error>
where
    C: tokio::io::AsyncRead + tokio::io::AsyncWrite + Connected + Unpin + Send + 'static,
{
    Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_max_header_list_size(TRANSPORT_MAX)
        .layer(outer)
        .layer(layer)
        .add_routes(routes)
        .serve_with_incoming_shutdown(connections, stop.cancelled_owned())
        .await
}

impl Running {
    /// Does something beside serving, until it is told to stop.
    pub(super) fn tend<W>(&mut self, chore: impl FnOnce(Arc<Service>, CancellationToken) -> W)
    where
        W: Future<Output = ()> + Send + 'static,
    {
        self.chores.push(tokio::spawn(chore(self.service.clone(), self.stop.clone())));
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
    pub async fn stop(mut self) {
        self.health.set(false);
        self.stop.cancel();
        // Health watch streams end with the last reporter. Left open, they would keep the server for its whole grace.
        drop(self.health);
        let until = Instant::now() + self.grace;
        let ended = async { while self.servers.join_next().await.is_some() {} };
        if timeout_at(until, ended).await.is_err() {
            tracing::warn!("some requests did not end in time; they are cut off");
            self.servers.shutdown().await;
        }
        for chore in self.chores {
            chore.abort();
        }
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
