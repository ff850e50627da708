//! A user who follows what is advised, over every state of devices, evidence and contexts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use countersign::domain::context::{Context, Reach};
use countersign::domain::decision::{Decision, Plan, Step};
use countersign::domain::ids::DeviceId;
use countersign::domain::policy::Policy;
use countersign::domain::proof::Verdict;
use countersign::domain::refusal::Refusal;
use countersign::domain::throttle::ThrottlePolicy;
use countersign::error::Error;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Handle;

use super::super::{REQUIREMENTS, replica_with};
use crate::harness::asking::{attempt, session, with_token};
use crate::harness::databases::{Engine, TestDatabase, on_every_database};
use crate::harness::fixture::WRONG;
use crate::harness::replica::{Proving, Replica};
use crate::harness::rulebook;

on_every_database!(whatever_the_devices_what_is_advised_goes_through_and_what_is_not_never_does);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Active,
    Locked,
    Suspended,
    Exhausted,
    Throttled,
    Pending,
}

#[derive(Debug, Clone, Copy)]
enum Proof {
    Password { here: bool },
    Device { number: usize, here: bool, of_client: bool },
    Wait,
}

#[derive(Debug, Clone)]
struct Case {
    /// For each device: true for a list of codes, and its state.
    devices: Vec<(bool, State)>,
    proofs: Vec<Proof>,
    in_client: bool,
    guard: Option<&'static str>,
    /// True if `countersign.recover` also asks for a password.
    is_recover_strict: bool,
    requirement: &'static str,
    /// Chooses the plan and the way to enroll, each time.
    choice: usize,
}

fn cases() -> impl Strategy<Value = Case> {
    use State::{Active, Exhausted, Locked, Pending, Suspended, Throttled};
    let state = prop::sample::select(vec![Active, Active, Locked, Suspended, Exhausted, Throttled, Pending]);
    let device = (any::<bool>(), state).prop_map(|(is_list, state)| match (is_list, state) {
        (true, Pending) => (true, Exhausted),
        (false, Exhausted) => (false, Active),
        other => other,
    });
    let proof = prop_oneof![
        2 => any::<bool>().prop_map(|here| Proof::Password { here }),
        4 => (0..3_usize, any::<bool>(), any::<bool>())
            .prop_map(|(number, here, of_client)| Proof::Device { number, here, of_client }),
        1 => Just(Proof::Wait),
    ];
    let guard = prop::sample::select(vec![
        None,
        None,
        Some("hotp within 10m"),
        Some("password within 10m"),
        Some("password and (hotp or recovery_codes within 10m)"),
    ]);
    let requirement = prop::sample::select(vec![
        "device",
        "login",
        "strong",
        "lasting",
        "two",
        "both",
        "secret",
        "codes",
        "countersign.enroll",
        "countersign.remove",
    ]);
    let guards = (guard, prop::bool::weighted(0.3));
    (vec(device, 0..=3), vec(proof, 0..4), any::<bool>(), guards, requirement, 0..4_usize).prop_map(
        |(devices, proofs, in_client, (guard, is_recover_strict), requirement, choice)| {
            let mut devices = devices;
            devices.sort_by_key(|(_, state)| *state);
            Case { devices, proofs, in_client, guard, is_recover_strict, requirement, choice }
        },
    )
}

async fn whatever_the_devices_what_is_advised_goes_through_and_what_is_not_never_does(
    database: TestDatabase,
) {
    let cases_of = if database.engine == Engine::Sqlite { 200 } else { 60 };
    let config = Config { cases: cases_of, failure_persistence: None, ..Config::default() };
    let second = Duration::from_secs(1);
    let throttle = ThrottlePolicy { factor: second, lock_after: 3, ..Default::default() };
    let replica = replica_with(&database, Policy { throttle, ..Policy::default() }).await;
    let tried = TestRunner::new(config).run(&cases(), |case| {
        tokio::task::block_in_place(|| Handle::current().block_on(User::new(&replica, case).play()))
    });
    if let Err(error) = tried {
        panic!("{error}");
    }
}

