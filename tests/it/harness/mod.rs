//! A real server for a test: its own database, its own port and socket, and a clock that only the test
//! moves.

pub(crate) mod answers;
pub(crate) mod asking;
pub(crate) mod assurance;
pub(crate) mod calls;
mod client;
mod database;
pub(crate) mod databases;
pub(crate) mod descriptors;
pub(crate) mod fixture;
mod golden;
pub(crate) mod line;
pub(crate) mod own_secret;
pub(crate) mod part;
mod process;
pub(crate) mod proxy;
pub(crate) mod python;
mod raw;
pub(crate) mod replica;
pub(crate) mod served;
pub(crate) mod users;

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;
use std::time::Duration;

use countersign::app::{self, serve};
use countersign::assurance::rulebook::{Rulebook, Source};
use countersign::auth::{Caller, Callers, Credentials, Role};
use countersign::config::Address;
use countersign::crypto::keyring::Keyring;
use countersign::crypto::token::{self, TokenHash};
use countersign::domain::ids::{CallerName, Tenant};
use countersign::domain::moment::Moment;
use countersign::domain::policy::{Policies, Policy};
use countersign::domain::secret::SecretText;
use countersign::domain::strength::{FactorType, Strength};
use countersign::env::{Entropy, ManualClock, SystemEntropy};
use countersign::rpc::layer::Rules;
use countersign::service::Service;
use countersign::store::Options;
use countersign::transport::listen::Listener;

pub(crate) use self::client::{Client, code, hotp, proof};
pub(crate) use self::database::Watch;
pub(crate) use self::golden::golden;
pub(crate) use self::process::Process;

/// When a test begins: a whole step of 30 seconds, far from any edge.
pub(crate) const START: Moment = Moment::from_secs(1_700_000_010);

/// A secret for a device of that name. A subject cannot have two devices with one secret.
pub(crate) fn secret_of(name: &str) -> Vec<u8> {
    format!("secret of {name:.<20}").into_bytes()
}

/// A server, as a test wants it.
pub(crate) struct Harness {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) database: String,
    pub(crate) service: Arc<Service>,
    token: SecretText,
    tokens: Vec<(Role, SecretText)>,
    stranger: SecretText,
    keyring: Arc<Keyring>,
    running: serve::Running,
    dir: tempfile::TempDir,
}

/// What a test may want otherwise.
pub(crate) struct Wish {
    pub(crate) policies: Policies,
    pub(crate) concurrency: usize,
    pub(crate) timeout: Duration,
    /// What whoever runs the tests may do over the Unix socket without a token. Nothing: is not known.
    pub(crate) roles_by_uid: Vec<Role>,
    /// Requirements: names and texts.
    pub(crate) requirements: &'static [(&'static str, &'static str)],
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            policies: roomy(),
            concurrency: 1024,
            timeout: Duration::from_secs(10),
            roles_by_uid: Vec::new(),
            requirements: REQUIREMENTS,
        }
    }
}

/// The default settings with a larger `devices_per_subject`, for tests that enroll many.
pub(crate) fn roomy() -> Policies {
    let default = Policy { devices_per_subject: 32, ..Policy::default() };
    Policies { default, ..Policies::default() }
}

/// The requirements of a server with the default settings.
pub(crate) const REQUIREMENTS: &[(&str, &str)] =
    &[("login", "password and (totp or hotp or recovery_codes)"), ("payout", "password for transaction")];

/// What decisions go by: these requirements, and a password and a single sign-on beside the devices.
pub(crate) fn rulebook(requirements: &[(&str, &str)]) -> Rulebook {
    let worth = |factor| Strength { factor_types: vec![factor], ..Strength::default() };
    let methods = vec![
        ("password".to_owned(), worth(FactorType::Knowledge)),
        ("sso".to_owned(), Strength { phishing_resistant: true, ..worth(FactorType::Knowledge) }),
    ];
    let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    let requirements = requirements.iter().map(owned).collect();
    Rulebook::parse(countersign::kinds::infos(), &Source { methods, requirements, rules: Vec::new() })
        .unwrap()
}

impl Harness {
    /// A server with the default settings, on a fresh SQLite database.
    pub(crate) async fn start() -> Self {
        Self::start_with(Wish::default()).await
    }

    /// A server with other settings.
    pub(crate) async fn start_with(wish: Wish) -> Self {
        let keyring = Arc::new(Keyring::generate(&SystemEntropy));
        let clock = Arc::new(ManualClock::at(START));
        let dir = tempfile::tempdir().unwrap();
        let database = sqlite_in(&dir);
        Self::serve(dir, database, keyring, clock, wish).await
    }

    /// A server on the database of a test.
    pub(crate) async fn start_on(database: &databases::TestDatabase, wish: Wish) -> Self {
        let clock = Arc::new(ManualClock::at(START));
        let dir = tempfile::tempdir().unwrap();
        Self::serve(dir, database.url.clone(), database.keyring.clone(), clock, wish).await
    }

    /// The server stopped, and started anew on what it left, with the default settings.
    pub(crate) async fn restart(self) -> Self {
        let Self { keyring, clock, running, dir, database, .. } = self;
        running.stop().await;
        Self::serve(dir, database, keyring, clock, Wish::default()).await
    }

