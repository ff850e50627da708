//! What is taken back counts no more, whatever is under way.

use std::sync::Arc;

use countersign::domain::context::Reach;
use countersign::domain::evidence::Evidence;
use countersign::domain::ids::{EvidenceId, SessionId};
use countersign::domain::policy::Policies;
use countersign::domain::proof::Verdict;
use countersign::service::Revocation;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::{replica, replicas};
use crate::harness::asking::{attempt, session, with_token, with_transaction};
use crate::harness::databases::{TestDatabase, on_every_database};
use crate::harness::replica::Replica;

on_every_database!(
    one_piece_is_taken_back_and_no_other,
    a_session_is_signed_out_and_no_other,
    everything_is_taken_back_and_what_is_proved_after_it_counts,
    what_was_taken_back_stays_so_when_a_server_starts_anew_and_sweeps,
    a_sign_out_everywhere_splits_what_is_under_way_in_before_and_after,
);

fn ids(evidence: &[Evidence]) -> Vec<EvidenceId> {
    let mut ids: Vec<_> = evidence.iter().map(|evidence| evidence.id.clone()).collect();
    ids.sort();
    ids
}

fn sorted<const N: usize>(evidence: [&Evidence; N]) -> Vec<EvidenceId> {
    ids(&evidence.map(Clone::clone))
}

async fn one_piece_is_taken_back_and_no_other(database: TestDatabase) {
    let replica = replica(&database).await;
    let token = replica.hotp("alice").await;
    let here = session("one");
    let taken = replica.prove(&token, 0, &here).await;
    let kept = replica.prove(&token, 1, &here).await;
    replica.active_in("bob", "token", Some(&here)).await;
    assert_eq!(replica.revoke("bob", Revocation::One(taken.id.clone())).await, 0, "it is not his");
    assert_eq!(ids(&replica.evidence("alice", None).await), sorted([&taken, &kept]));
    let before = database.events("evidence.revoked").await;
    assert_eq!(replica.revoke("alice", Revocation::One(taken.id.clone())).await, 1);
    assert_eq!(ids(&replica.evidence("alice", None).await), sorted([&kept]));
    assert_eq!(replica.revoke("alice", Revocation::One(taken.id)).await, 0, "once");
    assert_eq!(database.events("evidence.revoked").await, before + 1);
    assert!(replica.holds("alice", &here, "device").await);
    assert_eq!(replica.revoke("alice", Revocation::One(kept.id)).await, 1);
    assert!(!replica.holds("alice", &here, "anything").await);
}

async fn a_session_is_signed_out_and_no_other(database: TestDatabase) {
    let replica = replica(&database).await;
    let token = replica.hotp("alice").await;
    let browser = replica.remember("alice", None).await.token;
    let one = with_token(&session("one"), &browser);
    let elsewhere = [session("ONE"), session("one "), session("two")];
    replica.prove(&token, 0, &one).await;
    replica.prove_as(&token, 1, &one, Reach::Client).await;
    replica.password("alice", &with_transaction(&one, 1)).await;
    for context in &elsewhere {
        replica.password("alice", context).await;
    }
    let there = with_token(&session("two"), &browser);
    assert!(replica.holds("alice", &there, "login").await);
    // Whatever reached further than the session, too: who signs out at a borrowed machine means it.
    assert_eq!(replica.revoke("alice", Revocation::Session(SessionId::trusted("one"))).await, 3);
    assert!(!replica.holds("alice", &one, "anything").await);
    assert!(!replica.holds("alice", &there, "device").await);
    for context in &elsewhere {
        assert!(replica.holds("alice", context, "knows").await, "{context:?}");
    }
    assert_eq!(replica.clients("alice").await.len(), 1);
    replica.prove(&token, 2, &one).await;
    assert!(replica.holds("alice", &one, "device").await);
}

