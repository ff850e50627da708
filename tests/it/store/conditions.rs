//! A commit is written only over the versions that it was judged from.

use countersign::domain::device::{Detail, Failures, State, SubjectState};
use countersign::domain::event::What;
use countersign::domain::ids::DeviceName;
use countersign::store::{Change, Outcome};

use super::fixtures::{
    about, book, delete, device, failed, insert, progress, read, rewrite, secret_of, stored, subject,
    subject_of, tenant,
};
use crate::harness::START;
use crate::harness::databases::{TestDatabase, on_every_database};

on_every_database!(
    what_is_written_is_read_back,
    what_a_verification_changes_is_written,
    what_management_changes_is_written,
    a_device_is_removed_only_at_its_version,
    a_stale_commit_writes_nothing,
    a_commit_with_one_stale_change_writes_none_of_its_changes,
    a_taken_name_is_stale,
    a_subject_moves_only_from_its_version,
);

async fn what_is_written_is_read_back(database: TestDatabase) {
    let store = database.open().await;
    let mut new = device("alice", "Ålice's 📱 ");
    new.preferred = true;
    new.state = State::Pending;
    new.detail = Detail::stored(format!("{{\"a\":\"{}\"}}", "é".repeat(40_000)));
    new.failures = Failures { count: u32::MAX >> 1, last_at: Some(START) };
    new.used_at = Some(START);
    new.expires_at = Some(START);
    assert_eq!(store.commit(insert(&new)).await.unwrap(), Outcome::Done);
    let found = read(&store, &new).await.unwrap();
    new.secret = found.secret.clone();
    assert_eq!(found, new);
    assert_eq!(store.open(&found).unwrap(), secret_of(&new));
    assert_eq!(database.count("event").await, 1);
}

async fn what_a_verification_changes_is_written(database: TestDatabase) {
    let store = database.open().await;
    let before = stored(&store, "alice", "phone").await;
    let mut after = failed(&before);
    after.state = State::Locked;
    after.detail = Detail::stored("{\"step\":1}".to_owned());
    after.used_at = Some(START);
    assert_eq!(store.commit(progress(&after)).await.unwrap(), Outcome::Done);
    assert_eq!(read(&store, &before).await.unwrap(), after);
    // And back to nothing, where there is nothing.
    let mut last = after.successor();
    last.failures = Failures::default();
    last.used_at = None;
    assert_eq!(store.commit(progress(&last)).await.unwrap(), Outcome::Done);
    assert_eq!(read(&store, &before).await.unwrap(), last);
}

async fn what_management_changes_is_written(database: TestDatabase) {
    let store = database.open().await;
    let before = stored(&store, "alice", "phone").await;
    let mut after = failed(&before);
    after.name = DeviceName::parse("telephone").unwrap();
    after.state = State::Suspended;
    after.preferred = true;
    after.detail = Detail::stored("{\"step\":1}".to_owned());
    after.used_at = Some(START);
    after.confirmed_at = None;
    after.expires_at = Some(START);
    assert_eq!(store.commit(rewrite(&after)).await.unwrap(), Outcome::Done);
    assert_eq!(read(&store, &before).await.unwrap(), after);
}

async fn a_device_is_removed_only_at_its_version(database: TestDatabase) {
    let store = database.open().await;
    let there = stored(&store, "alice", "phone").await;
    for wrong in [0, 2] {
        assert_eq!(store.commit(delete(&there, wrong)).await.unwrap(), Outcome::Stale);
    }
    assert_eq!(read(&store, &there).await, Some(there.clone()));
    assert_eq!(store.commit(delete(&there, 1)).await.unwrap(), Outcome::Done);
    assert_eq!(read(&store, &there).await, None);
    assert_eq!(store.commit(delete(&there, 1)).await.unwrap(), Outcome::Stale);
    assert_eq!(store.commit(progress(&failed(&there))).await.unwrap(), Outcome::Stale);
    assert_eq!(store.commit(rewrite(&failed(&there))).await.unwrap(), Outcome::Stale);
}

async fn a_stale_commit_writes_nothing(database: TestDatabase) {
    let store = database.open().await;
    let first = stored(&store, "alice", "phone").await;
    let second = failed(&first);
    assert_eq!(store.commit(progress(&second)).await.unwrap(), Outcome::Done);
    let events = database.count("event").await;
    // Judged from the version before, and from one that is not there yet.
    for next in [failed(&first), failed(&failed(&second))] {
        let mut next = next;
        next.detail = Detail::stored("{\"wrong\":true}".to_owned());
        assert_eq!(store.commit(progress(&next)).await.unwrap(), Outcome::Stale);
        assert_eq!(store.commit(rewrite(&next)).await.unwrap(), Outcome::Stale);
        assert_eq!(read(&store, &first).await.unwrap(), second);
    }
    assert_eq!(database.count("event").await, events);
}

async fn a_commit_with_one_stale_change_writes_none_of_its_changes(database: TestDatabase) {
    let store = database.open().await;
    let one = stored(&store, "alice", "one").await;
    let two = stored(&store, "alice", "two").await;
    let new = device("alice", "three");
    let commit = about(&one, What::DeviceUpdated)
        .change(Change::Subject(SubjectState::unseen().successor()))
        .change(Change::Insert(Box::new(new.clone()), secret_of(&new)))
        .change(Change::Rewrite(Box::new(failed(&one))))
        .change(Change::Progress(Box::new(failed(&failed(&two)))));
    assert_eq!(store.commit(commit).await.unwrap(), Outcome::Stale);
    let (state, mut devices) = subject_of(&store, &tenant(), &subject("alice")).await;
    devices.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(state, SubjectState::unseen());
    assert_eq!(devices, [one, two]);
    assert_eq!(database.count("event").await, 2);
}

async fn a_taken_name_is_stale(database: TestDatabase) {
    let store = database.open().await;
    let one = stored(&store, "alice", "phone").await;
    let two = stored(&store, "alice", "tablet").await;
    assert_eq!(store.commit(insert(&device("alice", "phone"))).await.unwrap(), Outcome::Stale);
    let mut renamed = two.successor();
    renamed.name = one.name.clone();
    assert_eq!(store.commit(rewrite(&renamed)).await.unwrap(), Outcome::Stale);
    assert_eq!(read(&store, &two).await, Some(two));
    // Of somebody else it is another name.
    assert_eq!(store.commit(insert(&device("bob", "phone"))).await.unwrap(), Outcome::Done);
}

async fn a_subject_moves_only_from_its_version(database: TestDatabase) {
    let store = database.open().await;
    let failures = Failures { count: 3, last_at: Some(START) };
    let at = |version| SubjectState { version, failures, ..SubjectState::unseen() };
    let now = async || subject_of(&store, &tenant(), &subject("stranger")).await.0;
    assert_eq!(now().await, SubjectState::unseen());
    assert_eq!(store.commit(book("stranger", at(2))).await.unwrap(), Outcome::Stale);
    assert_eq!(store.commit(book("stranger", at(1))).await.unwrap(), Outcome::Done);
    assert_eq!(store.commit(book("stranger", at(1))).await.unwrap(), Outcome::Stale);
    assert_eq!(store.commit(book("stranger", at(3))).await.unwrap(), Outcome::Stale);
    assert_eq!(now().await, at(1));
    let cleared = SubjectState { version: 2, ..SubjectState::unseen() };
    assert_eq!(store.commit(book("stranger", cleared.clone())).await.unwrap(), Outcome::Done);
    assert_eq!(now().await, cleared);
    assert_eq!(database.count("event").await, 2);
}
