use std::time::Duration;

use super::deciding::{device, world};
use super::texts::requirement;
use super::worlds::{NOW, TRANSACTION, evidence, held};
use crate::assurance::counting::{Discount, counts};
use crate::assurance::decide::decide;
use crate::domain::evidence::{Evidence, Scope, TransactionDigest};
use crate::domain::ids::SessionId;
use crate::domain::moment::Moment;

fn proved() -> Evidence {
    evidence("e", device("totp", "a"), held())
}

fn discount(change: impl FnOnce(&mut Evidence)) -> Option<Discount> {
    let mut evidence = proved();
    change(&mut evidence);
    let world = world(vec![evidence], vec![]);
    let situation = world.situation();
    let verdict = counts(&world.evidence[0], &situation.asked).err();
    assert_eq!(decide(&requirement("totp"), &situation).is_satisfied(), verdict.is_none());
    verdict
}

#[test]
fn evidence_counts_in_its_session_until_it_expires() {
    assert_eq!(discount(|_| {}), None);
    assert_eq!(discount(|e| e.expires_at = Moment::from_micros(NOW.micros() + 1)), None);
    assert_eq!(discount(|e| e.expires_at = NOW), Some(Discount::Expired));
}

#[test]
fn what_was_taken_back_counts_for_nothing() {
    assert_eq!(discount(|e| e.revoked = true), Some(Discount::Revoked));
    assert_eq!(discount(|e| e.used_up = true), Some(Discount::UsedUp));
    assert_eq!(discount(|e| e.epoch = 0), Some(Discount::Epoch));
}

#[test]
fn evidence_of_another_session_or_client_does_not_ride_along() {
    assert_eq!(discount(|e| e.binding.session = Some(SessionId::trusted("t"))), Some(Discount::Session));
    assert_eq!(discount(|e| e.binding.session = None), Some(Discount::Session));
    let other = |e: &mut Evidence| {
        e.scope = Scope::Client;
        e.binding.client = None;
    };
    assert_eq!(discount(other), Some(Discount::Client));
    // In another session of its client, evidence of the client's scope counts.
    let same = |e: &mut Evidence| {
        e.scope = Scope::Client;
        e.binding.session = Some(SessionId::trusted("t"));
    };
    assert_eq!(discount(same), None);
}

#[test]
fn a_session_that_is_not_named_is_nobodys() {
    let mut evidence = proved();
    evidence.binding.session = None;
    evidence.binding.client = None;
    let world = world(vec![evidence], vec![]);
    let mut situation = world.situation();
    situation.asked.session = None;
    situation.asked.client = None;
    assert_eq!(counts(&world.evidence[0], &situation.asked), Err(Discount::Session));
}

#[test]
fn evidence_of_a_device_that_is_gone_counts_for_nothing() {
    let mut world = world(vec![proved()], vec![]);
    world.active.clear();
    assert_eq!(counts(&world.evidence[0], &world.situation().asked), Err(Discount::Device));
}

#[test]
fn evidence_for_a_transaction_serves_that_one_only_and_only_in_its_session() {
    let given = |digest| Evidence { scope: Scope::Transaction(digest), ..proved() };
    let mut world = world(vec![given(TRANSACTION)], vec![]);
    assert_eq!(counts(&world.evidence[0], &world.situation().asked), Err(Discount::Transaction));
    world.transaction = true;
    assert_eq!(counts(&world.evidence[0], &world.situation().asked), Ok(()));
    world.session = SessionId::trusted("thief");
    assert_eq!(counts(&world.evidence[0], &world.situation().asked), Err(Discount::Session));
    world.evidence = vec![given(TransactionDigest([9; 32]))];
    assert_eq!(counts(&world.evidence[0], &world.situation().asked), Err(Discount::Transaction));
}

#[test]
fn evidence_from_a_clock_that_was_ahead_does_not_stay_fresh() {
    let ahead = |by| move |e: &mut Evidence| e.verified_at = NOW.plus(Duration::from_secs(by));
    assert_eq!(discount(ahead(5)), None);
    assert_eq!(discount(ahead(6)), Some(Discount::Ahead));
}

#[test]
fn a_recovery_code_is_not_enough_where_none_is_wanted() {
    let mut code = evidence("r", device("recovery_codes", "r"), held());
    code.strength.recovery = true;
    let world = world(vec![code], vec![]);
    assert!(decide(&requirement("possession"), &world.situation()).is_satisfied());
    assert!(!decide(&requirement("possession & not recovery"), &world.situation()).is_satisfied());
}

#[test]
fn what_was_given_for_the_transaction_is_spared_where_something_else_will_do() {
    let given =
        Evidence { scope: Scope::Transaction(TRANSACTION), ..evidence("t", device("totp", "a"), held()) };
    let mut world = world(vec![given, proved()], vec![]);
    world.transaction = true;
    let crate::domain::decision::Decision::Satisfied(satisfied) =
        decide(&requirement("totp"), &world.situation())
    else {
        panic!()
    };
    assert_eq!((satisfied.evidence.len(), satisfied.used_up.len()), (1, 0));
    let decision = decide(&requirement("totp for transaction"), &world.situation());
    let crate::domain::decision::Decision::Satisfied(satisfied) = decision else { panic!() };
    assert_eq!(satisfied.used_up, satisfied.evidence);
}
