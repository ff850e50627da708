//! A server in a process of its own, on the files of a directory: it can be killed, and everything that it
//! logs is seen from outside.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use countersign::app::{self, serve};
use countersign::auth::{Callers, Credentials, Role};
use countersign::config::Address;
use countersign::crypto::data_dir;
use countersign::crypto::keyring::Keyring;
use countersign::crypto::token::TokenHash;
use countersign::domain::policy::Policies;
use countersign::domain::throttle::ThrottlePolicy;
use countersign::env::{Entropy, SystemClock, SystemEntropy};
use countersign::ops::telemetry::{LogFormat, Telemetry};
use countersign::rpc::layer::Rules;
use countersign::service::Service;
use countersign::transport::listen::Listener;

use super::part::{self, Part};
use super::{Client, caller, options, rulebook};

/// A server in another process.
pub(crate) struct Served {
    part: Part,
    address: String,
}

impl Served {
    /// Starts one that says little.
    pub(crate) fn start(dir: &Path) -> Self {
        Self::run(part::command("harness::served::part_serve", dir))
    }

    /// Starts one that is as talkative as can be. What it logs goes to that file.
    pub(crate) fn start_talkative(dir: &Path, log: &Path) -> Self {
        let mut command = part::command("harness::served::part_serve", dir);
        command.env(part::LOG, "trace").stderr(std::fs::File::create(log).unwrap());
        Self::run(command)
    }

    fn run(command: Command) -> Self {
        let mut part = Part::start(command);
        let address = part.hear();
        Self { part, address }
    }

    /// A caller with every role.
    pub(crate) async fn client(&self, dir: &Path) -> Client {
        let token = data_dir::read_token(dir).unwrap().unwrap();
        self.client_with(token.expose()).await
    }

    /// A caller that shows that token.
    pub(crate) async fn client_with(&self, token: &str) -> Client {
        Client::tcp(&self.address, Some(token)).await
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.part.kill();
    }

    /// Lets it end by itself.
    pub(crate) fn end(self) {
        self.part.end();
    }
}

/// The database of such a server.
pub(crate) fn database(dir: &Path) -> String {
    format!("sqlite:{}", dir.join("test.db").display())
}

/// The key ring of such a server.
pub(crate) fn keyring(dir: &Path) -> Arc<Keyring> {
    Arc::new(Keyring::load(&data_dir::keyring_path(dir)).unwrap())
}

/// Serves until who started it hangs up. Nobody is throttled: what is offered is judged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a part of other tests, which start it"]
async fn part_serve() {
    let Some(dir) = part::stage() else { return };
    Telemetry::start(LogFormat::Json, &part::log_filter(), &[]).unwrap();
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    data_dir::init(&dir, &*entropy).unwrap();
    let store = app::open(&options(&database(&dir)), keyring(&dir), &entropy).await.unwrap();
    let mut policies = Policies::default();
    policies.default.throttle =
        ThrottlePolicy { factor: Duration::ZERO, lock_after: u32::MAX, ..ThrottlePolicy::default() };
    let mut credentials = Credentials::default();
    let token = data_dir::read_token(&dir).unwrap().unwrap();
    assert!(
        credentials.token(TokenHash::of(token.expose()), &Arc::new(caller("app", "default", &Role::ALL)))
    );
    let parts = serve::Parts {
        is_skew_allowed: false,
        service: Arc::new(Service::new(
            store,
            Arc::new(SystemClock),
            entropy.clone(),
            policies,
            rulebook(&[]),
        )),
        rules: Rules {
            callers: Arc::new(Callers::new(credentials)),
            anybody: None,
            concurrency: 1024,
            max_message: 64 << 10,
            timeout: Duration::from_secs(30),
            entropy,
        },
        connections: 1024,
        listeners: vec![Listener::bind(&Address::Tcp(([127, 0, 0, 1], 0).into()), 0o600).await.unwrap()],
        grace: Duration::from_secs(5),
    };
    let running = serve::run(parts).await.unwrap();
    part::say(&running.addresses()[0]);
    tokio::task::spawn_blocking(part::wait_for_the_end).await.unwrap();
    running.stop().await;
}
