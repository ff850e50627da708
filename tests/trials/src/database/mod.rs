//! Databases: a file, a server of one's own, or a database on a server of others.

mod engine;
pub(crate) mod programs;
mod rented;
mod server;
pub mod sql;
mod template;

pub use self::engine::Engine;
pub use self::rented::Rented;
pub use self::server::Server;

use crate::Failed;

/// The database of a trial, empty at the start.
pub enum Database {
    /// A file, in that directory.
    File(tempfile::TempDir),
    /// A server of its own.
    Private(Box<Server>),
    /// A database on a server of others.
    Rented(Rented),
    /// One that is kept elsewhere, as on a cluster.
    Elsewhere(Elsewhere),
}

/// How processes reach a database that is kept elsewhere.
#[derive(Debug, Clone)]
pub struct Elsewhere {
    /// The URL for each process, and from the first on again where there are more processes.
    pub urls: Vec<String>,
    /// The URL at which it is looked at past them.
    pub look: String,
    /// What else they are to be told, as it stands in their configuration.
    pub settings: String,
}

impl Database {
    /// One that nobody else uses: it can be killed.
    ///
    /// # Errors
    /// It does not start.
    pub async fn private(engine: Engine) -> Result<Self, Failed> {
        Ok(match engine {
            Engine::Sqlite => Self::File(tempfile::tempdir()?),
            Engine::Postgres => Self::Private(Box::new(Server::start(engine, &[]).await?)),
            Engine::MySql => Self::Private(Box::new(Server::start(engine, &["max-connections=400"]).await?)),
        })
    }

    /// One on the server that the tests are told to use.
    ///
    /// # Errors
    /// There is none.
    pub async fn rented(engine: Engine) -> Result<Self, Failed> {
        match engine {
            Engine::Sqlite => Self::private(engine).await,
            Engine::Postgres | Engine::MySql => Ok(Self::Rented(Rented::create(engine).await?)),
        }
    }

    /// How `countersign` reaches it.
    #[must_use]
    pub fn url(&self) -> String {
        match self {
            Self::File(dir) => format!("sqlite:{}", dir.path().join("trial.db").display()),
            Self::Private(server) => server.url(),
            Self::Rented(rented) => rented.url(),
            Self::Elsewhere(elsewhere) => elsewhere.look.clone(),
        }
    }

    /// How that process reaches it, and what it is to be told for that.
    #[must_use]
    pub fn of_process(&self, number: usize) -> (String, &str) {
        match self {
            Self::Elsewhere(Elsewhere { urls, settings, .. }) if !urls.is_empty() => {
                (urls[number % urls.len()].clone(), settings)
            }
            _ => (self.url(), ""),
        }
    }

    /// Its server, if it has one of its own.
    pub fn server(&mut self) -> Option<&mut Server> {
        match self {
            Self::Private(server) => Some(server),
            Self::File(_) | Self::Rented(_) | Self::Elsewhere(_) => None,
        }
    }

    /// Ends it, and removes it.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn remove(self) -> Result<(), Failed> {
        match self {
            Self::File(dir) => Ok(dir.close()?),
            Self::Private(server) => server.stop().await,
            Self::Rented(rented) => rented.remove().await,
            Self::Elsewhere(_) => Ok(()),
        }
    }
}
