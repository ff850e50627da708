//! How to reach the database.

use std::path::Path;
use std::time::Duration;

use toml::Value;

use super::take::{Take, flag, number, span, text};
use crate::crypto::data_dir;
use crate::domain::secret::SecretText;

/// The database.
#[derive(Debug, Clone)]
pub struct Database {
    /// Its URL.
    pub url: SecretText,
    /// Connections at most.
    pub max_connections: u32,
    /// How long to wait for a connection.
    pub acquire_timeout: Duration,
    /// How long a statement may take in the database. Zero: what the server allows.
    pub statement_timeout: Duration,
    /// How long a statement may wait for a lock. Zero: what the server allows.
    pub lock_timeout: Duration,
    /// A server that forgets commits when it crashes is taken all the same.
    pub allow_weak_durability: bool,
    /// A clock that is far from the database's is taken all the same.
    pub allow_clock_skew: bool,
}

/// Parses its settings.
pub(super) fn database(take: &mut Take<'_>, dir: &Path) -> Database {
    let url = take.maybe("database_url", |v| database_url(text(v)?));
    let from_file = take.maybe("database_url_file", |v| {
        let path = text(v)?;
        let read = std::fs::read_to_string(&path).map_err(|e| format!("{path} cannot be read: {e}"))?;
        database_url(read.trim().to_owned())
    });
    let given = url.or(from_file);
    Database {
        url: given
            .unwrap_or_else(|| SecretText::new(format!("sqlite:{}", data_dir::database_path(dir).display()))),
        max_connections: take.parsed("database.max_connections", 8, |v| number(v, 2, 1000)),
        acquire_timeout: take.parsed("database.acquire_timeout", Duration::from_secs(5), |v| {
            span(v, Duration::from_millis(100), Duration::from_secs(60))
        }),
        statement_timeout: take
            .parsed("database.statement_timeout", Duration::from_secs(5), |v| zero_or(v, 300)),
        lock_timeout: take.parsed("database.lock_timeout", Duration::from_secs(2), |v| zero_or(v, 60)),
        allow_weak_durability: take.parsed("database.allow_weak_durability", false, flag),
        allow_clock_skew: take.parsed("database.allow_clock_skew", false, flag),
    }
}

/// A time of so many seconds at most, or zero; MySQL waits for locks in whole seconds.
fn zero_or(value: &Value, most: u64) -> Result<Duration, String> {
    let span = span(value, Duration::ZERO, Duration::from_secs(most))?;
    if span.is_zero() || span >= Duration::from_millis(100) {
        return Ok(span);
    }
    Err("must be 0s, which leaves it to the server, or at least 100ms".to_owned())
}

fn database_url(url: String) -> Result<SecretText, String> {
    let schemes = ["sqlite:", "postgres:", "postgresql:", "mysql:", "mariadb:"];
    if schemes.iter().any(|scheme| url.starts_with(scheme)) {
        return Ok(SecretText::new(url));
    }
    // The URL is not repeated: it may hold a password.
    Err("must begin with sqlite:, postgres: or mysql:".to_owned())
}
