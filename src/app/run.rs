//! What the server's own commands do: serve until told to stop, migrate, check.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tower_layer::Identity;

use super::{OpenError, Outer, StartError, open, options, start_behind};
use crate::assurance::feasible::infeasible;
use crate::config::Config;
use crate::config::guess::Guess;
use crate::env::{Clock, SystemClock};
use crate::ops::telemetry::{LogFormat, Telemetry};
use crate::store::{Database, SchemaState};

/// Serves until SIGTERM or SIGINT, then drains. A second signal ends at once. On SIGHUP, callers and requirements are
/// read again. `announce` is told where it listens.
///
/// # Errors
/// Says what to do, where it cannot start, or where a task has died that it needs.
pub async fn serve(
    config: Config,
    environment: &[(String, String)],
    announce: impl FnOnce(&[String]),
) -> Result<(), StartError> {
    serve_behind(Identity::new(), Arc::new(SystemClock), config, environment, announce).await
}

/// Serves like [`serve`], with another clock and an outermost layer, which each request reaches first.
///
/// # Errors
/// Says what to do, where it cannot start.
pub async fn serve_behind<O: Outer>(
    outer: O,
    clock: Arc<dyn Clock>,
    config: Config,
    environment: &[(String, String)],
    announce: impl FnOnce(&[String]),
) -> Result<(), StartError> {
    let format = match config.log.format.as_str() {
        "text" => LogFormat::Text,
        "json" => LogFormat::Json,
        _ => LogFormat::Auto,
    };
    let telemetry = Telemetry::start(format, &config.log.level, environment)?;
    let (mut term, mut int) = signals().map_err(StartError::Signals)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(StartError::Signals)?;
    let running = start_behind(outer, config, clock).await?;
    announce(running.addresses());
    let ended = loop {
        tokio::select! {
            () = first(&mut term, &mut int) => break Ok(()),
            name = running.died() => break Err(StartError::Died(name)),
            Some(()) = hangup.recv() => running.reload(),
        }
    };
    if let Err(error) = &ended {
        tracing::error!("{error}");
    }
    tracing::info!("stopping: requests that are under way may end");
    tokio::select! {
        () = running.stop() => {}
        () = first(&mut term, &mut int) => tracing::warn!("told to stop again: ending at once"),
    }
    // Sending what is left blocks, and a collector that does not answer must not keep the process.
    let sent = tokio::task::spawn_blocking(move || telemetry.stop());
    let _ = tokio::time::timeout(std::time::Duration::from_secs(2), sent).await;
    ended
}

fn signals() -> std::io::Result<(Signal, Signal)> {
    Ok((signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?))
}

async fn first(term: &mut Signal, int: &mut Signal) {
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
}

/// Brings the schema up to date, or with `dry_run` only says what would be done. Gives the migrations.
///
/// # Errors
/// The database cannot be reached, or belongs to a newer program.
pub async fn migrate(config: &Config, dry_run: bool) -> Result<Vec<String>, StartError> {
    let database = Database::connect(&options(config)).await.map_err(OpenError::from)?;
    let pending = match open::schema(&database).await? {
        SchemaState::Current | SchemaState::Next(_) => Vec::new(),
        SchemaState::Behind(pending) => pending,
        SchemaState::Ahead(unknown) => return Err(OpenError::SchemaAhead(unknown.join(", ")).into()),
    };
    if !dry_run && !pending.is_empty() {
        database.migrate().await.map_err(OpenError::from)?;
    }
    database.close().await.map_err(OpenError::from)?;
    Ok(pending)
}

/// What the settings allow, in words, beside the settings themselves.
#[must_use]
pub fn notes(config: &Config) -> Vec<String> {
    let policies = &config.policies;
    let mut notes = vec![Guess::of(&policies.default).to_string()];
    let mut tenants: Vec<_> = policies.tenants.iter().collect();
    tenants.sort_by_key(|(tenant, _)| (*tenant).clone());
    notes.extend(tenants.iter().map(|(tenant, policy)| format!("tenant {tenant}: {}", Guess::of(policy))));
    notes.extend(infeasible(&config.rulebook).iter().map(|warning| format!("warning: {warning}")));
    notes
}
