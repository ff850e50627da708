//! Two sessions and an operator, in any order, against a model of what passes.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use countersign::domain::context::Context;
use countersign::domain::ids::SessionId;
use countersign::domain::moment::Moment;
use countersign::domain::refusal::Refusal;
use countersign::env::Clock as _;
use countersign::error::Error;
use countersign::service::Revocation;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Handle;

use super::super::is_step_up;
use super::{PENDING_FOR, strict};
use crate::harness::asking::session;
use crate::harness::databases::{Engine, TestDatabase, on_every_database};
use crate::harness::own_secret::Fresh;
use crate::harness::replica::{Proving, Replica};

on_every_database!(whatever_two_sessions_and_an_operator_do_only_the_first_set_up_passes);

#[derive(Debug, Clone, Copy)]
enum Call {
    Enroll(usize),
    Confirm(usize),
    Issue,
    /// Removes the device of that number, or the list.
    Remove(Option<usize>),
}

#[derive(Debug, Clone, Copy)]
enum Move {
    /// In the session of that number; the third is an operator.
    By(usize, Call),
    SignOut,
    Revoke(usize),
    Minutes(u64),
}

const NAMES: [&str; 2] = ["one", "two"];
const SESSIONS: [&str; 2] = ["here", "there"];

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let slot = 0..NAMES.len();
    let call = prop_oneof![
        4 => slot.clone().prop_map(Call::Enroll),
        4 => slot.clone().prop_map(Call::Confirm),
        3 => Just(Call::Issue),
        1 => prop::option::of(slot).prop_map(Call::Remove),
    ];
    let who = prop_oneof![4 => Just(0_usize), 4 => Just(1), 1 => Just(2)];
    let one = prop_oneof![
        12 => (who, call).prop_map(|(who, call)| Move::By(who, call)),
        1 => Just(Move::SignOut),
        1 => (0..2_usize).prop_map(Move::Revoke),
        2 => prop::sample::select(vec![1_u64, 7, 14, 15]).prop_map(Move::Minutes),
    ];
    vec(one, 1..16)
}

/// The expected state.
#[derive(Default)]
struct Model {
    /// For each name: the device, the time of its enrollment, and true if it is active.
    devices: [Option<(Fresh, Moment, bool)>; 2],
    list: Option<Proving>,
    /// The session of the first set-up, and its beginning.
    opening: Option<(usize, Moment)>,
}

impl Model {
    fn is_guarded(&self) -> bool {
        self.list.is_some() || self.devices.iter().flatten().any(|(_, _, is_active)| *is_active)
    }

    fn passes(&self, who: usize, adds: bool, now: Moment) -> bool {
        let is_open = |(session, at): (usize, Moment)| session == who && now < at.plus(PENDING_FOR);
        who == 2 || !self.is_guarded() || adds && self.opening.is_some_and(is_open)
    }

    /// Notes a call that adds. `is_first`: it makes the first device that guards.
    fn opened(&mut self, who: usize, is_first: bool, now: Moment) {
        if is_first {
            self.opening = (who < 2).then_some((who, now));
        } else {
            self.opening = self.opening.filter(|(session, _)| *session == who);
        }
    }
}

async fn whatever_two_sessions_and_an_operator_do_only_the_first_set_up_passes(database: TestDatabase) {
    let cases = if database.engine == Engine::Sqlite { 64 } else { 24 };
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let replica = strict(&database).await;
    let tried = TestRunner::new(config).run(&moves(), |moves| {
        tokio::task::block_in_place(|| Handle::current().block_on(play(&replica, moves)))
    });
    if let Err(error) = tried {
        panic!("{error}");
    }
}

async fn play(replica: &Replica, moves: Vec<Move>) -> Result<(), TestCaseError> {
    static CASE: AtomicU32 = AtomicU32::new(0);
    let subject = format!("subject {}", CASE.fetch_add(1, Ordering::Relaxed));
    let contexts = SESSIONS.map(session);
    let mut model = Model::default();
    for one in moves {
        match one {
            Move::SignOut => {
                replica.revoke(&subject, Revocation::Everything).await;
                model.opening = None;
            }
            Move::Revoke(which) => {
                let revocation = Revocation::Session(SessionId::trusted(SESSIONS[which]));
                replica.revoke(&subject, revocation).await;
                model.opening = model.opening.filter(|(session, _)| *session != which);
            }
            Move::Minutes(minutes) => replica.clock.advance(Duration::from_secs(60 * minutes)),
            Move::By(who, call) => {
                let context = contexts.get(who);
                carry_out(replica, &subject, &mut model, (who, context), call).await?;
            }
        }
    }
    Ok(())
}

/// Makes a call, and compares what becomes of it with what should.
async fn carry_out(
    replica: &Replica,
    subject: &str,
    model: &mut Model,
    (who, context): (usize, Option<&Context>),
    call: Call,
) -> Result<(), TestCaseError> {
    let now = replica.clock.now();
    let (was_guarded, may) = (model.is_guarded(), model.passes(who, !matches!(call, Call::Remove(_)), now));
    let is_gone = |at: Moment, is_active: bool| !is_active && now >= at.plus(PENDING_FOR);
    match call {
        Call::Enroll(slot) => {
            if model.devices[slot].as_ref().is_some_and(|(_, _, is_active)| *is_active) {
                return Ok(());
            }
            let answer = replica.enroll_fresh(subject, NAMES[slot], context).await;
            agree(may, &answer)?;
            if let Ok(device) = answer {
                model.devices[slot] = Some((device, now, false));
                model.opened(who, false, now);
            }
        }
        Call::Confirm(slot) => {
            let Some((device, at, false)) = model.devices[slot].clone() else { return Ok(()) };
            let answer = replica.confirm_fresh(&device, context).await;
            if is_gone(at, false) {
                prop_assert!(matches!(answer, Err(Error::Refused(Refusal::DeviceNotFound))), "{answer:?}");
                return Ok(());
            }
            agree(may, &answer)?;
            if may {
                model.devices[slot] = Some((device, at, true));
                model.opened(who, !was_guarded, now);
            }
        }
        Call::Issue => {
            let answer = replica.issue_in(subject, context).await;
            agree(may, &answer)?;
            if let Ok(list) = answer {
                model.list = Some(list);
                model.opened(who, !was_guarded, now);
            }
        }
        Call::Remove(slot) => {
            let there = match slot {
                None => model.list.clone(),
                Some(slot) => model.devices[slot]
                    .as_ref()
                    .filter(|(_, at, is_active)| !is_gone(*at, *is_active))
                    .map(|(device, ..)| device.proving()),
            };
            let Some(device) = there else { return Ok(()) };
            let answer = replica.delete_in(&device, context).await;
            agree(may, &answer)?;
            if may {
                match slot {
                    None => model.list = None,
                    Some(slot) => model.devices[slot] = None,
                }
                model.opening = None;
            }
        }
    }
    Ok(())
}

fn agree<T: std::fmt::Debug>(may: bool, answer: &Result<T, Error>) -> Result<(), TestCaseError> {
    prop_assert_eq!(may, answer.is_ok(), "{:?}", answer);
    prop_assert!(may || is_step_up(answer), "{answer:?}");
    Ok(())
}
