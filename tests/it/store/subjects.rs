//! Subjects and tenants are told apart byte by byte, whatever a database's collation makes of them.

use countersign::domain::device::{Device, SubjectState};
use countersign::domain::ids::{DeviceName, Tenant};
use countersign::store::{Change, Outcome};
use futures_util::future::join_all;

use super::fixtures::{book, device, insert, stored, subject, subject_of, tenant};
use crate::harness::databases::{TestDatabase, on_every_database};

on_every_database!(
    names_that_look_alike_are_different_subjects,
    the_longest_names_are_kept_whole,
    a_device_of_another_subject_or_tenant_is_like_none,
    of_many_that_move_a_subject_on_at_once_one_does,
);

/// Equal under one collation or another, and different to us.
const ALIKE: [&str; 12] = [
    "alice",
    "Alice",
    "ALICE",
    "alice ",
    " alice",
    "álice",
    "a\u{301}lice",
    "alic%",
    "alic_",
    "ａlice",
    "alice\u{200b}",
    "al\u{df}ce",
];

async fn names_that_look_alike_are_different_subjects(database: TestDatabase) {
    let store = database.open().await;
    for (version, name) in ALIKE.iter().enumerate() {
        let state = SubjectState::unseen().successor();
        assert_eq!(store.commit(book(name, state)).await.unwrap(), Outcome::Done, "{name:?}");
        let device = stored(&store, name, "phone").await;
        // A device's names are told apart the same way.
        for alike in ALIKE {
            let mut next = Device { name: DeviceName::parse(alike).unwrap(), ..self::device(name, "x") };
            next.version = 1;
            assert_eq!(store.commit(insert(&next)).await.unwrap(), Outcome::Done, "{name:?} {alike:?}");
        }
        let (state, devices) = subject_of(&store, &tenant(), &subject(name)).await;
        assert_eq!((state.version, devices.len()), (1, 1 + ALIKE.len()), "{name:?}");
        assert!(devices.contains(&device));
        assert_eq!(database.count("subject").await, version as i64 + 1);
    }
}

async fn the_longest_names_are_kept_whole(database: TestDatabase) {
    let store = database.open().await;
    let longest = "é".repeat(127) + "x";
    let other = "é".repeat(127) + "y";
    assert_eq!(longest.len(), 255);
    for owner in [&longest, &other] {
        let device = stored(&store, owner, &"𝕏".repeat(64)).await;
        let (_, devices) = subject_of(&store, &tenant(), &subject(owner)).await;
        assert_eq!(devices, [device]);
        assert_eq!(
            store.commit(book(owner, SubjectState::unseen().successor())).await.unwrap(),
            Outcome::Done
        );
    }
}

async fn a_device_of_another_subject_or_tenant_is_like_none(database: TestDatabase) {
    let store = database.open().await;
    let device = stored(&store, "alice", "phone").await;
    let find = async |tenant: &str, owner: &str| {
        let tenant = Tenant::parse(tenant).unwrap();
        store.device(&tenant, &subject(owner), &device.id).await.unwrap()
    };
    assert_eq!(find("default", "alice").await, Some(device.clone()));
    assert_eq!(find("default", "bob").await, None);
    assert_eq!(find("default", "Alice").await, None);
    assert_eq!(find("other", "alice").await, None);
    let upper = countersign::domain::ids::DeviceId::parse(&device.id.as_str().to_uppercase()).unwrap();
    assert_eq!(store.device(&tenant(), &subject("alice"), &upper).await.unwrap(), None);
    let (_, others) = subject_of(&store, &Tenant::parse("other").unwrap(), &subject("alice")).await;
    assert_eq!(others, []);
}

async fn of_many_that_move_a_subject_on_at_once_one_does(database: TestDatabase) {
    let mut stores = Vec::new();
    for _ in 0..3 {
        stores.push(database.open().await);
    }
    for version in 1..=10 {
        let state = || SubjectState { version, ..SubjectState::unseen() };
        let commits = (0..12).map(|number| {
            let new = device("alice", &format!("{version} {number}"));
            let commit = insert(&new).change(Change::Subject(state()));
            stores[number % 3].commit(commit)
        });
        let outcomes: Vec<_> = join_all(commits).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(outcomes.iter().filter(|o| **o == Outcome::Done).count(), 1, "{outcomes:?}");
        let (state, devices) = subject_of(&stores[0], &tenant(), &subject("alice")).await;
        assert_eq!((state.version, devices.len() as i64), (version, version));
    }
}
