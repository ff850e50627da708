//! What a database does to a server that depends on it, with real servers of these tests' own.

mod startup;

use std::sync::{Arc, OnceLock};

use countersign::app::{self, OpenError};
use countersign::crypto::keyring::Keyring;
use countersign::env::{Entropy, SystemEntropy};
use countersign::store::{Options, Store};

/// Opens a database as a server does when it starts.
async fn open(options: &Options) -> Result<Store, OpenError> {
    static KEYRING: OnceLock<Arc<Keyring>> = OnceLock::new();
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let keyring = KEYRING.get_or_init(|| Arc::new(Keyring::generate(&*entropy)));
    app::open(options, keyring.clone(), &entropy).await
}
