//! Request records: the same request id is answered once.

use countersign::domain::ids::{CallerName, Tenant};
use countersign::domain::secret::Secret;
use countersign::store::{Outcome, Recalled, Store};
use futures_util::future::join_all;

use super::fixtures::{app, failed, insert, progress, read, record, rewrite, stored, tenant};
use crate::harness::START;
use crate::harness::databases::{TestDatabase, on_every_database};
use crate::harness::replica::request_id;

on_every_database!(
    an_answer_is_recalled_for_the_same_question_only,
    a_request_id_is_one_tenants_and_one_callers,
    a_stale_commit_leaves_no_record,
    of_many_stores_with_one_request_id_one_writes,
);

async fn recall(store: &Store, id: u8, asked: &[u8]) -> Recalled {
    let asked = Secret::new(asked.to_vec());
    store.recall(&tenant(), &app(), &request_id([id; 16]), &asked).await.unwrap()
}

async fn an_answer_is_recalled_for_the_same_question_only(database: TestDatabase) {
    let store = database.open().await;
    assert!(matches!(recall(&store, 1, b"what was asked").await, Recalled::Nothing));
    let there = stored(&store, "alice", "phone").await;
    let commit = progress(&failed(&there)).record(record([1; 16], START));
    assert_eq!(store.commit(commit).await.unwrap(), Outcome::Done);
    for store in [&store, &database.open().await] {
        let Recalled::Answer(answer) = recall(store, 1, b"what was asked").await else {
            panic!("it was recorded")
        };
        assert_eq!(answer.expose(), b"what was answered");
        assert!(matches!(recall(store, 1, b"what was asked!").await, Recalled::Another));
        assert!(matches!(recall(store, 1, b"").await, Recalled::Another));
        assert!(matches!(recall(store, 2, b"what was asked").await, Recalled::Nothing));
    }
    // What comes again under it is not written, however it is judged.
    let next = failed(&failed(&there));
    for commit in [progress(&next), rewrite(&next), insert(&there)] {
        let commit = commit.record(record([1; 16], START));
        assert_eq!(store.commit(commit).await.unwrap(), Outcome::Recorded);
    }
    assert_eq!(read(&store, &there).await.unwrap().version, 2);
}

async fn a_request_id_is_one_tenants_and_one_callers(database: TestDatabase) {
    let store = database.open().await;
    let there = stored(&store, "alice", "phone").await;
    store.commit(progress(&failed(&there)).record(record([1; 16], START))).await.unwrap();
    let asked = Secret::new(b"what was asked".to_vec());
    let others = [("other", "app"), ("default", "another"), ("default", "ap"), ("defaul", "tapp")];
    for (tenant, caller) in others {
        let (tenant, caller) = (Tenant::parse(tenant).unwrap(), CallerName::parse(caller).unwrap());
        let found = store.recall(&tenant, &caller, &request_id([1; 16]), &asked).await.unwrap();
        assert!(matches!(found, Recalled::Nothing), "{tenant} {caller}");
    }
    let mut another = record([1; 16], START).unwrap();
    another.caller = CallerName::parse("another").unwrap();
    let there = read(&store, &there).await.unwrap();
    let commit = progress(&failed(&there)).record(Some(another));
    assert_eq!(store.commit(commit).await.unwrap(), Outcome::Done);
}

async fn a_stale_commit_leaves_no_record(database: TestDatabase) {
    let store = database.open().await;
    let there = stored(&store, "alice", "phone").await;
    let stale = failed(&failed(&there));
    for commit in [progress(&stale), rewrite(&stale)] {
        let commit = commit.record(record([1; 16], START));
        assert_eq!(store.commit(commit).await.unwrap(), Outcome::Stale);
    }
    assert_eq!(database.count("request").await, 0);
    assert!(matches!(recall(&store, 1, b"what was asked").await, Recalled::Nothing));
    let fresh = progress(&failed(&there)).record(record([1; 16], START));
    assert_eq!(store.commit(fresh).await.unwrap(), Outcome::Done);
}

async fn of_many_stores_with_one_request_id_one_writes(database: TestDatabase) {
    let mut stores = Vec::new();
    for _ in 0..4 {
        stores.push(database.open().await);
    }
    for round in 0..10 {
        let mut commits = Vec::new();
        for number in 0..16 {
            let store = &stores[number % stores.len()];
            let there = stored(store, &format!("{round} {number}"), "phone").await;
            let next = failed(&there);
            let commit = if number % 4 == 3 { rewrite(&next) } else { progress(&next) };
            commits.push(store.commit(commit.record(record([round; 16], START))));
        }
        let outcomes: Vec<_> = join_all(commits).await.into_iter().map(Result::unwrap).collect();
        // A conflict is judged anew by who made the commit.
        assert_eq!(outcomes.iter().filter(|o| **o == Outcome::Done).count(), 1, "{outcomes:?}");
    }
    assert_eq!(database.count("device WHERE version = 2").await, 10);
    assert_eq!(database.count("request").await, 10);
}
