//! The used codes of a secret stay used, whichever device of its subject has the secret.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use countersign::auth::rpc;
use countersign::domain::device::Device;
use countersign::domain::ids::{DeviceName, Subject};
use countersign::domain::kind::Kind;
use countersign::domain::moment::Moment;
use countersign::domain::policy::Policies;
use countersign::domain::proof::{Reject, Verdict};
use countersign::domain::refusal::Refusal;
use countersign::domain::secret::Secret;
use countersign::domain::throttle::ThrottlePolicy;
use countersign::env::{Clock as _, ManualClock};
use countersign::error::Error;
use countersign::kinds::AnySetup;
use countersign::kinds::hotp::{self, Hotp};
use countersign::kinds::oath::setup::OathSetup;
use countersign::kinds::totp::{self, Totp};
use countersign::service::{Enrollment, Reply};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::harness::asking::{attempt, fresh};
use crate::harness::databases::{Engine, TestDatabase, on_every_database};
use crate::harness::replica::{Proving, Replica, clock};
use crate::harness::{code, hotp};

on_every_database!(
    no_step_or_counter_of_a_secret_is_accepted_twice,
    of_two_that_enroll_one_secret_at_once_one_does,
    a_secret_is_known_under_an_older_key_of_the_ring,
    a_pending_device_that_is_dropped_leaves_nothing_behind,
);

/// A secret, and the same with zeros at its end: HMAC pads with zeros.
const SECRETS: [&[u8]; 3] = [b"secret number one...", b"secret number one...\0\0\0", b"secret number two..."];
const NAMES: [&str; 2] = ["one", "two"];

/// Secrets with the same codes have one number.
fn number(secret: usize) -> usize {
    secret / 2
}

fn setup(kind: Kind, secret: &[u8]) -> AnySetup {
    let oath = OathSetup { secret: Some(Secret::new(secret.to_vec())), ..Default::default() };
    match kind.as_str() {
        "totp" => AnySetup::of::<Totp>(totp::Setup { oath, ..Default::default() }),
        _ => AnySetup::of::<Hotp>(hotp::Setup { oath, ..Default::default() }),
    }
}

async fn enroll(replica: &Replica, subject: &str, name: &str, setup: AnySetup) -> Result<Device, Error> {
    let enrollment = Enrollment {
        subject: Subject::parse(subject).unwrap(),
        name: Some(DeviceName::parse(name).unwrap()),
        setup,
        context: None,
    };
    let reply = replica.service.enroll(&replica.grant::<rpc::EnrollDevice>(), enrollment, None).await?;
    Ok(match reply {
        Reply::Fresh(enrolled, _) => enrolled.device,
        Reply::Again(_) => unreachable!("there was no request id"),
    })
}

async fn confirm(replica: &Replica, device: &Device, code: &str) -> Result<Verdict, Error> {
    let proving = Proving::of(device);
    let attempt =
        countersign::service::Attempt { context: None, ..attempt(&proving, code, &Default::default()) };
    let grant = replica.grant::<rpc::ConfirmDevice>();
    replica.service.confirm(&grant, &attempt, &device.id, None).await.map(|reply| fresh(reply).verdict)
}

/// No back-off: every offer is judged.
fn policies() -> Policies {
    let mut policies = Policies::default();
    policies.default.throttle =
        ThrottlePolicy { factor: Duration::ZERO, lock_after: u32::MAX, ..ThrottlePolicy::default() };
    policies
}

