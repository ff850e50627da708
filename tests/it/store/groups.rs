//! Commits travel in groups, and each stands or falls by itself.

use std::collections::BTreeMap;

use countersign::domain::device::{Device, SubjectState};
use countersign::domain::event::What;
use countersign::domain::moment::Moment;
use countersign::error::{Error, Origin};
use countersign::store::{Audit, Change, Commit, Outcome, Store};

use super::fixtures::{
    about, book, device, failed, insert, progress, read, record, rewrite, secret_of, stored, subject,
    subject_of, tenant,
};
use super::gate::write_together;
use crate::harness::databases::{Engine, TestDatabase, on_every_database};

on_every_database!(
    each_commit_of_a_group_stands_or_falls_by_itself,
    of_two_commits_in_a_group_with_one_request_id_one_is_done,
    a_commit_that_fails_takes_nothing_with_it,
    a_commit_whose_caller_went_away_is_written,
);

const FOREVER: Moment = Moment::from_secs(i64::MAX / 2_000_000);

/// One of each sort, with the name that the expectation goes by.
async fn assortment(store: &Store, number: u8) -> Vec<(&'static str, Commit, Device)> {
    let owner = |sort: &str| format!("{sort} {number}");
    let mut all = Vec::new();
    let mut add = |sort, commit, device| all.push((sort, commit, device));

    let there = stored(store, &owner("hot"), "phone").await;
    add("hot", progress(&failed(&there)), there);
    let there = stored(store, &owner("hot, new request"), "phone").await;
    let new = record([number; 16], FOREVER);
    add("hot, new request", progress(&failed(&there)).record(new), there);
    let there = stored(store, &owner("hot, stale"), "phone").await;
    add("hot, stale", progress(&failed(&failed(&there))), there);
    let there = stored(store, &owner("hot, recorded"), "phone").await;
    add("hot, recorded", progress(&failed(&there)).record(record([255; 16], FOREVER)), there);

    let new = device(&owner("cold"), "phone");
    let commit = insert(&new).change(Change::Subject(SubjectState::unseen().successor()));
    add("cold", commit, new);
    let there = stored(store, &owner("cold, stale"), "phone").await;
    let new = device(&owner("cold, stale"), "tablet");
    let sealed = secret_of(&new);
    let commit = rewrite(&failed(&failed(&there))).change(Change::Insert(Box::new(new), sealed));
    add("cold, stale", commit, there);
    let there = stored(store, &owner("cold, taken"), "phone").await;
    let commit = insert(&device(&owner("cold, taken"), "phone"))
        .change(Change::Subject(SubjectState::unseen().successor()));
    add("cold, taken", commit, there);
    let there = stored(store, &owner("cold, recorded"), "phone").await;
    add("cold, recorded", rewrite(&failed(&there)).record(record([255; 16], FOREVER)), there);
    all
}

async fn each_commit_of_a_group_stands_or_falls_by_itself(database: TestDatabase) {
    let store = database.open().await;
    let first = stored(&store, "first", "phone").await;
    let recorded = progress(&failed(&first)).record(record([255; 16], FOREVER));
    assert_eq!(store.commit(recorded).await.unwrap(), Outcome::Done);

    let mut sorts = Vec::new();
    let mut commits = Vec::new();
    for number in 0..16 {
        for (sort, commit, device) in assortment(&store, number).await {
            sorts.push((sort, device));
            commits.push(commit);
        }
    }
    let events = database.count("event").await;
    let outcomes = write_together(&database, &store, commits).await;
    let mut done = BTreeMap::new();
    for ((sort, before), outcome) in sorts.iter().zip(outcomes) {
        let (expected, version) = match *sort {
            "hot" | "hot, new request" => (Outcome::Done, 2),
            "cold" => (Outcome::Done, 1),
            "hot, recorded" | "cold, recorded" => (Outcome::Recorded, 1),
            _ => (Outcome::Stale, 1),
        };
        assert_eq!(outcome.unwrap(), expected, "{sort}");
        let (state, devices) = subject_of(&store, &tenant(), &before.subject).await;
        assert_eq!(devices.len(), 1, "{sort}");
        assert_eq!(devices[0].version, version, "{sort}");
        assert_eq!(state.version, i64::from(*sort == "cold"), "{sort}");
        *done.entry(expected == Outcome::Done).or_insert(0) += 1;
    }
    assert_eq!(database.count("event").await, events + done[&true]);
    assert_eq!(database.count("request").await, 1 + 16);
    assert!(matches!(store.audit().await.unwrap(), Audit::Whole { .. }));
    // If the gate let them through one by one, this says nothing about groups.
    assert!(database.count("event WHERE place >= 7").await > 0);
}

