//! Histories that keep the promises pass, whatever they are; one with a violation planted in it is found.

mod legal;

use std::collections::BTreeSet;
use std::time::Duration;

use countersign::domain::throttle::ThrottlePolicy;
use proptest::prelude::*;

use self::legal::{World, histories};
use super::{CODES, Promise, Rules, What, check};
use crate::history::{Answer, Asked, Call, Code, Sort};

fn promises(world: &World) -> Vec<Promise> {
    let mut found: Vec<Promise> =
        check(&world.calls, &world.after, &rules()).into_iter().map(|violation| violation.promise).collect();
    found.dedup();
    found
}

fn rules() -> Rules {
    Rules { throttle: ThrottlePolicy::default(), pending_for: Duration::from_secs(900) }
}

/// Enrolled and confirmed with code 0; code 1 accepted, a wrong one judged, code 2 accepted.
fn a_day_in_a_life() -> World {
    let mut world = World::new(Sort::Counter);
    world.offer(Some("one"), Code::Right(1));
    world.offer(None, Code::Wrong);
    world.wait(Duration::from_secs(2));
    world.offer(Some("two"), Code::Right(2));
    world
}

/// The same, with something planted in it. That promise is broken, and no other.
fn planted(promise: Promise, plant: impl FnOnce(&mut World)) {
    let mut world = a_day_in_a_life();
    assert_eq!(promises(&world), []);
    plant(&mut world);
    assert_eq!(promises(&world), [promise], "{:?}", check(&world.calls, &world.after, &rules()));
}

/// The call of that request.
fn of<'w>(world: &'w mut World, id: &str) -> &'w mut Call {
    world.calls.iter_mut().find(|call| call.id.as_deref() == Some(id)).unwrap()
}

#[test]
fn a_code_that_is_accepted_for_two_requests_is_found() {
    planted(Promise::Once, |world| {
        let again = Call { id: Some("other".into()), ..of(world, "two").clone() };
        // With its event, and at the same moment: nothing else gives it away.
        world.calls.push(again);
        world.event(What::Accepted);
    });
}

#[test]
fn a_code_that_is_accepted_after_a_later_one_is_found() {
    planted(Promise::Once, |world| {
        let call = of(world, "two");
        if let Asked::Verify(_, code) = &mut call.asked {
            *code = Code::Right(9);
        }
        world.seen().next = 10;
        world.offer(Some("three"), Code::Right(4));
        world.seen().next = 10;
    });
}

#[test]
fn a_wrong_code_that_is_accepted_is_found() {
    planted(Promise::Once, |world| {
        let call = of(world, "two");
        call.asked = Asked::Verify(World::device(), Code::Wrong);
    });
}

#[test]
fn another_answer_to_the_same_request_is_found() {
    planted(Promise::Retry, |world| {
        let first = of(world, "one").clone();
        let answer = Answer::NotJudged("throttled");
        world.calls.push(Call { begin: first.end, end: first.end, answer, ..first });
    });
}

#[test]
fn a_code_that_a_retry_costs_is_found() {
    planted(Promise::Retry, |world| {
        let first = of(world, "two").clone();
        let answer = Answer::Rejected { failures: 1, retry_at: None };
        world.calls.push(Call { begin: first.end, end: first.end, answer, ..first });
        world.event(What::Rejected(1));
    });
}

#[test]
fn a_device_that_is_forgotten_is_found() {
    planted(Promise::Kept, |world| world.after.devices.clear());
}

#[test]
fn a_confirmation_that_is_forgotten_is_found() {
    planted(Promise::Kept, |world| world.seen().is_confirmed = false);
}

#[test]
fn an_acceptance_that_is_forgotten_is_found() {
    planted(Promise::Kept, |world| world.seen().next = 2);
}

#[test]
fn a_recovery_code_that_is_there_again_is_found() {
    let mut world = World::new(Sort::List);
    world.offer(None, Code::Right(3));
    world.offer(None, Code::Right(1));
    assert_eq!(promises(&world), []);
    world.seen().next = 9;
    assert_eq!(promises(&world), [Promise::Kept]);
}

