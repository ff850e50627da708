//! What is sealed opens only where it was sealed: who can write to the database cannot use one subject's
//! secret for another.

use countersign::domain::device::Device;
use countersign::domain::ids::{CallerName, DeviceId, Subject, Tenant};
use countersign::domain::secret::Secret;
use countersign::error::Origin;
use countersign::kinds::hotp;
use countersign::store::{Outcome, Recalled};

use super::fixtures::{failed, progress, read, record, secret, stored, subject, subject_of, tenant};
use crate::harness::START;
use crate::harness::databases::{Engine, TestDatabase, on_every_database};
use crate::harness::replica::request_id;

on_every_database!(
    a_secret_that_was_moved_to_another_place_does_not_open,
    a_secret_that_was_changed_does_not_open,
    a_secret_does_not_lie_open_in_the_database,
    an_answer_that_was_moved_to_another_place_does_not_open,
    a_secret_opens_after_every_change_of_its_device,
);

async fn a_secret_that_was_moved_to_another_place_does_not_open(database: TestDatabase) {
    let store = database.open().await;
    let alice = stored(&store, "alice", "phone").await;
    let bob = stored(&store, "bob", "phone").await;
    let id = |device: &Device| format!("id = '{}'", device.id);
    let moves = [
        ("tenant = 'other'", id(&alice)),
        ("subject = 'mallory'", id(&alice)),
        ("kind = 'hotp'", id(&alice)),
        ("id = 'aaaaaaaaaaaaaaaaaaaaaaaaaa'", id(&alice)),
    ];
    for (change, which) in moves {
        database.execute("CREATE TABLE kept AS SELECT * FROM device").await;
        database.execute(&format!("UPDATE device SET {change} WHERE {which}")).await;
        let mut moved = alice.clone();
        match change.split(' ').next().unwrap() {
            "tenant" => moved.tenant = Tenant::parse("other").unwrap(),
            "subject" => moved.subject = Subject::parse("mallory").unwrap(),
            "kind" => moved.kind = hotp::KIND,
            _ => moved.id = DeviceId::parse("aaaaaaaaaaaaaaaaaaaaaaaaaa").unwrap(),
        }
        let found = read(&store, &moved).await.unwrap();
        assert_eq!(found, moved);
        let fault = store.open(&found).unwrap_err();
        assert_eq!(fault.origin, Origin::Internal, "{change}");
        let says = "opening a device's secret failed: it was changed, or moved from where it was sealed";
        assert_eq!(fault.to_string(), says);
        for back in ["DELETE FROM device", "INSERT INTO device SELECT * FROM kept", "DROP TABLE kept"] {
            database.execute(back).await;
        }
    }
    // Bob's secret in Alice's row.
    let swap = format!(
        "UPDATE device SET secret = (SELECT secret FROM (SELECT * FROM device) AS other WHERE {}) WHERE {}",
        id(&bob),
        id(&alice)
    );
    database.execute(&swap).await;
    assert!(store.open(&read(&store, &alice).await.unwrap()).is_err());
    assert_eq!(store.open(&read(&store, &bob).await.unwrap()).unwrap(), secret());
}

async fn a_secret_that_was_changed_does_not_open(database: TestDatabase) {
    let store = database.open().await;
    let mut device = stored(&store, "alice", "phone").await;
    let whole = device.secret.clone();
    for byte in 0..whole.0.len() {
        device.secret = whole.clone();
        device.secret.0[byte] ^= 1;
        assert!(store.open(&device).is_err(), "byte {byte}");
    }
    for length in 0..whole.0.len() {
        device.secret.0 = whole.0[..length].to_vec();
        assert!(store.open(&device).is_err(), "{length} bytes");
    }
}

async fn a_secret_does_not_lie_open_in_the_database(database: TestDatabase) {
    let store = database.open().await;
    let device = stored(&store, "alice", "phone").await;
    let plain = secret();
    let is_in = |bytes: &[u8]| bytes.windows(plain.expose().len()).any(|window| window == plain.expose());
    assert!(!is_in(&device.secret.0));
    // The same secret twice is not the same bytes.
    assert_ne!(stored(&store, "bob", "phone").await.secret, device.secret);
}

async fn an_answer_that_was_moved_to_another_place_does_not_open(database: TestDatabase) {
    let store = database.open().await;
    let there = stored(&store, "alice", "phone").await;
    let commit = progress(&failed(&there)).record(record([1; 16], START));
    assert_eq!(store.commit(commit).await.unwrap(), Outcome::Done);
    let asked = Secret::new(b"what was asked".to_vec());
    let recall = async |tenant: &str, caller: &str, id: [u8; 16]| {
        let (tenant, caller) = (Tenant::parse(tenant).unwrap(), CallerName::parse(caller).unwrap());
        store.recall(&tenant, &caller, &request_id(id), &asked).await
    };
    let Recalled::Answer(answer) = recall("default", "app", [1; 16]).await.unwrap() else {
        panic!("it was recorded")
    };
    assert_eq!(answer, Secret::new(b"what was answered".to_vec()));

    let two = if database.engine == Engine::Postgres {
        format!("'\\x{}'", "02".repeat(16))
    } else {
        format!("x'{}'", "02".repeat(16))
    };
    let moves = [
        ("tenant = 'other'".to_owned(), ("other", "app", [1; 16])),
        ("caller = 'mallory'".to_owned(), ("default", "mallory", [1; 16])),
        (format!("id = {two}"), ("default", "app", [2; 16])),
    ];
    for (change, (tenant, caller, id)) in moves {
        database.execute("CREATE TABLE kept AS SELECT * FROM request").await;
        database.execute(&format!("UPDATE request SET {change}")).await;
        let fault = recall(tenant, caller, id).await.unwrap_err();
        assert_eq!(fault.origin, Origin::Internal, "{change}");
        for back in ["DELETE FROM request", "INSERT INTO request SELECT * FROM kept", "DROP TABLE kept"] {
            database.execute(back).await;
        }
    }
}

async fn a_secret_opens_after_every_change_of_its_device(database: TestDatabase) {
    let store = database.open().await;
    let mut device = stored(&store, "alice", "phone").await;
    for _ in 0..3 {
        assert_eq!(store.commit(progress(&failed(&device))).await.unwrap(), Outcome::Done);
        device = read(&store, &device).await.unwrap();
        assert_eq!(store.open(&device).unwrap(), secret());
    }
    // And in another process of the same ring.
    let again = database.open().await;
    let (_, devices) = subject_of(&again, &tenant(), &subject("alice")).await;
    assert_eq!(again.open(&devices[0]).unwrap(), secret());
}
