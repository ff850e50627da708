//! A database of one's own on a server of others.

use std::sync::atomic::{AtomicU32, Ordering};

use countersign::env::{Entropy, SystemEntropy};

use super::{Engine, sql};
use crate::Failed;

/// A database on a server of others. Whoever made it removes it.
#[derive(Debug, Clone)]
pub struct Rented {
    engine: Engine,
    server: String,
    name: String,
}

impl Rented {
    /// Makes one, empty, on the server that the tests are told to use.
    ///
    /// # Errors
    /// There is no server, or it does not let itself be asked.
    pub async fn create(engine: Engine) -> Result<Self, Failed> {
        let (server, name) = (engine.server()?, fresh_name(&SystemEntropy));
        sql::rows(&server, &format!("CREATE DATABASE {name}")).await?;
        Ok(Self { engine, server, name })
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        let (base, query) = match self.server.split_once('?') {
            Some((base, query)) => (base, format!("?{query}")),
            None => (self.server.as_str(), String::new()),
        };
        let host = base.find("://").map_or(0, |at| at + 3);
        let end = base[host..].find('/').map_or(base.len(), |slash| host + slash);
        format!("{}/{}{query}", &base[..end], self.name)
    }

    /// Removes it, whoever uses it.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn remove(&self) -> Result<(), Failed> {
        let force = if self.engine == Engine::Postgres { " WITH (FORCE)" } else { "" };
        sql::rows(&self.server, &format!("DROP DATABASE {}{force}", self.name)).await?;
        Ok(())
    }
}

/// A name that no other test has: not of this run, and not of one beside it.
fn fresh_name(entropy: &dyn Entropy) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let chance = data_encoding::HEXLOWER.encode(&entropy.bytes::<6>());
    format!("countersign_test_{}_{chance}", NEXT.fetch_add(1, Ordering::Relaxed))
}