async fn of_two_commits_in_a_group_with_one_request_id_one_is_done(database: TestDatabase) {
    let store = database.open().await;
    let mut commits = Vec::new();
    for number in 0..24 {
        // Two hot ones; one of each; two cold ones.
        for (half, is_hot) in [("a", number % 3 != 2), ("b", number % 3 == 0)] {
            let there = stored(&store, &format!("{half} {number}"), "phone").await;
            let next = failed(&there);
            let commit = if is_hot { progress(&next) } else { rewrite(&next) };
            commits.push(commit.record(record([number; 16], FOREVER)));
        }
    }
    let outcomes = write_together(&database, &store, commits).await;
    let outcomes: Vec<Outcome> = outcomes.into_iter().map(Result::unwrap).collect();
    for (number, pair) in outcomes.chunks(2).enumerate() {
        let done = pair.iter().filter(|outcome| **outcome == Outcome::Done).count();
        let recorded = pair.iter().filter(|outcome| **outcome == Outcome::Recorded).count();
        assert_eq!((done, recorded), (1, 1), "{number}");
    }
    assert_eq!(database.count("device WHERE version = 2").await, 24);
    assert_eq!(database.count("request").await, 24);
    assert!(matches!(store.audit().await.unwrap(), Audit::Whole { events: 72, .. }));
}

/// Has the database refuse every event about a subject whose name begins with "poison".
async fn poison(database: &TestDatabase) {
    let statements: &[&str] = match database.engine {
        Engine::Sqlite => &["CREATE TRIGGER poison BEFORE INSERT ON event WHEN NEW.subject LIKE 'poison%' \
                             BEGIN SELECT RAISE(ABORT, 'poison'); END"],
        Engine::Postgres => &[
            "CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF NEW.subject LIKE 'poison%' THEN RAISE EXCEPTION 'poison'; END IF; RETURN NEW; END $$",
            "CREATE TRIGGER poison BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION poison()",
        ],
        Engine::MySql => &["CREATE TRIGGER poison BEFORE INSERT ON event FOR EACH ROW \
                            IF NEW.subject LIKE 'poison%' THEN SIGNAL SQLSTATE '45000'; END IF"],
    };
    for statement in statements {
        database.execute(statement).await;
    }
}

async fn a_commit_that_fails_takes_nothing_with_it(database: TestDatabase) {
    let store = database.open().await;
    let mut devices = Vec::new();
    for number in 0..40 {
        let owner = if number % 8 == 7 { "poison" } else { "good" };
        devices.push(stored(&store, &format!("{owner} {number}"), "phone").await);
    }
    poison(&database).await;
    let commit = |(number, there): (usize, &Device)| {
        let next = failed(there);
        if number % 2 == 0 { progress(&next) } else { rewrite(&next) }
    };
    let commits = devices.iter().enumerate().map(commit).collect();
    let outcomes = write_together(&database, &store, commits).await;
    for (before, outcome) in devices.iter().zip(outcomes) {
        let is_poison = before.subject.as_str().starts_with("poison");
        match outcome {
            Err(Error::Fault(fault)) if is_poison => assert_eq!(fault.origin, Origin::Store),
            outcome => assert_eq!(outcome.unwrap(), Outcome::Done),
        }
        let version = if is_poison { 1 } else { 2 };
        assert_eq!(read(&store, before).await.unwrap().version, version, "{}", before.subject);
    }
    assert!(matches!(store.audit().await.unwrap(), Audit::Whole { events: 75, .. }));
    // And the lanes go on.
    let lone =
        about(&devices[0], What::DeviceUpdated).change(Change::Subject(SubjectState::unseen().successor()));
    assert_eq!(store.commit(lone).await.unwrap(), Outcome::Done);
    assert!(store.commit(book("poison", SubjectState::unseen().successor())).await.is_err());
    assert_eq!(subject_of(&store, &tenant(), &subject("poison")).await.0, SubjectState::unseen());
}

async fn a_commit_whose_caller_went_away_is_written(database: TestDatabase) {
    let store = database.open().await;
    let there = stored(&store, "alice", "phone").await;
    let mut guess = Box::pin(store.commit(progress(&failed(&there))));
    assert!(futures_util::poll!(&mut guess).is_pending());
    drop(guess);
    store.close().await;
    let store = database.open().await;
    assert_eq!(read(&store, &there).await.unwrap().failures.count, 1);
}