async fn everything_is_taken_back_and_what_is_proved_after_it_counts(database: TestDatabase) {
    let replica = replica(&database).await;
    let token = replica.hotp("alice").await;
    let browser = replica.remember("alice", None).await.token;
    let (one, two) = (with_token(&session("one"), &browser), session("two"));
    replica.prove_as(&token, 0, &one, Reach::Client).await;
    replica.password("alice", &one).await;
    replica.password("alice", &with_transaction(&two, 1)).await;
    assert!(replica.holds("alice", &one, "login").await);
    assert_eq!(replica.revoke("alice", Revocation::Everything).await, 3, "what counts somewhere");
    for context in [&one, &session("one"), &two, &with_transaction(&two, 1)] {
        assert!(!replica.holds("alice", context, "anything").await, "{context:?}");
    }
    assert_eq!((replica.evidence("alice", None).await, replica.clients("alice").await), (vec![], vec![]));
    // Devices are as they were, and what they prove counts.
    replica.prove(&token, 1, &two).await;
    replica.password("alice", &two).await;
    assert!(replica.holds("alice", &two, "login").await);
    let another = replica.active_in("alice", "another", Some(&two)).await;
    assert_eq!(replica.revoke("alice", Revocation::Everything).await, 3);
    assert!(!replica.holds("alice", &two, "anything").await);
    replica.prove(&another, 0, &two).await;
    assert!(replica.holds("alice", &two, "device").await);
    // Nothing was proved so far, but evidence of an earlier time may be recorded later.
    assert_eq!(replica.revoke("nobody", Revocation::Everything).await, 0);
    assert_eq!(database.events("subject.signed_out").await, 3);
}

async fn what_was_taken_back_stays_so_when_a_server_starts_anew_and_sweeps(database: TestDatabase) {
    let first = replica(&database).await;
    let here = session("one");
    // No device: nothing but the subject's row keeps the epoch.
    first.password("alice", &here).await;
    first.remember("alice", None).await;
    first.offer_any("alice", "000000").await.unwrap();
    assert_eq!(first.revoke("alice", Revocation::Everything).await, 1);
    first.clock.advance(std::time::Duration::from_secs(24 * 3600 - 1));
    assert_eq!(first.service.sweep().await.unwrap().strangers, 0);
    first.stop().await;
    let second = Replica::start(&database, &first.clock, Policies::default()).await;
    second.service.replace_rulebook(crate::harness::rulebook(super::REQUIREMENTS));
    assert!(!second.holds("alice", &here, "anything").await);
    // The control: it is the epoch, and nothing else, that keeps it from counting.
    database.execute("UPDATE evidence SET epoch = 1").await;
    assert!(second.holds("alice", &here, "knows").await);
}

/// Each device is used a few times and signed out once: of the versions that verifications left, the one that is
/// missing is the sign-out's. So the test knows what came first, whatever the server makes of epochs.
async fn a_sign_out_everywhere_splits_what_is_under_way_in_before_and_after(database: TestDatabase) {
    let replicas = replicas(&database, 3).await;
    let here = session("here");
    let (mut before, mut after) = (0, 0);
    for round in 0..12 {
        let name = format!("subject {round}");
        let mut devices = JoinSet::new();
        // Some before all of it, and some after it.
        let (begin, end) = (Arc::new(Barrier::new(4)), Arc::new(Barrier::new(4)));
        for (number, replica) in replicas.iter().enumerate() {
            let device = replica.active_in(&name, &format!("token {number}"), None).await;
            let (replica, here, begin, end) = (replica.clone(), here.clone(), begin.clone(), end.clone());
            devices.spawn(async move {
                let begun = replica.device(&device).await.version;
                let mut left = vec![];
                for code in 0..device.codes.len() {
                    for barrier in [(1, &begin), (6, &end)].iter().filter(|(at, _)| *at == code) {
                        barrier.1.wait().await;
                    }
                    let tried =
                        replica.attempted(&attempt(&device, &device.codes[code], &here)).await.unwrap();
                    assert_eq!(tried.verdict, Verdict::Accepted);
                    left.push((tried.device.unwrap().version, tried.evidence.unwrap()));
                }
                (begun, left)
            });
        }
        begin.wait().await;
        replicas[round % 3].revoke(&name, Revocation::Everything).await;
        end.wait().await;
        let devices = devices.join_all().await;
        let mut counts = Vec::new();
        for (begun, left) in devices {
            let of_sign_out = (begun + 1..).find(|version| left.iter().all(|(other, _)| other != version));
            let (earlier, later): (Vec<_>, Vec<_>) =
                left.into_iter().partition(|(version, _)| Some(*version) < of_sign_out);
            before += earlier.len();
            after += later.len();
            counts.extend(later.into_iter().map(|(_, evidence)| evidence));
        }
        let listed = replicas[2].evidence(&name, Some(&here)).await;
        assert_eq!(ids(&listed), ids(&counts), "in round {round}");
        assert_eq!(replicas[0].holds(&name, &here, "device").await, !counts.is_empty());
    }
    assert!(before >= 36 && after >= 72, "{before} before and {after} after");
}
