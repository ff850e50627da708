//! No code is accepted twice, whatever comes at the same time, comes again, is cut off or starts anew.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use countersign::domain::kind::Kind;
use countersign::domain::moment::Moment;
use countersign::domain::policy::Policies;
use countersign::domain::proof::Verdict;
use countersign::domain::refusal::Refusal;
use countersign::domain::throttle::ThrottlePolicy;
use countersign::env::Clock as _;
use countersign::error::Error;
use countersign::kinds::{hotp, recovery_codes, totp};
use countersign::store::Audit;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::harness::databases::{Engine, TestDatabase, on_every_database};
use crate::harness::replica::{Answer, Proving, Replica, clock};

on_every_database!(
    no_totp_code_is_accepted_twice,
    no_hotp_code_is_accepted_twice,
    no_recovery_code_is_accepted_twice,
);

const REPLICAS: usize = 2;

#[derive(Debug, Clone)]
enum Step {
    /// These come at the same time.
    Together(Vec<Offer>),
    /// A replica is stopped and started again.
    Restart(usize),
    /// The clock goes back, or forth.
    Clock(i64),
}

#[derive(Debug, Clone, Copy)]
struct Offer {
    replica: usize,
    /// One of the device's codes.
    code: usize,
    /// One of a few request ids: so it comes again, and with another code too.
    request: Option<u8>,
    /// The caller goes away at once.
    is_cut_off: bool,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let offer = (0..REPLICAS, 0..3usize, option::of(0..3u8), prop::bool::weighted(0.15))
        .prop_map(|(replica, code, request, is_cut_off)| Offer { replica, code, request, is_cut_off });
    let step = prop_oneof![
        6 => vec(offer, 1..10).prop_map(Step::Together),
        1 => (0..REPLICAS).prop_map(Step::Restart),
        1 => (-4000..4000i64).prop_map(Step::Clock),
    ];
    vec(step, 1..8)
}

async fn no_totp_code_is_accepted_twice(database: TestDatabase) {
    holds(&database, &totp::KIND);
}

async fn no_hotp_code_is_accepted_twice(database: TestDatabase) {
    holds(&database, &hotp::KIND);
}

async fn no_recovery_code_is_accepted_twice(database: TestDatabase) {
    holds(&database, &recovery_codes::KIND);
}

fn holds(database: &TestDatabase, kind: &Kind) {
    let cases = if database.engine == Engine::Sqlite { 48 } else { 24 };
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let tried = TestRunner::new(config).run(&steps(), |steps| {
        tokio::task::block_in_place(|| Handle::current().block_on(tell(database, kind, steps)))
    });
    if let Err(error) = tried {
        panic!("{error}");
    }
}

/// What was heard of a device, in one case.
#[derive(Default)]
struct Heard {
    /// Acceptances, by code.
    accepted: HashMap<usize, u32>,
    /// What each request id was first asked with and how that went, where it was heard.
    requests: HashMap<u8, (usize, bool)>,
    /// Answers that nobody waited for.
    unheard: i64,
}

