//! A task without which the server does not keep its promises has died: the process ends, and says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use countersign::app::{self, StartError, serve};
use countersign::auth::{Callers, Credentials, Role};
use countersign::config::{Address, Config, Flags};
use countersign::crypto::keyring::Keyring;
use countersign::crypto::token::TokenHash;
use countersign::domain::moment::Moment;
use countersign::env::{Clock, Entropy, SystemClock, SystemEntropy};
use countersign::rpc::layer::Rules;
use countersign::service::Service;
use countersign::transport::listen::Listener;
use tokio::time::timeout;
use tower_layer::Identity;

use crate::harness::part::{self, Part};
use crate::harness::{Client, START, caller, options, roomy, rulebook};

/// Chance that fails, once it is broken: the system has none to give.
#[derive(Default)]
struct BrokenEntropy(AtomicBool);

impl Entropy for BrokenEntropy {
    fn fill(&self, out: &mut [u8]) {
        assert!(!self.0.load(Ordering::SeqCst), "no entropy");
        SystemEntropy.fill(out);
    }
}

#[tokio::test]
async fn a_lane_that_panicked_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let broken = Arc::new(BrokenEntropy::default());
    let of_store: Arc<dyn Entropy> = broken.clone();
    let keyring = Arc::new(Keyring::generate(&SystemEntropy));
    let url = format!("sqlite:{}", dir.path().join("test.db").display());
    let store = app::open(&options(&url), keyring, &of_store).await.unwrap();
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let clock = Arc::new(countersign::env::ManualClock::at(START));
    let service = Service::new(store, clock, entropy.clone(), roomy(), rulebook(&[]));
    let mut credentials = Credentials::default();
    credentials.token(TokenHash::of("cs_app"), &Arc::new(caller("app", "default", &Role::ALL)));
    let parts = serve::Parts {
        service: Arc::new(service),
        rules: Rules {
            callers: Arc::new(Callers::new(credentials)),
            anybody: None,
            concurrency: 1024,
            max_message: 64 << 10,
            timeout: Duration::from_secs(10),
            entropy,
        },
        connections: 64,
        listeners: vec![Listener::bind(&Address::Tcp(([127, 0, 0, 1], 0).into()), 0o600).await.unwrap()],
        grace: Duration::from_secs(5),
        is_skew_allowed: true,
    };
    let running = serve::run(parts).await.unwrap();
    let client = Client::tcp(&running.addresses()[0], Some("cs_app")).await;
    client.enroll_totp("alice", "phone", b"a secret of twenty b").await;
    assert!(timeout(Duration::ZERO, running.died()).await.is_err(), "all is well");

    broken.0.store(true, Ordering::SeqCst);
    let mut devices = client.devices.clone();
    let request = countersign::wire::pb::EnrollDeviceRequest {
        subject: "bob".to_owned(),
        setup: Some(countersign::wire::pb::enroll_device_request::Setup::Totp(Default::default())),
        ..Default::default()
    };
    devices.enroll_device(request).await.unwrap_err();
    assert_eq!(timeout(Duration::from_secs(30), running.died()).await, Ok("store"));
    running.stop().await;
}

/// A clock that cannot be read any more, once it is broken.
#[derive(Default)]
struct BrokenClock(AtomicBool);

impl Clock for BrokenClock {
    fn now(&self) -> Moment {
        assert!(!self.0.load(Ordering::SeqCst), "no clock");
        SystemClock.now()
    }
}

#[test]
fn a_process_one_of_whose_tasks_has_died_ends_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    for (clock, end) in [("broken", " task ended, "), ("well", "well")] {
        std::fs::write(dir.path().join("clock"), clock).unwrap();
        let mut part = Part::start(part::command("faults::died::part_serve_with_that_clock", dir.path()));
        let said = part.hear();
        assert!(said.contains(end), "{clock}: {said}");
        part.end();
    }
}

#[tokio::test]
#[ignore = "a part of another test, which starts it"]
async fn part_serve_with_that_clock() {
    let Some(dir) = part::stage() else { return };
    let is_broken = std::fs::read_to_string(dir.join("clock")).unwrap() == "broken";
    let clock = Arc::new(BrokenClock::default());
    let flags = Flags {
        listen: vec![format!("unix:{}", dir.join("cs.sock").display())],
        data_dir: Some(dir.join("data")),
        ..Flags::default()
    };
    let config = Config::load(flags, &[], None).unwrap();
    let break_it = |_: &[String]| clock.0.store(is_broken, Ordering::SeqCst);
    let serving = app::serve_behind(Identity::new(), clock.clone(), config, &[], break_it);
    // The control goes on for longer than it takes to look at the database again.
    let patience = if is_broken { 30 } else { 4 };
    match timeout(Duration::from_secs(patience), serving).await {
        Ok(Err(error @ StartError::Died(_))) => part::say(&error.to_string()),
        Ok(ended) => panic!("{ended:?}"),
        Err(_) => part::say("well"),
    }
    tokio::task::spawn_blocking(part::wait_for_the_end).await.unwrap();
}
