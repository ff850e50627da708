//! The audit log shows what was done to it.

use countersign::domain::device::SubjectState;
use countersign::domain::event::{Event, What};
use countersign::store::{Audit, Break, Broken, Change, Store};

use super::fixtures::{
    about, app, book, device, failed, insert, progress, secret, stored, subject_of, tenant,
};
use super::gate::write_together;
use crate::harness::START;
use crate::harness::databases::{Engine, TestDatabase, on_every_database};

on_every_database!(
    untouched_logs_verify,
    every_change_of_an_event_is_found,
    an_event_that_was_removed_is_found,
    an_event_that_was_moved_is_found,
    an_event_that_was_put_in_is_found,
    a_chain_hashed_with_a_missing_key_is_found,
    a_commit_that_fails_leaves_no_gap,
);

/// One chain with links of one and of several events, in the order in which it is walked.
async fn one_chain(database: &TestDatabase) -> (Store, String) {
    let store = database.open().await;
    let mut there = stored(&store, "alice", "phone").await;
    for _ in 0..5 {
        let next = failed(&there);
        let also = |what| Event::of(&next, what, &app(), START).with("reason", "mismatch");
        let commit = progress(&next).event(also(What::ProofRejected)).event(also(What::DeviceLocked));
        store.commit(commit).await.unwrap();
        there = next;
    }
    assert!(matches!(store.audit().await.unwrap(), Audit::Whole { writers: 1, events: 16 }));
    let writer = database.rows("SELECT DISTINCT writer FROM event").await;
    (store, writer[0].try_get_by_index(0).unwrap())
}

fn broken(writer: &str, link: i64, place: i32, how: Break) -> Audit {
    Audit::Broken(Broken { writer: writer.to_owned(), link, place, how })
}

async fn untouched_logs_verify(database: TestDatabase) {
    let empty = database.open().await;
    assert_eq!(empty.audit().await.unwrap(), Audit::Whole { writers: 0, events: 0 });
    let mut events = 0;
    for round in 0..3 {
        // Each start of a server begins chains of its own.
        let store = database.open().await;
        let mut commits = Vec::new();
        for number in 0..400 {
            let new = device(&format!("{round} {number}"), "phone");
            let subject = Change::Subject(SubjectState::unseen().successor());
            commits.push(insert(&new).change(subject).event(Event::of(
                &new,
                What::CodesIssued,
                &app(),
                START,
            )));
            events += 2;
        }
        write_together(&database, &store, commits).await;
        let audit = store.audit().await.unwrap();
        assert!(matches!(audit, Audit::Whole { events: found, .. } if found == events), "{audit:?}");
        store.close().await;
    }
}

async fn every_change_of_an_event_is_found(database: TestDatabase) {
    let (store, writer) = one_chain(&database).await;
    let byte = if database.engine == Engine::Postgres { "'\\x00'" } else { "x'00'" };
    let changes = [
        ("tenant", "'other'", Break::Changed),
        ("at", "at + 1", Break::Changed),
        ("what", "'proof.accepted'", Break::Changed),
        ("subject", "'bob'", Break::Changed),
        ("device", "''", Break::Changed),
        ("caller", "'root'", Break::Changed),
        ("details", "'{}'", Break::Changed),
        ("mac_key", "'another'", Break::KeyMissing),
        ("previous", byte, Break::Changed),
        ("mac", byte, Break::Changed),
    ];
    for (column, value, how) in changes {
        let change = format!("UPDATE event SET {column} = {value} WHERE link = 2 AND place = 1");
        let found = audit_after(&database, &store, &[&change]).await;
        assert_eq!(found, broken(&writer, 2, 1, how), "{column}");
    }
    assert!(matches!(store.audit().await.unwrap(), Audit::Whole { .. }));
}

/// What is found after these changes, which are then undone.
async fn audit_after(database: &TestDatabase, store: &Store, changes: &[&str]) -> Audit {
    database.execute("CREATE TABLE kept AS SELECT * FROM event").await;
    for change in changes {
        database.execute(change).await;
    }
    let found = store.audit().await.unwrap();
    for back in ["DELETE FROM event", "INSERT INTO event SELECT * FROM kept", "DROP TABLE kept"] {
        database.execute(back).await;
    }
    found
}

