//! What a database does to a server that depends on it, with real servers of these tests' own.

mod clock;
mod cuts;
mod died;
mod hosts;
mod outage;
mod readiness;
mod rollback;
mod startup;
pub(crate) mod tls;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use countersign::app::{self, OpenError};
use countersign::crypto::keyring::Keyring;
use countersign::env::request::within;
use countersign::env::{Entropy, SystemEntropy};
use countersign::error::{Error, Origin};
use countersign::store::{Options, Store};
use countersign_trials::database::Server;

use crate::harness::databases::TestDatabase;
use crate::harness::line::Proxy;
use crate::harness::replica::SECRET;

/// The same database, through a proxy.
fn through(database: &TestDatabase, proxy: &Proxy) -> TestDatabase {
    let at = format!("127.0.0.1:{}", database.port());
    assert!(database.url.contains(&at), "the tests' servers are at 127.0.0.1");
    TestDatabase { url: database.url.replace(&at, &proxy.address()), ..database.clone() }
}

/// The database of a test's own server.
fn of(server: &Server) -> TestDatabase {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    TestDatabase { engine: server.engine, url: server.url(), keyring: keyring(), dir, rented: None }
}

fn keyring() -> Arc<Keyring> {
    static KEYRING: OnceLock<Arc<Keyring>> = OnceLock::new();
    KEYRING.get_or_init(|| Arc::new(Keyring::generate(&SystemEntropy))).clone()
}

/// What a request comes to that may take so long. It must be answered before that.
async fn in_time<T>(limit: Duration, request: impl Future<Output = T>) -> T {
    within(limit, request).await.expect("it is answered before its time is over")
}

/// Where a request failed, or that it did not.
fn origin<T>(tried: &Result<T, Error>) -> Option<Origin> {
    match tried {
        Err(Error::Fault(fault)) => Some(fault.origin),
        Err(Error::Refused(refusal)) => panic!("refused: {refusal:?}"),
        Ok(_) => None,
    }
}

/// The code of a replica's HOTP device.
fn hotp_code(counter: u64) -> String {
    crate::harness::hotp(SECRET, counter)
}

/// Opens a database as a server does when it starts.
async fn open(options: &Options) -> Result<Store, OpenError> {
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    app::open(options, keyring(), &entropy).await
}