/// A subject who follows what is advised, in one session.
struct User<'a> {
    replica: &'a Arc<Replica>,
    case: Case,
    name: String,
    here: Context,
    /// The devices, with how many of their codes are used.
    devices: Vec<(Proving, usize)>,
}

impl<'a> User<'a> {
    fn new(replica: &'a Arc<Replica>, case: Case) -> Self {
        static CASE: AtomicU32 = AtomicU32::new(0);
        let mut requirements = REQUIREMENTS.to_vec();
        requirements.extend([
            ("two", "distinct(hotp, hotp)"),
            ("both", "password and hotp and recovery_codes within 10m"),
            ("secret", "2 of (password, hotp, sso)"),
            ("codes", "recovery_codes within 10m"),
        ]);
        // Two guards ask for the same: a user who may remove the last device may enroll the first.
        for guard in ["countersign.enroll", "countersign.remove"] {
            requirements.extend(case.guard.map(|text| (guard, text)));
        }
        let guard = case.guard.unwrap_or("(totp or hotp or recovery_codes) within 10m");
        let strict = format!("({guard}) and password within 10m");
        let recover = if case.is_recover_strict { &strict } else { guard };
        requirements.push(("countersign.recover", recover));
        replica.service.replace_rulebook(rulebook(&requirements));
        let name = format!("subject {}", CASE.fetch_add(1, Ordering::Relaxed));
        Self { replica, case, name, here: session("here"), devices: Vec::new() }
    }

    async fn play(mut self) -> Result<(), TestCaseError> {
        self.set_up().await;
        for _ in 0..8 {
            let requirement = self.case.requirement;
            match self.replica.decision(&self.name, &self.here, requirement).await {
                Decision::Satisfied(_) => return Ok(()),
                Decision::StepUp { plans } => self.take(&plans).await?,
                Decision::EnrollmentRequired { ways, plans } => {
                    if !plans.is_empty() {
                        self.take(&plans).await?;
                    }
                    for kind in &ways[self.case.choice % ways.len()] {
                        let enrolled = self.enroll(kind.as_str() == "recovery_codes").await;
                        prop_assert!(enrolled.is_ok(), "{kind}: {enrolled:?}");
                    }
                }
                Decision::Unavailable { reason, .. } => return self.try_everything(&reason).await,
            }
        }
        prop_assert!(false, "the advice leads nowhere");
        Ok(())
    }

    /// Devices, then what was proved, then what became of the devices.
    async fn set_up(&mut self) {
        let Self { replica, name, .. } = self;
        if self.case.in_client {
            let browser = replica.remember(name, None).await.token;
            self.here = with_token(&self.here, &browser);
        }
        let states = self.case.devices.clone();
        for (number, (is_list, state)) in states.iter().enumerate() {
            let label = format!("device {number}");
            let device = match (is_list, state) {
                (true, _) => replica.enroll_codes(name, &label, 6, None).await.unwrap(),
                (false, State::Pending) => continue,
                (false, _) => replica.active_fresh(name, &label, None).await.unwrap(),
            };
            self.devices.push((device, 0));
        }
        for proof in self.case.proofs.clone() {
            match proof {
                Proof::Password { here } => {
                    self.replica.password(&self.name, &self.place(here)).await;
                }
                Proof::Device { number, here, of_client } => {
                    let reach = if of_client { Reach::Client } else { Reach::Usual };
                    let place = self.place(here);
                    if let Some((device, used)) = self.devices.get_mut(number).filter(|(_, used)| *used < 3) {
                        self.replica.prove_as(device, *used, &place, reach).await;
                        *used += 1;
                    }
                }
                Proof::Wait => self.replica.clock.advance(Duration::from_secs(660)),
            }
        }
        let Self { replica, name, .. } = self;
        for (number, (_, state)) in states.iter().enumerate() {
            let fails = async |device: &Proving| replica.offer(device, WRONG).await.unwrap();
            match (state, self.devices.get_mut(number)) {
                (State::Locked, Some((device, _))) => {
                    for _ in 0..3 {
                        fails(device).await;
                        replica.clock.advance(Duration::from_secs(2));
                    }
                }
                (State::Suspended, Some((device, _))) => {
                    replica.suspend_in(device, true, None).await.unwrap();
                }
                (State::Exhausted, Some((device, used))) => {
                    for code in *used..6 {
                        replica.prove(device, code, &session("long ago")).await;
                    }
                    *used = 6;
                }
                (State::Throttled, Some((device, _))) => {
                    fails(device).await;
                }
                (State::Pending, _) => {
                    replica.enroll_fresh(name, &format!("device {number}"), None).await.unwrap();
                }
                _ => {}
            }
        }
    }