#[derive(Debug, Clone)]
enum Step {
    /// A device of that name, kind and secret.
    Enroll {
        name: usize,
        kind: Kind,
        secret: usize,
    },
    /// The code of that step from now, or of that counter, offered to the device of that name: to confirm it if
    /// it is pending.
    Offer {
        name: usize,
        ahead: i64,
    },
    /// The same, without naming the device.
    OfferToAny {
        name: usize,
        ahead: i64,
    },
    Delete {
        name: usize,
    },
    Clock {
        seconds: i64,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let name = || 0..NAMES.len();
    let step = prop_oneof![
        4 => (name(), prop_oneof![Just(totp::KIND), Just(hotp::KIND)], 0..SECRETS.len())
            .prop_map(|(name, kind, secret)| Step::Enroll { name, kind, secret }),
        6 => (name(), -1..3i64).prop_map(|(name, ahead)| Step::Offer { name, ahead }),
        2 => (name(), -1..3i64).prop_map(|(name, ahead)| Step::OfferToAny { name, ahead }),
        3 => name().prop_map(|name| Step::Delete { name }),
        2 => (-60..90i64).prop_map(|seconds| Step::Clock { seconds }),
    ];
    vec(step, 1..24)
}

async fn no_step_or_counter_of_a_secret_is_accepted_twice(database: TestDatabase) {
    let cases = if database.engine == Engine::Sqlite { 48 } else { 16 };
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let tried = TestRunner::new(config).run(&steps(), |steps| {
        tokio::task::block_in_place(|| Handle::current().block_on(walk(&database, steps)))
    });
    if let Err(error) = tried {
        panic!("{error}");
    }
}

/// A device as the walk knows it.
struct Live {
    device: Device,
    secret: usize,
    is_pending: bool,
}

/// The codes of HOTP are offered near this counter.
const NEAR: i64 = 1;

fn text(live: &Live, ahead: i64, clock: &ManualClock) -> (i64, String) {
    let secret = SECRETS[live.secret];
    match live.device.kind.as_str() {
        "totp" => (clock.now().secs().div_euclid(30) + ahead, code(secret, clock.now(), ahead)),
        _ => (NEAR + ahead, hotp(secret, (NEAR + ahead).unsigned_abs())),
    }
}

async fn walk(database: &TestDatabase, steps: Vec<Step>) -> Result<(), TestCaseError> {
    static CASE: AtomicU32 = AtomicU32::new(0);
    let clock = clock();
    let replicas = Replica::several(database, 2, &clock, &policies()).await;
    let subject = format!("walker {}", CASE.fetch_add(1, Ordering::Relaxed));
    let mut live: [Option<Live>; 2] = [None, None];
    // The accepted steps and counters of each secret, whichever device and kind of device had it.
    let mut accepted: HashSet<(usize, i64)> = HashSet::new();
    for (place, step) in steps.into_iter().enumerate() {
        let replica = &replicas[place % replicas.len()];
        match step {
            Step::Clock { seconds } => clock.set(Moment::from_secs(clock.now().secs() + seconds)),
            Step::Enroll { name, kind, secret } => {
                let enrolled = enroll(replica, &subject, NAMES[name], setup(kind, SECRETS[secret])).await;
                let other = live[1 - name].as_ref();
                let is_elsewhere = other.is_some_and(|other| number(other.secret) == number(secret));
                match enrolled {
                    Ok(device) => {
                        prop_assert!(!is_elsewhere, "two devices have one secret");
                        prop_assert!(live[name].as_ref().is_none_or(|old| old.is_pending));
                        live[name] = Some(Live { device, secret, is_pending: true });
                    }
                    Err(Error::Refused(Refusal::SecretExists)) => {
                        let here = live[name].as_ref().filter(|live| !live.is_pending);
                        let is_here = here.is_some_and(|here| number(here.secret) == number(secret));
                        prop_assert!(is_elsewhere || is_here, "nobody has it");
                    }
                    Err(Error::Refused(Refusal::DeviceExists)) => {
                        prop_assert!(live[name].as_ref().is_some_and(|live| !live.is_pending));
                    }
                    // A device of another kind had the secret.
                    Err(Error::Refused(Refusal::Invalid(_))) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
            Step::Delete { name } => {
                if let Some(gone) = live[name].take() {
                    replica.delete_in(&Proving::of(&gone.device), None).await.unwrap();
                }
            }
            Step::Offer { name, ahead } => {
                let Some(live) = &mut live[name] else { continue };
                let (number_of, text) = text(live, ahead, &clock);
                let verdict = if live.is_pending {
                    confirm(replica, &live.device, &text).await
                } else {
                    replica.offer(&Proving::of(&live.device), &text).await
                };
                if verdict.unwrap() == Verdict::Accepted {
                    live.is_pending = false;
                    prop_assert!(accepted.insert((number(live.secret), number_of)), "accepted twice");
                }
            }
            Step::OfferToAny { name, ahead } => {
                let Some(live) = &live[name] else { continue };
                let (number_of, text) = text(live, ahead, &clock);
                if replica.offer_any(&subject, &text).await.unwrap() == Verdict::Accepted {
                    prop_assert!(accepted.insert((number(live.secret), number_of)), "accepted twice");
                }
            }
        }
    }
    for replica in &replicas {
        replica.stop().await;
    }
    Ok(())
}

async fn of_two_that_enroll_one_secret_at_once_one_does(database: TestDatabase) {
    let replicas = Replica::several(&database, 2, &clock(), &policies()).await;
    for round in 0..8 {
        let subject = format!("racer {round}");
        let mut racers = JoinSet::new();
        for (place, name) in (0..4).zip(["a", "b", "c", "d"]) {
            let (replica, subject) = (Arc::clone(&replicas[place % 2]), subject.clone());
            racers.spawn(async move {
                enroll(&replica, &subject, name, setup(hotp::KIND, SECRETS[place % 2])).await
            });
        }
        let mut enrolled = 0;
        for racer in racers.join_all().await {
            match racer {
                Ok(_) => enrolled += 1,
                Err(Error::Refused(Refusal::SecretExists)) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
        assert_eq!(enrolled, 1, "round {round}");
    }
    assert_eq!(database.count("secret").await, 8);
}

async fn a_secret_is_known_under_an_older_key_of_the_ring(database: TestDatabase) {
    let clock = clock();
    let replica = Replica::start(&database, &clock, policies()).await;
    let device = enroll(&replica, "alice", "phone", setup(hotp::KIND, SECRETS[0])).await.unwrap();
    assert_eq!(confirm(&replica, &device, &hotp(SECRETS[0], 0)).await.unwrap(), Verdict::Accepted);
    let bobs = enroll(&replica, "bob", "phone", setup(hotp::KIND, SECRETS[0])).await.unwrap();
    assert_eq!(confirm(&replica, &bobs, &hotp(SECRETS[0], 0)).await.unwrap(), Verdict::Accepted);
    replica.delete_in(&Proving::of(&bobs), None).await.unwrap();
    replica.stop().await;
    // The key that made the fingerprints is an older one now.
    let replica = Replica::start(&database.with_a_newer_key(), &clock, policies()).await;
    let refused = enroll(&replica, "alice", "other phone", setup(hotp::KIND, SECRETS[1])).await;
    assert!(matches!(refused, Err(Error::Refused(Refusal::SecretExists))), "{refused:?}");
    let again = enroll(&replica, "bob", "phone", setup(hotp::KIND, SECRETS[1])).await.unwrap();
    let replayed = confirm(&replica, &again, &hotp(SECRETS[0], 0)).await.unwrap();
    assert!(matches!(replayed, Verdict::Rejected { reason: Reject::Replayed, .. }), "{replayed:?}");
    assert_eq!(confirm(&replica, &again, &hotp(SECRETS[0], 1)).await.unwrap(), Verdict::Accepted);
    assert_eq!(database.count("secret").await, 2, "a row is kept, and not made again under the new key");
    replica.stop().await;
}

async fn a_pending_device_that_is_dropped_leaves_nothing_behind(database: TestDatabase) {
    let clock = clock();
    let replica = Replica::start(&database, &clock, policies()).await;
    let enroll = async |name| enroll(&replica, "alice", name, setup(totp::KIND, SECRETS[0])).await.unwrap();
    // A pending device is replaced by one of the same name.
    enroll("phone").await;
    let second = enroll("phone").await;
    assert_eq!(database.count("secret").await, 1);
    // A pending device is removed.
    replica.delete_in(&Proving::of(&second), None).await.unwrap();
    assert_eq!(database.count("secret").await, 0);
    // A pending device expires, and is swept.
    enroll("phone").await;
    clock.advance(Duration::from_secs(3600));
    replica.service.sweep().await.unwrap();
    assert_eq!(database.count("secret").await, 0);
    // A pending device expires, and the next enrollment removes it.
    enroll("phone").await;
    clock.advance(Duration::from_secs(3600));
    let last = enroll("tablet").await;
    assert_eq!(database.count("secret").await, 1);
    // Accepted codes stay known through a confirmed and a pending device.
    let now = clock.now();
    assert_eq!(confirm(&replica, &last, &code(SECRETS[0], now, 0)).await.unwrap(), Verdict::Accepted);
    replica.delete_in(&Proving::of(&last), None).await.unwrap();
    let pending = enroll("phone").await;
    replica.delete_in(&Proving::of(&pending), None).await.unwrap();
    assert_eq!(database.count("secret").await, 1);
    let again = enroll("phone").await;
    let replayed = confirm(&replica, &again, &code(SECRETS[0], now, 0)).await.unwrap();
    assert!(matches!(replayed, Verdict::Rejected { reason: Reject::Replayed, .. }), "{replayed:?}");
    assert_eq!(confirm(&replica, &again, &code(SECRETS[0], now, 1)).await.unwrap(), Verdict::Accepted);
    replica.stop().await;
}
