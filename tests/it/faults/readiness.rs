//! A server is ready only while its database takes writes and its clock is near the database's.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use countersign::app::{self, StartError};
use countersign::config::{Config, Flags};
use countersign::crypto::data_dir;
use countersign::domain::moment::Moment;
use countersign::env::{Clock, SystemClock, SystemEntropy};
use countersign_trials::database::Server;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::of;
use crate::harness::databases::{Engine, TestDatabase, on, on_private_servers};
use crate::harness::eventually;

on_private_servers!(
    a_clock_far_from_the_databases_stops_the_start_unless_that_is_allowed,
    a_clock_that_goes_astray_makes_a_server_not_ready,
    a_database_that_takes_no_writes_makes_a_server_not_ready,
);

/// A clock so many seconds ahead of this machine's.
#[derive(Default)]
struct Ahead(AtomicI64);

impl Ahead {
    fn by(seconds: i64) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(seconds)))
    }

    fn set(&self, seconds: i64) {
        self.0.store(seconds, Ordering::SeqCst);
    }
}

impl Clock for Ahead {
    fn now(&self) -> Moment {
        Moment::from_micros(SystemClock.now().micros() + 1_000_000 * self.0.load(Ordering::SeqCst))
    }
}

fn config(database: &TestDatabase, more: &[(&str, &str)]) -> Config {
    let dir = database.dir.path();
    data_dir::init(dir, &SystemEntropy).unwrap();
    let dir = dir.display().to_string();
    let settings = [
        ("COUNTERSIGN_DATABASE_URL", &*database.url),
        ("COUNTERSIGN_DATA_DIR", &dir),
        ("COUNTERSIGN_LISTEN", "127.0.0.1:0"),
    ];
    let settings = settings.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::load(Flags::default(), &settings.collect::<Vec<_>>(), None).unwrap()
}

/// Asks a server whether it is ready.
struct Health(HealthClient<Channel>);

impl Health {
    async fn of(running: &app::Running) -> Self {
        let server = format!("http://{}", running.addresses()[0]);
        Self(HealthClient::new(Channel::from_shared(server).unwrap().connect().await.unwrap()))
    }

    /// Waits until every service says so.
    async fn becomes(&self, status: ServingStatus) {
        for service in ["", "countersign.v1.VerificationService"] {
            eventually(&format!("{service:?} is {status:?}"), async || {
                let request = HealthCheckRequest { service: service.to_owned() };
                self.0.clone().check(request).await.unwrap().into_inner().status() == status
            })
            .await;
        }
    }
}

async fn a_clock_far_from_the_databases_stops_the_start_unless_that_is_allowed(engine: Engine) {
    on(engine, async |database| {
        for (seconds, says) in [(60, "s ahead of the database's"), (-60, "s behind the database's")] {
            let refused = app::start_at(config(&database, &[]), Ahead::by(seconds)).await.err().unwrap();
            assert!(matches!(refused, StartError::Clock(_)), "{refused}");
            let said = refused.to_string();
            assert!(said.contains(says), "{said}");
            assert!(said.ends_with("time servers, or say database.allow_clock_skew = true"), "{said}");
            let allowed = [("COUNTERSIGN_DATABASE_ALLOW_CLOCK_SKEW", "true")];
            let running = app::start_at(config(&database, &allowed), Ahead::by(seconds)).await.unwrap();
            Health::of(&running).await.becomes(ServingStatus::Serving).await;
            running.stop().await;
        }
        for seconds in [4, -4] {
            app::start_at(config(&database, &[]), Ahead::by(seconds)).await.unwrap().stop().await;
        }
    })
    .await;
}

async fn a_clock_that_goes_astray_makes_a_server_not_ready(engine: Engine) {
    on(engine, async |database| {
        let clock = Ahead::by(0);
        let running = app::start_at(config(&database, &[]), clock.clone()).await.unwrap();
        let health = Health::of(&running).await;
        health.becomes(ServingStatus::Serving).await;
        for seconds in [3600, -3600] {
            clock.set(seconds);
            health.becomes(ServingStatus::NotServing).await;
            clock.set(0);
            health.becomes(ServingStatus::Serving).await;
        }
        running.stop().await;
    })
    .await;
}

async fn a_database_that_takes_no_writes_makes_a_server_not_ready(engine: Engine) {
    let mut server = Server::start(engine, &[]).await.unwrap();
    let running = app::start_at(config(&of(&server), &[]), Ahead::by(0)).await.unwrap();
    let health = Health::of(&running).await;
    let (forbid, allow) = match engine {
        Engine::Postgres => (
            "ALTER SYSTEM SET default_transaction_read_only = on",
            "ALTER SYSTEM RESET default_transaction_read_only",
        ),
        _ => ("SET GLOBAL read_only = 1", "SET GLOBAL read_only = 0"),
    };
    health.becomes(ServingStatus::Serving).await;
    server.set(forbid).await.unwrap();
    health.becomes(ServingStatus::NotServing).await;
    server.set(allow).await.unwrap();
    health.becomes(ServingStatus::Serving).await;
    server.freeze().await.unwrap();
    health.becomes(ServingStatus::NotServing).await;
    server.thaw().await.unwrap();
    health.becomes(ServingStatus::Serving).await;
    server.kill().await.unwrap();
    health.becomes(ServingStatus::NotServing).await;
    server.go_on().await.unwrap();
    health.becomes(ServingStatus::Serving).await;
    running.stop().await;
    server.stop().await.unwrap();
}

/// SQLite is on this machine, and has its clock.
#[tokio::test(flavor = "multi_thread")]
async fn sqlite_has_no_clock_to_be_far_from() {
    on(Engine::Sqlite, async |database| {
        let running = app::start_at(config(&database, &[]), Ahead::by(3600)).await.unwrap();
        Health::of(&running).await.becomes(ServingStatus::Serving).await;
        running.stop().await;
    })
    .await;
}