    fn place(&self, here: bool) -> Context {
        match (here, &self.here.client) {
            (true, _) => self.here.clone(),
            (false, client) => Context { client: client.clone(), ..session("elsewhere") },
        }
    }

    /// Takes the steps of a plan.
    async fn take(&mut self, plans: &[Plan]) -> Result<(), TestCaseError> {
        for step in &plans[self.case.choice % plans.len()].steps {
            match step {
                Step::External(name) => {
                    self.replica.record_in(&self.name, name.as_str(), &self.here).await;
                }
                Step::Device { devices, .. } => {
                    let id = &devices[self.case.choice % devices.len()];
                    let verdict = self.prove(id).await;
                    prop_assert_eq!(verdict, Verdict::Accepted);
                }
            }
        }
        Ok(())
    }

    async fn prove(&mut self, id: &DeviceId) -> Verdict {
        let (device, used) = self.devices.iter_mut().find(|(device, _)| device.device == *id).unwrap();
        let code = device.codes.get(*used).map_or(WRONG, String::as_str);
        let tried = self.replica.attempted(&attempt(device, code, &self.here)).await.unwrap();
        *used += 1;
        tried.verdict
    }

    async fn enroll(&mut self, is_list: bool) -> Result<(), Error> {
        let label = format!("new {}", self.devices.len());
        let here = Some(&self.here);
        let device = if is_list {
            self.replica.enroll_codes(&self.name, &label, 6, here).await?
        } else {
            self.replica.active_fresh(&self.name, &label, here).await?
        };
        self.devices.push((device, 0));
        Ok(())
    }

    /// Whatever the user tries in this session: what is unavailable is not had, unless by a device that guards
    /// and can be proved.
    async fn try_everything(&mut self, reason: &str) -> Result<(), TestCaseError> {
        for method in ["password", "sso"] {
            self.replica.record_in(&self.name, method, &self.here).await;
        }
        let ids: Vec<DeviceId> = self.devices.iter().map(|(device, _)| device.device.clone()).collect();
        for id in &ids {
            self.prove(id).await;
        }
        for (device, _) in self.devices.clone() {
            let _ = self.replica.suspend_in(&device, false, Some(&self.here)).await;
            if reason.starts_with("a device must be enrolled") {
                let _ = self.replica.issue_in(&self.name, Some(&self.here)).await;
                let _ = self.replica.delete_in(&device, Some(&self.here)).await;
            }
        }
        let of_codes = self.enroll(true).await;
        let of_app = self.enroll(false).await;
        let is_satisfied = self.replica.holds(&self.name, &self.here, self.case.requirement).await;
        if reason.starts_with("a device must be enrolled") {
            // If only recovery codes would help, the guard of other devices may be satisfied.
            let of_app = Some(&of_app).filter(|_| !self.case.is_recover_strict);
            for refused in [&of_codes].into_iter().chain(of_app) {
                let Err(Error::Refused(Refusal::StepUpRequired(decided))) = refused else {
                    return Err(TestCaseError::fail(format!("{refused:?} after {reason}")));
                };
                let is_unavailable = matches!(decided.decision, Decision::Unavailable { .. });
                prop_assert!(is_unavailable, "{:?}", decided);
            }
        }
        if of_codes.is_err() {
            prop_assert!(!is_satisfied, "{reason}");
        }
        Ok(())
    }
}
