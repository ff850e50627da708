//! What a device has proved counts while the device is one.

use countersign::auth::rpc;
use countersign::domain::context::{Context, Reach};
use countersign::domain::device::State;
use countersign::domain::ids::SessionId;
use countersign::domain::policy::Policy;
use countersign::domain::throttle::ThrottlePolicy;
use countersign::service::{Issue, Order, Revocation};

use super::{is_step_up, replica, replica_with};
use crate::harness::asking::{fresh, session, with_token};
use crate::harness::databases::{TestDatabase, on_every_database};
use crate::harness::fixture::WRONG;
use crate::harness::replica::{Proving, Replica};

on_every_database!(
    a_removed_device_takes_its_evidence_with_it,
    a_suspended_device_takes_its_evidence_with_it_for_good,
    evidence_of_a_locked_device_counts_for_nothing,
    what_is_taken_back_while_a_device_is_locked_stays_so_when_it_is_unlocked,
    with_a_device_that_goes_every_client_is_forgotten,
    recovery_codes_that_are_replaced_take_their_evidence_with_them,
);

/// Two devices that have proved something in a session and in a browser, and a password in the session.
async fn proved(replica: &Replica) -> (Proving, Proving, Context) {
    let one = replica.active_in("alice", "one", None).await;
    let two = replica.active_in("alice", "two", None).await;
    let here = with_token(&session("one"), &replica.remember("alice", None).await.token);
    replica.password("alice", &here).await;
    for device in [&one, &two] {
        replica.prove(device, 0, &here).await;
    }
    (one, two, here)
}

async fn devices(replica: &Replica, context: &Context) -> Vec<String> {
    let evidence = replica.evidence("alice", Some(context)).await;
    let devices = evidence.iter().filter_map(|one| one.method.device_id().map(ToString::to_string));
    let mut devices: Vec<_> = devices.collect();
    devices.sort();
    devices
}

async fn a_removed_device_takes_its_evidence_with_it(database: TestDatabase) {
    let replica = replica(&database).await;
    let (one, two, here) = proved(&replica).await;
    assert_eq!(devices(&replica, &here).await.len(), 2);
    replica.delete_in(&one, Some(&here)).await.unwrap();
    assert_eq!(devices(&replica, &here).await, [two.id().to_string()]);
    assert!(replica.holds("alice", &here, "login").await, "by the other device");
    replica.delete_in(&two, Some(&here)).await.unwrap();
    assert!(!replica.holds("alice", &here, "device").await);
    assert!(replica.holds("alice", &here, "knows").await);
}

async fn a_suspended_device_takes_its_evidence_with_it_for_good(database: TestDatabase) {
    let replica = replica(&database).await;
    let (one, two, here) = proved(&replica).await;
    replica.suspend_in(&one, true, Some(&here)).await.unwrap();
    assert_eq!(devices(&replica, &here).await, [two.id().to_string()]);
    replica.suspend_in(&one, false, Some(&here)).await.unwrap();
    assert_eq!(devices(&replica, &here).await, [two.id().to_string()], "also when it is resumed");
    replica.prove(&one, 1, &here).await;
    assert_eq!(devices(&replica, &here).await.len(), 2);
}

/// A replica on which a few failures lock a device.
async fn strict(database: &TestDatabase) -> std::sync::Arc<Replica> {
    let throttle = ThrottlePolicy { factor: std::time::Duration::ZERO, lock_after: 3, ..Default::default() };
    replica_with(database, Policy { throttle, ..Policy::default() }).await
}

async fn lock(replica: &Replica, device: &Proving) {
    for _ in 0..3 {
        replica.offer(device, WRONG).await.unwrap();
    }
    assert_eq!(replica.device(device).await.state, State::Locked);
}

async fn evidence_of_a_locked_device_counts_for_nothing(database: TestDatabase) {
    let replica = strict(&database).await;
    let (one, two, here) = proved(&replica).await;
    lock(&replica, &one).await;
    assert_eq!(devices(&replica, &here).await, [two.id().to_string()]);
    // It was not the user who is known to have failed: what they proved is theirs again.
    replica.unlock(&one).await;
    assert_eq!(devices(&replica, &here).await.len(), 2);
}