    async fn serve(
        dir: tempfile::TempDir,
        database: String,
        keyring: Arc<Keyring>,
        clock: Arc<ManualClock>,
        wish: Wish,
    ) -> Self {
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let store = app::open(&options(&database), keyring.clone(), &entropy).await.unwrap();
        let book = rulebook(wish.requirements);
        let service = Arc::new(Service::new(store, clock.clone(), entropy.clone(), wish.policies, book));
        let mut credentials = Credentials::default();
        let mut known = |name: &str, tenant: &str, roles: &[Role]| {
            let token = token::generate(&*entropy);
            let caller = Arc::new(caller(name, tenant, roles));
            assert!(credentials.token(TokenHash::of(token.expose()), &caller));
            token
        };
        let token = known("app", "default", &Role::ALL);
        let stranger = known("stranger", "other", &Role::ALL);
        let tokens =
            Role::ALL.into_iter().map(|role| (role, known(role.as_str(), "default", &[role]))).collect();
        if !wish.roles_by_uid.is_empty() {
            let uid = std::fs::metadata(dir.path()).unwrap().uid();
            assert!(credentials.uid(uid, &Arc::new(caller("uid", "default", &wish.roles_by_uid))));
        }
        let rules = Rules {
            callers: Arc::new(Callers::new(credentials)),
            anybody: None,
            concurrency: wish.concurrency,
            max_message: 64 << 10,
            timeout: wish.timeout,
            entropy: entropy.clone(),
        };
        let addresses = [Address::Tcp(([127, 0, 0, 1], 0).into()), Address::Unix(dir.path().join("cs.sock"))];
        let mut listeners = Vec::new();
        for address in &addresses {
            listeners.push(Listener::bind(address, 0o660).await.unwrap());
        }
        let parts = serve::Parts {
            service: service.clone(),
            rules,
            connections: 1024,
            listeners,
            grace: Duration::from_secs(5),
            // A test's clock stands where the test wants it.
            is_skew_allowed: true,
        };
        let running = serve::run(parts).await.unwrap();
        Self { clock, database, service, token, tokens, stranger, keyring, running, dir }
    }

    /// Where it listens on TCP.
    pub(crate) fn tcp_address(&self) -> &str {
        &self.running.addresses()[0]
    }

    /// Where its Unix socket is.
    pub(crate) fn socket(&self) -> std::path::PathBuf {
        self.dir.path().join("cs.sock")
    }

    /// Counts of refused requests, by reason.
    pub(crate) fn refused(&self) -> &countersign::ops::refused::Refused {
        self.running.refused()
    }

    /// The token of the caller with every role.
    pub(crate) fn token(&self) -> &str {
        self.token.expose()
    }

    /// A client with every role, over TCP.
    pub(crate) async fn client(&self) -> Client {
        Client::tcp(&self.running.addresses()[0], Some(self.token.expose())).await
    }

    /// A client with every role, over the Unix socket.
    pub(crate) async fn unix_client(&self) -> Client {
        Client::unix(self.dir.path().join("cs.sock"), Some(self.token.expose())).await
    }

    /// A client that shows no token, over the Unix socket.
    pub(crate) async fn unix_client_without_token(&self) -> Client {
        Client::unix(self.dir.path().join("cs.sock"), None).await
    }

    /// A client that shows that token, over the Unix socket.
    pub(crate) async fn unix_client_with(&self, token: &str) -> Client {
        Client::unix(self.dir.path().join("cs.sock"), Some(token)).await
    }

    /// A client with one role.
    pub(crate) async fn client_as(&self, role: Role) -> Client {
        let (_, token) = self.tokens.iter().find(|(r, _)| *r == role).unwrap();
        Client::tcp(&self.running.addresses()[0], Some(token.expose())).await
    }

    /// A client of another tenant, with every role there.
    pub(crate) async fn stranger(&self) -> Client {
        Client::tcp(&self.running.addresses()[0], Some(self.stranger.expose())).await
    }

    /// A client that shows that token, or none.
    pub(crate) async fn client_with(&self, token: Option<&str>) -> Client {
        Client::tcp(&self.running.addresses()[0], token).await
    }

    /// Stops the server, and gives the directory that holds its database.
    pub(crate) async fn stop(self) -> tempfile::TempDir {
        self.running.stop().await;
        self.dir
    }
}

/// A SQLite database in a directory.
fn sqlite_in(dir: &tempfile::TempDir) -> String {
    format!("sqlite:{}", dir.path().join("test.db").display())
}

/// Waits until something is so. It has half a minute.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let until = tokio::time::Instant::now() + Duration::from_secs(30);
    let mut every = tokio::time::interval(Duration::from_millis(20));
    while !is_so().await {
        assert!(tokio::time::Instant::now() < until, "half a minute later it is still not so that {what}");
        every.tick().await;
    }
}

/// A caller.
pub(crate) fn caller(name: &str, tenant: &str, roles: &[Role]) -> Caller {
    Caller {
        name: CallerName::parse(name).unwrap(),
        tenant: Tenant::parse(tenant).unwrap(),
        roles: BTreeSet::from_iter(roles.iter().copied()),
    }
}

/// How to reach a test's database.
pub(crate) fn options(url: &str) -> Options {
    Options { max_connections: 4, ..Options::of(SecretText::new(url.to_owned())) }
}