#[test]
fn a_removal_that_is_forgotten_is_found() {
    planted(Promise::Kept, |world| {
        let last = world.calls[0].clone();
        world.calls.push(Call { asked: Asked::Delete(World::device()), answer: Answer::Done, ..last });
    });
}

#[test]
fn a_guess_that_is_told_to_be_judged_too_soon_is_found() {
    planted(Promise::Guesses, |world| {
        let failed = world.calls.iter().find(|call| matches!(call.answer, Answer::Rejected { .. })).unwrap();
        let (begin, end) = (failed.end, failed.end.plus(Duration::from_millis(10)));
        let answer = Answer::Rejected { failures: 1, retry_at: None };
        world.calls.push(Call { begin, end, answer, ..failed.clone() });
        // In the log it stands later, where it does no harm.
        world.wait(Duration::from_secs(60));
        world.event(What::Rejected(1));
    });
}

#[test]
fn a_guess_that_is_judged_too_soon_is_found_in_the_log() {
    planted(Promise::Guesses, |world| {
        // Of which nobody was told: the caller had gone away.
        let lost = Call { answer: Answer::Lost("gone".to_owned()), id: None, ..of(world, "two").clone() };
        world.calls.push(Call { asked: Asked::Verify(World::device(), Code::Wrong), ..lost });
        let failed = world.after.events.iter_mut().find(|event| event.what == What::Rejected(1)).unwrap();
        let soon = failed.at.plus(Duration::from_millis(1));
        world.event(What::Rejected(2));
        world.after.events.last_mut().unwrap().at = soon;
    });
}

#[test]
fn a_failure_that_is_not_counted_is_found() {
    planted(Promise::Guesses, |world| {
        world.wait(Duration::from_secs(60));
        world.offer(None, Code::Wrong);
        world.wait(Duration::from_secs(60));
        world.offer(None, Code::Wrong);
        world.after.events.last_mut().unwrap().what = What::Rejected(1);
    });
}

#[test]
fn an_acceptance_without_its_event_is_found() {
    planted(Promise::Log, |world| {
        let accepted = |event: &super::Noted| event.what == What::Accepted;
        let at = world.after.events.iter().rposition(accepted).unwrap();
        world.after.events.remove(at);
    });
}

#[test]
fn an_event_without_an_acceptance_is_found() {
    planted(Promise::Log, |world| world.event(What::Accepted));
}

#[test]
fn a_broken_chain_is_found() {
    planted(Promise::Log, |world| world.after.broken = Some("changed".to_owned()));
}

#[test]
fn a_pending_device_may_expire_and_no_sooner() {
    let mut world = World::empty();
    world.enroll(Sort::Counter);
    world.after.devices.clear();
    assert_eq!(promises(&world), [Promise::Kept]);
    world.wait(Duration::from_secs(901));
    assert_eq!(promises(&world), []);
}

proptest! {
    #[test]
    fn what_keeps_the_promises_passes(world in histories()) {
        prop_assert_eq!(check(&world.calls, &world.after, &rules()), []);
    }

    #[test]
    fn an_acceptance_that_is_told_to_another_request_is_found_in_any_history(world in histories()) {
        let mut world = world;
        let accepted = |call: &&Call| call.answer == Answer::Accepted;
        if let Some(call) = world.calls.iter().rfind(accepted).cloned() {
            world.calls.push(Call { id: Some("another".into()), ..call });
            prop_assert!(promises(&world).contains(&Promise::Once));
        }
    }

    #[test]
    fn a_state_before_the_last_acceptance_is_found_after_any_history(world in histories()) {
        let mut world = world;
        let accepted = world.calls.iter().filter(|call| call.answer == Answer::Accepted);
        let told: BTreeSet<Code> = accepted.filter_map(|call| Some(call.asked.proof()?.1)).collect();
        if let Some(Code::Right(last)) = told.last() {
            let too_many = CODES + 1 - told.len() as u64;
            world.seen().next = if world.sort == Sort::List { too_many } else { *last };
            prop_assert_eq!(promises(&world), [Promise::Kept]);
        }
    }
}
