//! An attacker has one device of a subject and signs in with it, without an id, as often as it can. That buys no guesses at
//! the other devices: they judge as many attempts without an id as start-up says.
//!
//! An attempt offers the last used code of one of the others. It is `Replayed` exactly if that device judged it.

use std::sync::Arc;
use std::time::Duration;

use countersign::auth::rpc;
use countersign::config::guess::guesses;
use countersign::domain::ids::Subject;
use countersign::domain::moment::Moment;
use countersign::domain::policy::{Policies, Policy};
use countersign::domain::proof::{Reject, Verdict};
use countersign::env::Clock as _;

use super::guessing_all_ways::enrolled;
use crate::harness::asking::fresh;
use crate::harness::databases::{Engine, TestDatabase, on_every_database};
use crate::harness::replica::{Replica, SECRET, clock};
use crate::harness::{START, code, hotp};

on_every_database!(
    an_authenticator_app_buys_no_guesses_at_other_devices,
    a_token_buys_no_guesses_at_other_devices,
    an_attacker_with_a_token_gets_the_guesses_that_start_up_counts,
    if_a_success_cleared_the_whole_count_there_would_be_more,
    an_owner_of_two_devices_who_mistypes_is_never_kept_from_naming_one,
);

/// The secret of one of the other devices. Its counter 0 is used.
const OTHER: &[u8] = &[2; 20];
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The device that the attacker has.
#[derive(Clone, Copy)]
enum Own {
    /// A TOTP device: one code in 30 seconds.
    App,
    /// An HOTP device: as many codes as it wants. Holds the next counter.
    Token(u64),
}

/// The moment of the next attempt.
#[derive(Clone, Copy, PartialEq)]
enum Pace {
    /// As soon as any device judges it.
    Any,
    /// As soon as the others judge it.
    Others,
}

/// The rule on trial, and one that it is compared with.
#[derive(Clone, Copy, PartialEq)]
enum Forgiven {
    /// The device that succeeded.
    OwnDevice,
    /// All devices.
    AllDevices,
}

struct Attack {
    replica: Arc<Replica>,
    own: Own,
    /// The last code with which the attacker signed in.
    used: String,
    /// Successes of the attacker's device.
    sign_ins: u32,
    /// Guesses at each of the other devices.
    judged: u32,
}

impl Attack {
    async fn run(database: &TestDatabase, own: Own, pace: Pace, forgiven: Forgiven, span: Duration) -> Self {
        let replica = Replica::start(database, &clock(), Policies::default()).await;
        replica.clock.set(START.minus(Duration::from_secs(1)));
        for number in 1..Policy::default().devices_per_subject {
            enrolled(&replica, number).await;
        }
        // The attacker's device was used last, so it judges first.
        replica.clock.set(START);
        match own {
            Own::App => replica.totp("alice").await,
            Own::Token(_) => replica.hotp("alice").await,
        };
        let mut attack = Self { replica, own, used: String::new(), sign_ins: 0, judged: 0 };
        let (mut next, until) = (START, START.plus(span));
        while next <= until {
            attack.replica.clock.set(next);
            attack.sign_in().await;
            if forgiven == Forgiven::AllDevices {
                attack.clear_the_whole_count().await;
            }
            next = attack.guess(pace).await;
        }
        attack
    }

    /// Signs in with the attacker's device, unless its current code is used.
    async fn sign_in(&mut self) {
        let code = match &mut self.own {
            Own::App => code(SECRET, self.replica.clock.now(), 0),
            Own::Token(counter) => {
                *counter += 1;
                hotp(SECRET, *counter - 1)
            }
        };
        if code != self.used {
            assert_eq!(self.replica.offer_any("alice", &code).await.unwrap(), Verdict::Accepted);
            (self.used, self.sign_ins) = (code, self.sign_ins + 1);
        }
    }

    /// Guesses at every device. Gives the moment of the next attempt.
    async fn guess(&mut self, pace: Pace) -> Moment {
        let verdict = self.replica.offer_any("alice", &hotp(OTHER, 0)).await.unwrap();
        let Verdict::Rejected { reason, retry_at: Some(retry_at) } = verdict else { panic!("{verdict:?}") };
        self.judged += u32::from(reason == Reject::Replayed);
        match pace {
            Pace::Any => retry_at,
            Pace::Others => {
                assert_eq!(reason, Reject::Replayed, "the others judge it now");
                let throttle = Policy::default().throttle.without_device();
                self.replica.clock.now().plus(throttle.delay(self.judged))
            }
        }
    }