async fn an_event_that_was_removed_is_found(database: TestDatabase) {
    let (store, writer) = one_chain(&database).await;
    let missing = |link, place| broken(&writer, link, place, Break::Missing);
    let removals = [
        ("link = 0", missing(0, 0)),
        ("link = 2 AND place = 0", missing(2, 0)),
        ("link = 2 AND place = 1", missing(2, 1)),
        // The last of its link: the link is whole without it, and the next one says that it was longer.
        ("link = 2 AND place = 2", broken(&writer, 3, 0, Break::Unlinked)),
        ("link = 2", missing(2, 0)),
        ("link <= 2", missing(0, 0)),
        ("link <= 2 OR place = 1", missing(0, 0)),
    ];
    for (which, expected) in removals {
        let found = audit_after(&database, &store, &[&format!("DELETE FROM event WHERE {which}")]).await;
        assert_eq!(found, expected, "{which}");
    }
}

async fn an_event_that_was_moved_is_found(database: TestDatabase) {
    let (store, writer) = one_chain(&database).await;
    let moved = |to: &str, from: &str| format!("UPDATE event SET {to} WHERE {from}");
    let moves = [
        // Two events of a link change places.
        (
            vec![
                moved("place = 9", "link = 2 AND place = 0"),
                moved("place = 0", "link = 2 AND place = 1"),
                moved("place = 1", "link = 2 AND place = 9"),
            ],
            broken(&writer, 2, 0, Break::Changed),
        ),
        // Two links change places.
        (
            vec![moved("link = 9", "link = 2"), moved("link = 2", "link = 3"), moved("link = 3", "link = 9")],
            broken(&writer, 2, 0, Break::Changed),
        ),
        // The last event goes to a later place, to an earlier one, and to a chain of its own.
        (vec![moved("link = 6", "link = 5")], broken(&writer, 5, 0, Break::Missing)),
        (vec![moved("link = -1", "link = 5")], broken(&writer, -1, 0, Break::Changed)),
        (
            vec![moved("writer = 'zzz', link = 0, place = 0", "link = 5 AND place = 2")],
            broken("zzz", 0, 0, Break::Changed),
        ),
    ];
    for (moves, expected) in moves {
        let changes: Vec<&str> = moves.iter().map(String::as_str).collect();
        assert_eq!(audit_after(&database, &store, &changes).await, expected, "{changes:?}");
    }
}

async fn an_event_that_was_put_in_is_found(database: TestDatabase) {
    let (store, writer) = one_chain(&database).await;
    database
        .execute(
            "INSERT INTO event SELECT writer, link, 3, tenant, at, what, subject, device, caller, details, \
             mac_key, previous, mac FROM event WHERE link = 2 AND place = 2",
        )
        .await;
    assert_eq!(store.audit().await.unwrap(), broken(&writer, 2, 3, Break::Changed));
}

async fn a_chain_hashed_with_a_missing_key_is_found(database: TestDatabase) {
    let (_, writer) = one_chain(&database).await;
    // With no device and no check value it takes any ring.
    database.execute("DELETE FROM meta").await;
    database.execute("DELETE FROM device").await;
    let store = database.with_another_ring().open().await;
    assert_eq!(store.audit().await.unwrap(), broken(&writer, 0, 0, Break::KeyMissing));
}

async fn a_commit_that_fails_leaves_no_gap(database: TestDatabase) {
    let store = database.open().await;
    let there = stored(&store, "alice", "phone").await;
    for _ in 0..5 {
        store.commit(progress(&failed(&failed(&there)))).await.unwrap();
        let twice =
            about(&there, What::DeviceEnrolled).change(Change::Insert(Box::new(there.clone()), secret()));
        store.commit(twice).await.unwrap();
        store.commit(book("alice", SubjectState { version: 7, ..SubjectState::unseen() })).await.unwrap();
    }
    store.commit(progress(&failed(&there))).await.unwrap();
    assert!(matches!(store.audit().await.unwrap(), Audit::Whole { writers: 1, events: 2 }));
    let (_, devices) = subject_of(&store, &tenant(), &there.subject).await;
    assert_eq!(devices.len(), 1);
}
