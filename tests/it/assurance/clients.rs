//! Remembered clients: to be recognised is not to have proved anything.

use std::time::Duration;

use countersign::auth::rpc;
use countersign::domain::client::ClientToken;
use countersign::domain::context::{Context, Reach};
use countersign::domain::policy::Policy;
use countersign::service::{CLIENTS_MAX, Revocation};
use futures_util::future::join_all;

use super::{replica, replica_with, replicas};
use crate::harness::asking::{session, with_token};
use crate::harness::databases::{TestDatabase, on_every_database};

on_every_database!(
    a_remembered_client_alone_proves_nothing,
    a_client_is_recognised_until_its_time_is_over_and_not_for_a_microsecond_longer,
    a_client_that_is_forgotten_finds_nothing_again,
    a_token_that_is_not_the_subjects_own_finds_nothing,
    a_client_is_remembered_for_no_longer_than_the_settings_say,
    past_the_limit_the_one_that_was_not_seen_for_longest_is_forgotten,
    what_has_expired_takes_no_place,
    many_at_once_do_not_get_past_the_limit,
    a_client_was_seen_when_something_was_proved_in_it,
);

const MICROSECOND: Duration = Duration::from_micros(1);
const HOUR: Duration = Duration::from_secs(3600);

async fn a_remembered_client_alone_proves_nothing(database: TestDatabase) {
    let replica = replica(&database).await;
    let token = replica.hotp("alice").await;
    let remembered = replica.remember("alice", None).await;
    let here = with_token(&session("one"), &remembered.token);
    // Not a session's evidence that was given in it, either.
    replica.prove(&token, 0, &here).await;
    let later = with_token(&session("two"), &remembered.token);
    for context in [&later, &with_token(&Context::default(), &remembered.token)] {
        for requirement in ["anything", "device", "login"] {
            assert!(!replica.holds("alice", context, requirement).await, "{context:?} {requirement}");
        }
    }
    replica.prove_as(&token, 1, &here, Reach::Client).await;
    assert!(replica.holds("alice", &later, "device").await);
}

async fn a_client_is_recognised_until_its_time_is_over_and_not_for_a_microsecond_longer(
    database: TestDatabase,
) {
    let replica = replica(&database).await;
    let token = replica.hotp("alice").await;
    let remembered = replica.remember("alice", Some(HOUR)).await;
    let there = with_token(&session("two"), &remembered.token);
    replica.prove_as(&token, 0, &with_token(&session("one"), &remembered.token), Reach::Client).await;
    replica.clock.advance(HOUR - MICROSECOND);
    assert!(replica.holds("alice", &there, "device").await);
    assert_eq!(replica.clients("alice").await, std::slice::from_ref(&remembered.client.id));
    replica.clock.advance(MICROSECOND);
    assert!(!replica.holds("alice", &there, "device").await);
    assert_eq!(replica.clients("alice").await, []);
    assert_eq!(replica.forget("alice", &[]).await, 0, "it was forgotten by itself");
    // What is proved where it is not recognised reaches no further than the session.
    let given = replica.prove_as(&token, 1, &there, Reach::Client).await;
    assert_eq!(given.binding.client, None);
    assert!(replica.holds("alice", &session("two"), "device").await);
}

async fn a_client_that_is_forgotten_finds_nothing_again(database: TestDatabase) {
    let replica = replica(&database).await;
    for how in ["one", "all", "signed out"] {
        let token = replica.active_in(how, "token", None).await;
        let remembered = replica.remember(how, None).await;
        let kept = replica.remember(how, None).await;
        for (code, client) in [&remembered, &kept].into_iter().enumerate() {
            replica.prove_as(&token, code, &with_token(&session("one"), &client.token), Reach::Client).await;
        }
        let place = |client: &countersign::service::Remembered| with_token(&session("two"), &client.token);
        assert!(replica.holds(how, &place(&remembered), "device").await);
        assert!(replica.holds(how, &place(&kept), "device").await);
        match how {
            "one" => assert_eq!(replica.forget(how, std::slice::from_ref(&remembered.client.id)).await, 1),
            "all" => assert_eq!(replica.forget(how, &[]).await, 2),
            _ => assert_eq!(replica.revoke(how, Revocation::Everything).await, 2),
        }
        assert!(!replica.holds(how, &place(&remembered), "anything").await, "{how}");
        assert_eq!(replica.holds(how, &place(&kept), "device").await, how == "one");
        assert_eq!(replica.clients(how).await.len(), usize::from(how == "one"));
        let again = replica.remember(how, None).await;
        assert!(!replica.holds(how, &place(&again), "anything").await, "{how}: it is another one");
    }
}

