//! The throttle against a model of it: any sequence of right, wrong, malformed and hasty attempts, with a
//! clock that moves forth and back.

use std::time::Duration;

use countersign::domain::moment::Moment;
use countersign::domain::throttle::ThrottlePolicy;
use countersign::env::Clock as _;
use countersign::wire::pb;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::throttle::{moment, throttled};
use crate::harness::answers::said;
use crate::harness::fixture::SECRET;
use crate::harness::{Client, Harness, START, hotp};

const FACTOR: i64 = 1_000_000;
const CEILING: i64 = 6_000_000;
const LOCK_AFTER: u32 = 6;

/// What happens next.
#[derive(Debug, Clone)]
enum Step {
    Right,
    Wrong,
    Malformed,
    /// The clock moves by so many microseconds.
    Move(i64),
    /// The clock moves to so many microseconds after the end of the delay.
    ToEnd(i64),
    Unlock,
    Suspend,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Wrong),
        2 => Just(Step::Right),
        1 => Just(Step::Malformed),
        4 => prop_oneof![Just(0i64), Just(-1), Just(1), 0..2_000_000i64].prop_map(Step::ToEnd),
        2 => (0..8_000_000i64).prop_map(Step::Move),
        1 => prop_oneof![
            Just(-1_000_000i64),
            Just(-60_000_000),
            Just(-86_400_000_000),
            Just(31_536_000_000_000),
            Just(-31_536_000_000_000),
        ].prop_map(Step::Move),
        1 => Just(Step::Unlock),
        1 => Just(Step::Suspend),
    ]
}

/// What the design says that the server keeps of a device.
#[derive(Debug, Default)]
struct Model {
    failures: u32,
    last: Option<i64>,
    counter: u64,
}

impl Model {
    /// The moment before which nothing is looked at.
    fn retry_at(&self, now: i64) -> Option<i64> {
        let last = self.last?;
        let delay = if self.failures == 0 { 0 } else { (FACTOR << (self.failures - 1)).min(CEILING) };
        // A failure from further ahead than any delay is a clock's mistake.
        (last - now <= CEILING && last + delay > now).then_some(last + delay)
    }

    /// What is said of an attempt, and when to come back.
    fn attempt(&mut self, step: &Step, now: i64) -> (&'static str, Option<i64>) {
        if self.failures >= LOCK_AFTER {
            return ("unavailable", None);
        }
        if matches!(step, Step::Malformed) {
            return ("rejected malformed", None);
        }
        if let Some(at) = self.retry_at(now) {
            return ("throttled", Some(at));
        }
        if matches!(step, Step::Right) {
            *self = Self { counter: self.counter + 1, ..Self::default() };
            return ("accepted", None);
        }
        (self.failures, self.last) = (self.failures + 1, Some(now));
        ("rejected mismatch", self.retry_at(now))
    }
}

/// Walks through the steps, and compares each answer.
async fn walk(
    harness: &Harness,
    client: &Client,
    subject: &str,
    steps: &[Step],
) -> Result<(), TestCaseError> {
    harness.clock.set(START);
    let mut device = client.active_hotp(subject, "token", SECRET).await;
    let mut model = Model { counter: 1, ..Model::default() };
    for (place, step) in steps.iter().enumerate() {
        let now = harness.clock.now().micros();
        match step {
            Step::Move(by) => harness.clock.set(Moment::from_micros(now + by)),
            Step::ToEnd(by) => {
                harness.clock.set(Moment::from_micros(model.retry_at(now).unwrap_or(now) + by));
            }
            Step::Unlock => {
                device = client.unlock(&device).await.unwrap();
                (model.failures, model.last) = (0, None);
            }
            // Setting a device aside and taking it back changes nothing of its throttle.
            Step::Suspend => {
                client.suspend(&device, true).await;
                client.suspend(&device, false).await;
            }
            Step::Right | Step::Wrong | Step::Malformed => {
                let code = match step {
                    Step::Right => hotp(SECRET, model.counter),
                    Step::Wrong => wrong(model.counter),
                    _ => "12345".to_owned(),
                };
                let answer = client.verify(subject, &device.id, &code).await.unwrap();
                let (expected, retry_at) = model.attempt(step, now);
                prop_assert_eq!(said(answer.verdict.as_ref()), expected, "step {}", place);
                let retry_time = answer.verdict.unwrap().retry_time;
                prop_assert_eq!(
                    retry_time,
                    retry_at.map(|at| moment(Moment::from_micros(at))),
                    "step {}",
                    place
                );
            }
        }
        let seen = client.device(subject, &device.id).await.unwrap();
        let is_locked = seen.state() == pb::DeviceState::Locked;
        let throttle = seen.throttle.unwrap();
        prop_assert_eq!(throttle.failure_count, model.failures, "step {}", place);
        prop_assert_eq!(throttle.failures_until_lock, LOCK_AFTER - model.failures, "step {}", place);
        prop_assert_eq!(is_locked, model.failures >= LOCK_AFTER, "step {}", place);
    }
    Ok(())
}

/// A code that is nowhere in the window, nor the one before it.
fn wrong(counter: u64) -> String {
    let near: Vec<String> = (counter - 1..counter + 6).map(|counter| hotp(SECRET, counter)).collect();
    (0..).map(|n| format!("{n:06}")).find(|code| !near.contains(code)).unwrap()
}

#[test]
fn any_sequence_of_attempts_is_answered_as_the_model_says() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let harness = runtime.block_on(throttled(ThrottlePolicy {
        factor: Duration::from_micros(FACTOR.unsigned_abs()),
        max_delay: Duration::from_micros(CEILING.unsigned_abs()),
        subject_max_delay: Duration::from_micros(CEILING.unsigned_abs()),
        lock_after: LOCK_AFTER,
    }));
    let client = runtime.block_on(harness.client());
    let made = std::cell::Cell::new(0);
    let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    let run = runner.run(&prop::collection::vec(step(), 1..30), |steps| {
        made.set(made.get() + 1);
        runtime.block_on(walk(&harness, &client, &format!("subject-{}", made.get()), &steps))
    });
    run.unwrap();
    runtime.block_on(harness.stop());
}
