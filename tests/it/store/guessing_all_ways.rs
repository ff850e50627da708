//! An attacker who guesses in every way as early as the back-off allows gets exactly as many guesses as start-up says. The
//! ways: each device by its id, with Verify and with ResyncDevice, and all devices at once without an id.

use std::time::Duration;

use countersign::auth::rpc;
use countersign::config::guess::{Guess, guesses};
use countersign::domain::device::{Device, State};
use countersign::domain::ids::{DeviceName, Subject};
use countersign::domain::moment::Moment;
use countersign::domain::policy::{Policies, Policy};
use countersign::domain::proof::{Offered, Verdict};
use countersign::domain::secret::{Secret, SecretText};
use countersign::domain::throttle::ThrottlePolicy;
use countersign::env::Clock as _;
use countersign::kinds::AnySetup;
use countersign::kinds::hotp::{Hotp, Setup};
use countersign::kinds::oath::setup::OathSetup;
use countersign::service::{Attempt, Enrollment, ResyncAttempt};

use crate::harness::asking::{attempt, fresh};
use crate::harness::databases::{Engine, TestDatabase, on_every_database};
use crate::harness::replica::{Proving, Replica, clock};
use crate::harness::{START, hotp};

on_every_database!(
    all_ways_at_once_come_to_what_start_up_says,
    without_the_lock_there_would_be_more,
    without_the_ceiling_of_a_day_there_would_be_more,
);

const DAY: Duration = Duration::from_secs(24 * 3600);
const WRONG: &str = "000000";

/// An attacker who guesses at alice.
struct Attack {
    replica: std::sync::Arc<Replica>,
    devices: Vec<Proving>,
    throttle: ThrottlePolicy,
    until: Moment,
    /// Guesses at each device by its id.
    named: u32,
    /// Attempts without an id, each judged by every device.
    unnamed: u32,
}

impl Attack {
    /// Guesses for `span` under a policy.
    async fn run(database: &TestDatabase, policy: &Policy, span: Duration) -> Self {
        let policies = Policies { default: policy.clone(), ..Policies::default() };
        let replica = Replica::start(database, &clock(), policies).await;
        let mut devices = Vec::new();
        for number in 0..policy.devices_per_subject {
            devices.push(enrolled(&replica, number).await);
        }
        let (throttle, until) = (policy.throttle, START.plus(span));
        let mut attack = Self { replica, devices, throttle, until, named: 0, unnamed: 0 };
        let mut next = START;
        while next <= until {
            next = attack.without_an_id(next).await;
            attack.by_id(next).await;
        }
        // The last guess at a device locks it, and a locked device judges no attempt without an id: so it comes last.
        attack.replica.clock.set(until);
        attack.each_by_id(State::Locked).await;
        attack
    }

    /// An attempt that every device judges. Gives the moment of the next.
    async fn without_an_id(&mut self, at: Moment) -> Moment {
        if at > START {
            self.replica.clock.set(at.minus(Duration::from_micros(1)));
            let early = self.replica.offer_any("alice", WRONG).await.unwrap();
            assert_eq!(early, Verdict::Throttled { retry_at: at }, "not a microsecond earlier");
        }
        self.replica.clock.set(at);
        for device in &self.devices {
            let Device { state, failures, .. } = self.replica.device(device).await;
            assert_eq!(
                (state, self.throttle.retry_at(failures, at)),
                (State::Active, None),
                "it judges this"
            );
        }
        let verdict = self.replica.offer_any("alice", WRONG).await.unwrap();
        let Verdict::Rejected { retry_at: Some(next), .. } = verdict else { panic!("{verdict:?}") };
        self.unnamed += 1;
        next
    }

    /// Guesses at each device by its id, as many as leave it open for the next attempt without an id.
    async fn by_id(&mut self, next: Moment) {
        loop {
            let delay = self.throttle.delay(self.named + 1);
            let at = self.replica.clock.now();
            if self.named + 1 >= self.throttle.lock_after || at.plus(delay) > next.min(self.until) {
                return;
            }
            self.each_by_id(State::Active).await;
            self.replica.clock.set(at.plus(delay));
        }
    }