async fn tell(database: &TestDatabase, kind: &Kind, steps: Vec<Step>) -> Result<(), TestCaseError> {
    static CASE: AtomicU32 = AtomicU32::new(0);
    let clock = clock();
    let mut policies = Policies::default();
    // Every offer is to be judged.
    policies.default.throttle =
        ThrottlePolicy { factor: Duration::ZERO, lock_after: u32::MAX, ..ThrottlePolicy::default() };
    let mut replicas = Replica::several(database, REPLICAS, &clock, &policies).await;
    let subject = format!("subject {}", CASE.fetch_add(1, Ordering::Relaxed));
    let proving = match kind.as_str() {
        "totp" => replicas[0].totp(&subject).await,
        "hotp" => replicas[0].hotp(&subject).await,
        _ => replicas[0].recovery_codes(&subject).await,
    };
    let mut heard = Heard::default();
    for step in steps {
        match step {
            Step::Together(offers) => together(&replicas, &proving, offers, &mut heard).await?,
            Step::Restart(which) => {
                replicas[which].stop().await;
                replicas[which] = Replica::start(database, &clock, policies.clone()).await;
            }
            Step::Clock(seconds) => clock.set(Moment::from_secs(clock.now().secs() + seconds)),
        }
    }
    for replica in &replicas {
        replica.stop().await;
    }
    let about = format!("what = 'proof.accepted' AND device = '{}'", proving.device);
    // Each acceptance is evidence, written with it. A newer piece may have replaced older ones that are alike.
    let evidence = database.count(&format!("evidence WHERE device = '{}'", proving.device)).await;
    let accepted = database.count(&format!("event WHERE {about}")).await;
    prop_assert!(evidence <= accepted && (evidence > 0) == (accepted > 0), "{evidence} pieces of {accepted}");
    // The confirming proof was one more.
    let confirmed = i64::from(*kind != recovery_codes::KIND);
    let on_disk = accepted - confirmed;
    let told: i64 = heard.accepted.values().map(|times| i64::from(*times)).sum();
    prop_assert!(heard.accepted.values().all(|times| *times <= 1), "accepted {:?}", heard.accepted);
    prop_assert!((told..=told + heard.unheard).contains(&on_disk), "told {told}, on disk {on_disk}");
    let store = database.open().await;
    let is_whole = matches!(store.audit().await, Ok(Audit::Whole { .. }));
    prop_assert!(is_whole);
    Ok(())
}

async fn together(
    replicas: &[Arc<Replica>],
    proving: &Proving,
    offers: Vec<Offer>,
    heard: &mut Heard,
) -> Result<(), TestCaseError> {
    let mut under_way = JoinSet::new();
    for offer in offers {
        let (replica, proving) = (replicas[offer.replica].clone(), proving.clone());
        let code = proving.codes[offer.code % proving.codes.len()].clone();
        let request = offer.request.map(|byte| id(&proving, byte));
        let task = under_way.spawn(async move { (offer, replica.offer_as(&proving, &code, request).await) });
        if offer.is_cut_off {
            heard.unheard += 1;
            tokio::task::yield_now().await;
            task.abort();
        }
    }
    while let Some(done) = under_way.join_next().await {
        let Ok((offer, answer)) = done else { continue };
        // Cut off too late: it was heard.
        heard.unheard -= i64::from(offer.is_cut_off);
        let code = offer.code % proving.codes.len();
        match answer {
            // After the clock went back: too soon, which changes nothing and is not kept.
            Ok(Answer::Fresh(Verdict::Throttled { .. })) => {}
            Ok(Answer::Fresh(verdict)) => {
                let is_accepted = verdict == Verdict::Accepted;
                *heard.accepted.entry(code).or_default() += u32::from(is_accepted);
                if let Some(request) = offer.request {
                    let first = *heard.requests.entry(request).or_insert((code, is_accepted));
                    prop_assert_eq!(first, (code, is_accepted), "request {} was answered twice", request);
                }
            }
            Ok(Answer::Again(is_accepted)) => {
                let request = offer.request.unwrap();
                let first = *heard.requests.entry(request).or_insert((code, is_accepted));
                prop_assert_eq!(first, (code, is_accepted), "request {} got another answer", request);
            }
            Err(Error::Refused(Refusal::RequestIdReused)) => {
                prop_assert!(offer.request.is_some());
                // The commit found the id used. A right code that was judged before that is used up.
                heard.unheard += 1;
            }
            Err(Error::Refused(Refusal::Stale)) => {}
            Err(error) => return Err(TestCaseError::fail(format!("{error:?}"))),
        }
    }
    Ok(())
}

/// A request id of this device's: another case has others.
fn id(proving: &Proving, byte: u8) -> [u8; 16] {
    let mut id = [byte; 16];
    id[1..].copy_from_slice(&proving.device.as_str().as_bytes()[..15]);
    id
}
