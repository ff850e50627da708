//! What a database does to a server that depends on it, with real servers of these tests' own.

mod cuts;
mod hosts;
mod outage;
mod readiness;
mod rollback;
mod startup;
mod tls;

use std::sync::{Arc, OnceLock};

use countersign::app::{self, OpenError};
use countersign::crypto::keyring::Keyring;
use countersign::env::{Entropy, SystemEntropy};
use countersign::store::{Options, Store};

use crate::harness::databases::TestDatabase;
use crate::harness::line::Proxy;
use crate::harness::replica::SECRET;

/// The same database, through a proxy.
fn through(database: &TestDatabase, proxy: &Proxy) -> TestDatabase {
    let at = format!("127.0.0.1:{}", database.port());
    assert!(database.url.contains(&at), "the tests' servers are at 127.0.0.1");
    TestDatabase { url: database.url.replace(&at, &proxy.address()), ..database.clone() }
}

/// The code of a replica's HOTP device.
fn hotp_code(counter: u64) -> String {
    crate::harness::hotp(SECRET, counter)
}

/// Opens a database as a server does when it starts.
async fn open(options: &Options) -> Result<Store, OpenError> {
    static KEYRING: OnceLock<Arc<Keyring>> = OnceLock::new();
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let keyring = KEYRING.get_or_init(|| Arc::new(Keyring::generate(&*entropy)));
    app::open(options, keyring.clone(), &entropy).await
}