    /// A guess at each device by its id, which leaves it in that state.
    async fn each_by_id(&mut self, state: State) {
        for (number, device) in self.devices.iter().enumerate() {
            let verdict = if (number + self.named as usize).is_multiple_of(2) {
                self.replica.offer(device, WRONG).await.unwrap()
            } else {
                resync(&self.replica, device).await
            };
            assert!(matches!(verdict, Verdict::Rejected { .. }), "{verdict:?}");
            if self.throttle.lock_after < u32::MAX {
                assert_eq!(self.replica.device(device).await.state, state);
            }
        }
        self.named += 1;
    }
}

/// An active device with a secret of its own.
pub(super) async fn enrolled(replica: &Replica, number: u32) -> Proving {
    let secret = [u8::try_from(number).unwrap() + 1; 20];
    let oath = OathSetup { secret: Some(Secret::new(secret.to_vec())), ..Default::default() };
    let enrollment = Enrollment {
        subject: Subject::parse("alice").unwrap(),
        name: Some(DeviceName::parse(&format!("token {number}")).unwrap()),
        setup: AnySetup::of::<Hotp>(Setup { oath, counter: 0, look_ahead: None }),
        context: None,
    };
    let grant = replica.grant::<rpc::EnrollDevice>();
    let device = fresh(replica.service.enroll(&grant, enrollment, None).await.unwrap()).device;
    let proving = Proving { subject: device.subject, device: device.id, codes: Vec::new() };
    let grant = replica.grant::<rpc::ConfirmDevice>();
    let attempt = attempt(&proving, &hotp(&secret, 0), &Default::default());
    let attempt = Attempt { context: None, ..attempt };
    let tried = fresh(replica.service.confirm(&grant, &attempt, &proving.device, None).await.unwrap());
    assert_eq!(tried.verdict, Verdict::Accepted);
    proving
}

async fn resync(replica: &Replica, device: &Proving) -> Verdict {
    let code = |text: &str| Offered::Code(SecretText::new(text.to_owned()));
    let (subject, device) = (device.subject.clone(), device.device.clone());
    let attempt = ResyncAttempt { subject, device, codes: vec![code(WRONG), code(WRONG)] };
    let grant = replica.grant::<rpc::ResyncDevice>();
    fresh(replica.service.resync(&grant, &attempt, None).await.unwrap()).verdict
}

async fn all_ways_at_once_come_to_what_start_up_says(database: TestDatabase) {
    let policy = Policy::default();
    // A database server takes longer for each guess, so it gets a shorter time.
    let span = if database.engine == Engine::Sqlite { 365 * DAY } else { 20 * DAY };
    let attack = Attack::run(&database, &policy, span).await;
    let (named, unnamed) =
        (guesses(&policy.throttle, span), guesses(&policy.throttle.without_device(), span));
    assert_eq!((attack.named, attack.unnamed), (named, unnamed));
    // The events in the database agree.
    for device in &attack.devices {
        let about = format!("event WHERE what = 'proof.rejected' AND device = '{}'", device.device);
        assert_eq!(database.count(&about).await, i64::from(named));
    }
    let devices = policy.devices_per_subject;
    assert_eq!(database.events("proof.rejected").await, i64::from(devices * named + unnamed));
    assert_eq!(database.events("device.locked").await, i64::from(devices));
    let guess = Guess::of(&policy);
    assert_eq!(guess.named, named, "the lock comes within days");
    if span == 365 * DAY {
        assert_eq!(guess.unnamed, unnamed);
        assert_eq!(guess.year, u64::from(devices) * u64::from(named + unnamed));
    }
}

async fn without_the_lock_there_would_be_more(database: TestDatabase) {
    let throttle = ThrottlePolicy { lock_after: u32::MAX, ..ThrottlePolicy::default() };
    let policy = Policy { throttle, devices_per_subject: 1, ..Policy::default() };
    let attack = Attack::run(&database, &policy, 7 * DAY).await;
    assert!(attack.named > Guess::of(&Policy::default()).named, "{}", attack.named);
}

async fn without_the_ceiling_of_a_day_there_would_be_more(database: TestDatabase) {
    let hour = Duration::from_secs(3600);
    let throttle = ThrottlePolicy { subject_max_delay: hour, ..ThrottlePolicy::default() };
    let policy = Policy { throttle, devices_per_subject: 1, ..Policy::default() };
    assert!(Guess::of(&Policy { throttle, ..Policy::default() }).is_too_likely());
    let attack = Attack::run(&database, &policy, 5 * DAY).await;
    let allowed = guesses(&Policy::default().throttle.without_device(), 5 * DAY);
    assert!(attack.unnamed > 4 * allowed, "{} and {allowed}", attack.unnamed);
}
