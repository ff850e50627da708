//! Devices and commits, made by hand.

use countersign::domain::client::{Client, ClientToken};
use countersign::domain::device::{Detail, Device, Failures, Sealed, State, SubjectState};
use countersign::domain::event::{Event, What};
use countersign::domain::evidence::{Binding, Evidence, Scope};
use countersign::domain::ids::{
    CallerName, ClientName, DeviceId, DeviceName, EvidenceId, SessionId, Subject, Tenant,
};
use countersign::domain::method::{Method, MethodName};
use countersign::domain::moment::Moment;
use countersign::domain::secret::Secret;
use countersign::domain::strength::Strength;
use countersign::env::{Entropy, SystemEntropy};
use countersign::kinds::totp;
use countersign::store::{Change, Commit, Outcome, Record, Store, Wanted};

use crate::harness::START;
use crate::harness::replica::request_id;

pub(super) fn tenant() -> Tenant {
    Tenant::parse("default").unwrap()
}

pub(super) fn subject(name: &str) -> Subject {
    Subject::parse(name).unwrap()
}

pub(super) fn app() -> CallerName {
    CallerName::parse("app").unwrap()
}

/// A device that is not stored yet.
pub(super) fn device(owner: &str, name: &str) -> Device {
    let entropy: &dyn Entropy = &SystemEntropy;
    Device {
        id: DeviceId::from_entropy(entropy.bytes()),
        tenant: tenant(),
        subject: subject(owner),
        kind: totp::KIND,
        name: DeviceName::parse(name).unwrap(),
        state: State::Active,
        preferred: false,
        detail: Detail::stored("{}".to_owned()),
        secret: Sealed::default(),
        version: 1,
        epoch: 0,
        failures: Failures::default(),
        created_at: START,
        confirmed_at: Some(START),
        used_at: None,
        expires_at: None,
    }
}

/// The secret of every phone here.
pub(super) fn secret() -> Secret {
    Secret::new(b"twenty bytes of chance".to_vec())
}

/// The secret of a device of that name: one secret is one device.
pub(super) fn secret_of(device: &Device) -> Secret {
    match device.name.as_str() {
        "phone" => secret(),
        name => Secret::new(crate::harness::secret_of(name)),
    }
}

/// A commit about a device, that changes nothing yet.
pub(super) fn about(device: &Device, what: What) -> Commit {
    Commit::new(Event::of(device, what, &app(), START))
}

/// Keeps a new device.
pub(super) fn insert(device: &Device) -> Commit {
    about(device, What::DeviceEnrolled).change(Change::Insert(Box::new(device.clone()), secret_of(device)))
}

/// What a verification writes, over the version before.
pub(super) fn progress(next: &Device) -> Commit {
    about(next, What::ProofAccepted).change(Change::Progress(Box::new(next.clone())))
}

/// What management writes, over the version before.
pub(super) fn rewrite(next: &Device) -> Commit {
    about(next, What::DeviceUpdated).change(Change::Rewrite(Box::new(next.clone())))
}

/// Removes a device that is at that version.
pub(super) fn delete(device: &Device, version: i64) -> Commit {
    let gone = Device { version, ..device.clone() };
    about(device, What::DeviceDeleted).change(Change::Delete(Box::new(gone)))
}

/// What an attempt without a device writes, over the version before.
pub(super) fn book(name: &str, state: SubjectState) -> Commit {
    Commit::new(Event::about(&tenant(), &subject(name), What::ProofRejected, &app(), START))
        .change(Change::Subject(state))
}

/// The answer to a request id of those bytes.
pub(super) fn record(id: [u8; 16], expires_at: Moment) -> Option<Record> {
    Some(Record {
        caller: app(),
        id: request_id(id),
        asked: Secret::new(b"what was asked".to_vec()),
        answer: Secret::new(b"what was answered".to_vec()),
        expires_at,
    })
}

/// Keeps a password that was recorded in the session `here`, until that moment.
pub(super) fn password(owner: &str, expires_at: Moment) -> Commit {
    let entropy: &dyn Entropy = &SystemEntropy;
    let evidence = Evidence {
        id: EvidenceId::from_entropy(entropy.bytes()),
        method: Method::External(MethodName::trusted("password")),
        verified_at: START,
        expires_at,
        scope: Scope::Session,
        binding: Binding { session: Some(SessionId::trusted("here")), client: None },
        epoch: 0,
        revoked: false,
        used_up: false,
        strength: Strength::default(),
        source: None,
    };
    Commit::new(Event::about(&tenant(), &subject(owner), What::EvidenceRecorded, &app(), START))
        .change(Change::Evidence(Box::new(evidence)))
}

/// Keeps a client that is remembered until that moment.
pub(super) fn remember(owner: &str, expires_at: Moment) -> Commit {
    let entropy: &dyn Entropy = &SystemEntropy;
    let (token, _) = ClientToken::generate(entropy.bytes());
    let client = Client {
        id: token.id,
        name: ClientName::trusted("browser"),
        token: token.digest,
        created_at: START,
        seen_at: START,
        expires_at,
    };
    Commit::new(Event::about(&tenant(), &subject(owner), What::ClientRemembered, &app(), START))
        .change(Change::Remember(Box::new(client)))
}

/// The device after one more failure.
pub(super) fn failed(device: &Device) -> Device {
    let failures = Failures { count: device.failures.count + 1, last_at: Some(START) };
    Device { failures, ..device.successor() }
}

/// Keeps a new device, and gives it as it is stored.
pub(super) async fn stored(store: &Store, owner: &str, name: &str) -> Device {
    let new = device(owner, name);
    assert_eq!(store.commit(insert(&new)).await.unwrap(), Outcome::Done);
    read(store, &new).await.unwrap()
}

/// The device as it is stored now.
pub(super) async fn read(store: &Store, device: &Device) -> Option<Device> {
    store.device(&device.tenant, &device.subject, &device.id).await.unwrap()
}

/// What is kept of a subject, and its devices.
pub(super) async fn subject_of(
    store: &Store,
    tenant: &Tenant,
    subject: &Subject,
) -> (SubjectState, Vec<Device>) {
    let standing = store.standing(tenant, subject, Wanted::Devices).await.unwrap();
    (standing.state, standing.devices)
}