async fn what_is_taken_back_while_a_device_is_locked_stays_so_when_it_is_unlocked(database: TestDatabase) {
    let replica = strict(&database).await;
    for subject in ["one", "session", "everything"] {
        let device = replica.active_in(subject, "token", None).await;
        let evidence = replica.prove(&device, 0, &session("here")).await;
        lock(&replica, &device).await;
        let revocation = match subject {
            "one" => Revocation::One(evidence.id),
            "session" => Revocation::Session(SessionId::trusted("here")),
            _ => Revocation::Everything,
        };
        assert_eq!(replica.revoke(subject, revocation).await, 0, "it counted for nothing already");
        replica.unlock(&device).await;
        assert!(!replica.holds(subject, &session("here"), "anything").await, "{subject}");
        replica.prove(&device, 1, &session("here")).await;
        assert!(replica.holds(subject, &session("here"), "anything").await, "{subject}");
    }
}

async fn with_a_device_that_goes_every_client_is_forgotten(database: TestDatabase) {
    let replica = replica(&database).await;
    for how in ["deleted", "deleted by an operator", "suspended", "suspended by an operator"] {
        let one = replica.active_in(how, "one", None).await;
        let two = replica.active_in(how, "two", None).await;
        let (first, second) = (replica.remember(how, None).await, replica.remember(how, None).await);
        let mine = with_token(&session("one"), &first.token);
        let other = with_token(&session("two"), &second.token);
        replica.prove(&two, 0, &mine).await;
        // What the other device proved is still true; in which browser, nobody is to believe any more.
        replica.prove_as(&two, 1, &other, Reach::Client).await;
        assert!(replica.holds(how, &other, "device").await);
        let context = (!how.ends_with("operator")).then_some(&mine);
        if how.starts_with("deleted") {
            replica.delete_in(&one, context).await.unwrap();
        } else {
            replica.suspend_in(&one, true, context).await.unwrap();
        }
        assert_eq!(replica.clients(how).await, [], "{how}");
        assert!(!replica.holds(how, &other, "anything").await, "{how}");
        assert!(replica.holds(how, &mine, "device").await, "{how}: in the session");
        // To remove what was never in use weakens nothing.
        let third = replica.remember(how, None).await;
        let pending = replica.enroll_in(how, "pending", None).await.unwrap();
        let pending = Proving { subject: pending.subject, device: pending.id, codes: Vec::new() };
        replica.delete_in(&pending, None).await.unwrap();
        assert_eq!(replica.clients(how).await, [third.client.id], "{how}");
    }
}

async fn recovery_codes_that_are_replaced_take_their_evidence_with_them(database: TestDatabase) {
    let replica = replica(&database).await;
    let (here, thief) = (session("here"), session("of a thief"));
    for context in [None, Some(&here)] {
        let name = if context.is_none() { "operator" } else { "user" };
        let token = replica.active_in(name, "token", None).await;
        let list = replica.enroll_codes(name, "codes", 5, None).await.unwrap();
        let stolen = replica.prove(&list, 0, &thief).await;
        let hers = replica.prove(&token, 0, &here).await;
        // To add some replaces none.
        let order = Order::Made { count: Some(1), keep_existing: true };
        let more = Issue { subject: list.subject.clone(), device: None, order, context: context.cloned() };
        let grant = replica.grant::<rpc::IssueRecoveryCodes>();
        fresh(replica.service.issue_recovery_codes(&grant, &more, None).await.unwrap());
        assert_eq!(replica.evidence(name, Some(&thief)).await, [stolen]);
        assert!(replica.holds(name, &thief, "countersign.enroll").await);

        replica.issue_in(name, context).await.unwrap();
        assert_eq!(replica.evidence(name, None).await, [hers]);
        assert!(!replica.holds(name, &thief, "anything").await);
        assert!(is_step_up(&replica.enroll_in(name, "of a thief", Some(&thief)).await));
        assert!(replica.holds(name, &here, "device").await, "by the other device");
    }
}