    async fn clear_the_whole_count(&self) {
        let grant = self.replica.grant::<rpc::UnlockSubject>();
        let subject = Subject::parse("alice").unwrap();
        fresh(self.replica.service.unlock_subject(&grant, &subject, None).await.unwrap());
    }
}

fn allowed(span: Duration) -> u32 {
    guesses(&Policy::default().throttle.without_device(), span)
}

async fn an_authenticator_app_buys_no_guesses_at_other_devices(database: TestDatabase) {
    let span = 120 * MINUTE;
    let attack = Attack::run(&database, Own::App, Pace::Any, Forgiven::OwnDevice, span).await;
    assert!(attack.sign_ins >= 200, "{}", attack.sign_ins);
    assert!(attack.judged <= allowed(span), "{} and {}", attack.judged, allowed(span));
}

async fn a_token_buys_no_guesses_at_other_devices(database: TestDatabase) {
    let span = 5 * MINUTE;
    let attack = Attack::run(&database, Own::Token(1), Pace::Any, Forgiven::OwnDevice, span).await;
    assert!(attack.sign_ins >= 300, "{}", attack.sign_ins);
    assert!(attack.judged <= allowed(span), "{} and {}", attack.judged, allowed(span));
}

async fn an_attacker_with_a_token_gets_the_guesses_that_start_up_counts(database: TestDatabase) {
    // A database server takes longer for each guess, so it gets a shorter time.
    let span = if database.engine == Engine::Sqlite { 365 * DAY } else { 20 * DAY };
    let attack = Attack::run(&database, Own::Token(1), Pace::Others, Forgiven::OwnDevice, span).await;
    assert_eq!(attack.judged, allowed(span));
    assert_eq!(attack.sign_ins, attack.judged);
}

async fn if_a_success_cleared_the_whole_count_there_would_be_more(database: TestDatabase) {
    let span = 5 * MINUTE;
    let attack = Attack::run(&database, Own::Token(1), Pace::Any, Forgiven::AllDevices, span).await;
    assert!(attack.judged > 20 * allowed(span), "{} and {}", attack.judged, allowed(span));
}

/// The owner of an app and a token mistypes every day, and signs in with the app without an id.
async fn an_owner_of_two_devices_who_mistypes_is_never_kept_from_naming_one(database: TestDatabase) {
    let replica = Replica::start(&database, &clock(), Policies::default()).await;
    let app = replica.totp("alice").await;
    let token = enrolled(&replica, 1).await;
    let second = Duration::from_secs(1);
    let days = 20;
    for day in 1..=days {
        let now = START.plus(day * DAY);
        replica.clock.set(now);
        assert!(matches!(replica.offer_any("alice", "000000").await, Ok(Verdict::Rejected { .. })));
        for (device, code) in [(&token, hotp(OTHER, u64::from(day))), (&app, code(SECRET, now, -1))] {
            assert_eq!(replica.offer(device, &code).await.unwrap(), Verdict::Accepted, "by its id, at once");
        }
        let code = code(SECRET, now, 0);
        let retry_at = now.plus(second);
        assert_eq!(replica.offer_any("alice", &code).await.unwrap(), Verdict::Throttled { retry_at });
        replica.clock.set(retry_at);
        assert_eq!(replica.offer_any("alice", &code).await.unwrap(), Verdict::Accepted);
    }
    // The token accepted nothing without an id in all that time: it waits for a day after the last failure.
    let code = hotp(OTHER, u64::from(days) + 1);
    let of_app =
        Verdict::Rejected { reason: Reject::Mismatch, retry_at: Some(replica.clock.now().plus(second)) };
    assert_eq!(replica.offer_any("alice", &code).await.unwrap(), of_app);
    replica.clock.advance(DAY.saturating_sub(Duration::from_micros(1)));
    assert!(matches!(replica.offer_any("alice", &code).await.unwrap(), Verdict::Rejected { .. }));
    replica.clock.advance(DAY);
    assert_eq!(replica.offer_any("alice", &code).await.unwrap(), Verdict::Accepted);
}