async fn a_token_that_is_not_the_subjects_own_finds_nothing(database: TestDatabase) {
    let replica = replica(&database).await;
    let token = replica.hotp("alice").await;
    let hers = replica.remember("alice", None).await;
    let his = replica.remember("bob", None).await;
    replica.prove_as(&token, 0, &with_token(&session("one"), &hers.token), Reach::Client).await;
    assert!(!replica.holds("alice", &with_token(&session("two"), &his.token), "anything").await);
    assert!(!replica.holds("bob", &with_token(&session("two"), &hers.token), "anything").await);
    // Her client's id, which is no secret, with bytes that somebody guesses.
    let known = ClientToken::read(hers.token.expose()).unwrap();
    let guessed = ClientToken::read(his.token.expose()).unwrap();
    let forged = ClientToken { id: known.id, digest: guessed.digest };
    let forged = Context { client: Some(forged), ..session("two") };
    assert!(!replica.holds("alice", &forged, "anything").await);
    assert!(replica.holds("alice", &with_token(&session("two"), &hers.token), "device").await);
    // Nothing that is stored is the token.
    let stored = database.count(&format!("client WHERE token_hash = '{}'", hers.token.expose())).await;
    assert_eq!(stored, 0);
}

async fn a_client_is_remembered_for_no_longer_than_the_settings_say(database: TestDatabase) {
    let policy = Policy { remember_for: 2 * HOUR, ..Policy::default() };
    let replica = replica_with(&database, policy).await;
    let begun = countersign::env::Clock::now(&*replica.clock);
    for (asked, given) in [(None, 2 * HOUR), (Some(HOUR), HOUR), (Some(100 * HOUR), 2 * HOUR)] {
        let remembered = replica.remember("alice", asked).await;
        assert_eq!(remembered.client.expires_at, begun.plus(given), "{asked:?}");
    }
}

async fn past_the_limit_the_one_that_was_not_seen_for_longest_is_forgotten(database: TestDatabase) {
    let replica = replica(&database).await;
    let token = replica.hotp("alice").await;
    let first = replica.remember("alice", None).await;
    let mut ids = vec![first.client.id.clone()];
    for _ in 1..CLIENTS_MAX {
        replica.clock.advance(MICROSECOND);
        ids.push(replica.remember("alice", None).await.client.id);
    }
    assert_eq!(replica.clients("alice").await.len(), CLIENTS_MAX);
    // The first is in use.
    replica.clock.advance(HOUR);
    replica.prove(&token, 0, &with_token(&session("one"), &first.token)).await;
    let newest = replica.remember("alice", None).await;
    let mut left = replica.clients("alice").await;
    let gone = ids.remove(1);
    ids.push(newest.client.id);
    left.sort();
    ids.sort();
    assert_eq!(left, ids, "{gone} is gone");
}

async fn what_has_expired_takes_no_place(database: TestDatabase) {
    let replica = replica(&database).await;
    let kept = replica.remember("alice", None).await;
    replica.clock.advance(MICROSECOND);
    // Seen later, and over sooner; nothing has swept them yet.
    for _ in 1..CLIENTS_MAX {
        replica.remember("alice", Some(Duration::from_secs(1))).await;
    }
    replica.clock.advance(Duration::from_secs(1));
    let newest = replica.remember("alice", None).await;
    let mut left = replica.clients("alice").await;
    let mut expected = [kept.client.id, newest.client.id];
    left.sort();
    expected.sort();
    assert_eq!(left, expected);
}

async fn many_at_once_do_not_get_past_the_limit(database: TestDatabase) {
    let replicas = replicas(&database, 3).await;
    for _ in 0..CLIENTS_MAX - 2 {
        replicas[0].remember("alice", None).await;
    }
    let at_once = (0..12).map(|number| replicas[number % 3].remember("alice", None));
    let mut newest: Vec<_> = join_all(at_once).await.into_iter().map(|one| one.client.id).collect();
    newest.sort();
    newest.dedup();
    assert_eq!(newest.len(), 12);
    assert_eq!(replicas[0].clients("alice").await.len(), CLIENTS_MAX);
    assert_eq!(database.events("client.remembered").await, CLIENTS_MAX as i64 - 2 + 12);
}

async fn a_client_was_seen_when_something_was_proved_in_it(database: TestDatabase) {
    let replica = replica(&database).await;
    let token = replica.hotp("alice").await;
    let remembered = replica.remember("alice", None).await;
    let here = with_token(&session("one"), &remembered.token);
    let seen = async || {
        let subject = countersign::domain::ids::Subject::trusted("alice");
        let clients = replica.service.clients(&replica.grant::<rpc::ListClients>(), &subject).await.unwrap();
        clients[0].seen_at.since(remembered.client.created_at)
    };
    replica.clock.advance(HOUR - MICROSECOND);
    replica.prove(&token, 0, &here).await;
    assert_eq!(seen().await, Duration::ZERO, "to within an hour");
    replica.clock.advance(MICROSECOND);
    replica.holds("alice", &here, "device").await;
    assert_eq!(seen().await, Duration::ZERO, "to ask is not to prove");
    replica.prove(&token, 1, &here).await;
    assert_eq!(seen().await, HOUR);
    replica.clock.advance(HOUR);
    replica.password("alice", &here).await;
    assert_eq!(seen().await, 2 * HOUR);
}
