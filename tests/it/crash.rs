//! A server that is killed at any moment: no code works twice, and nothing that was told is lost.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use countersign::env::{Entropy, SystemEntropy};
use countersign::store::Audit;
use countersign::wire::pb;
use countersign::wire::pb::Outcome;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tonic::Status;

use crate::harness::databases::TestDatabase;
use crate::harness::served::{self, Served};
use crate::harness::{Client, hotp};

const SECRET: &[u8] = b"12345678901234567890";
const KILLS: usize = 8;
const WORKERS: usize = 6;

/// What is known of one device from outside.
#[derive(Debug, Clone)]
struct Known {
    subject: String,
    device: String,
    /// The counter of the next code.
    next: u64,
    /// Failures in a row that were told.
    failures: u32,
    /// Counters whose codes were told to be accepted.
    accepted: Vec<u64>,
    /// What was under way when the server was killed.
    in_doubt: Option<InDoubt>,
}

#[derive(Debug, Clone)]
struct InDoubt {
    code: Option<u64>,
    request_id: String,
}

fn chance(below: u32) -> u32 {
    let entropy: &dyn Entropy = &SystemEntropy;
    u32::from_be_bytes(entropy.bytes()) % below
}

fn request_id() -> String {
    let entropy: &dyn Entropy = &SystemEntropy;
    let hex = data_encoding::HEXLOWER.encode(&entropy.bytes::<16>());
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

fn outcome(answer: &pb::VerifyResponse) -> Outcome {
    answer.verdict.as_ref().unwrap().outcome()
}

/// An active HOTP device. `Err`: the server is gone.
async fn enroll(client: &Client, subject: String) -> Result<Known, Status> {
    let setup = pb::HotpSetup { secret: SECRET.to_vec(), ..Default::default() };
    let request = pb::EnrollDeviceRequest {
        subject: subject.clone(),
        setup: Some(pb::enroll_device_request::Setup::Hotp(setup)),
        ..Default::default()
    };
    let enrolled = client.devices.clone().enroll_device(request).await?.into_inner();
    let device = enrolled.device.unwrap().id;
    client.confirm(&subject, &device, &hotp(SECRET, 0)).await?;
    Ok(Known { subject, device, next: 1, failures: 0, accepted: vec![0], in_doubt: None })
}

impl Known {
    /// Offers a code, or one that is wrong.
    async fn offer(
        &self,
        client: &Client,
        code: Option<u64>,
        request_id: &str,
    ) -> Result<pb::VerifyResponse, Status> {
        let text = code.map_or_else(|| wrong(self.next), |counter| hotp(SECRET, counter));
        client.verify_once(&self.subject, &self.device, &text, request_id).await
    }

    /// Notes what was told.
    fn told(&mut self, code: Option<u64>, answer: &pb::VerifyResponse) {
        match (code, outcome(answer)) {
            (Some(counter), Outcome::Accepted) => {
                assert!(!self.accepted.contains(&counter), "accepted twice: {self:?}");
                self.accepted.push(counter);
                self.next = counter + 1;
                self.failures = 0;
            }
            (None, Outcome::Rejected) => self.failures += 1,
            other => panic!("{other:?} {self:?}"),
        }
    }

    /// Goes on until the server is gone.
    async fn go_on(mut self, client: Client, told: mpsc::UnboundedSender<()>) -> Self {
        loop {
            let code = (chance(3) > 0).then_some(self.next);
            let request_id = request_id();
            match self.offer(&client, code, &request_id).await {
                Ok(answer) => {
                    self.told(code, &answer);
                    // Nobody counts any more once it is to be killed.
                    let _ = told.send(());
                }
                Err(_) => {
                    self.in_doubt = Some(InDoubt { code, request_id });
                    return self;
                }
            }
        }
    }

    /// Holds what is on disk against what was told.
    async fn check(&mut self, client: &Client) {
        let request = pb::GetDeviceRequest { subject: self.subject.clone(), device_id: self.device.clone() };
        let device = client.devices.clone().get_device(request).await.unwrap().into_inner().device.unwrap();
        let failures = device.throttle.unwrap().failure_count;
        if let Some(InDoubt { code, request_id }) = self.in_doubt.take() {
            // On disk or not: asked again under the same id it is answered once, and truly.
            let answer = self.offer(client, code, &request_id).await.unwrap();
            let if_on_disk = if code.is_some() { 0 } else { self.failures + 1 };
            assert!([self.failures, if_on_disk].contains(&failures), "{failures} {self:?}");
            self.told(code, &answer);
            let again = self.offer(client, code, &request_id).await.unwrap();
            assert_eq!(outcome(&again), outcome(&answer), "{self:?}");
        } else {
            assert_eq!(self.failures, failures, "{self:?}");
        }
        for counter in self.accepted.clone() {
            let replay = self.offer(client, Some(counter), "").await.unwrap();
            assert_eq!(outcome(&replay), Outcome::Rejected, "code {counter} of {self:?}");
            self.failures += 1;
        }
    }
}

/// A code that is none of those in the window.
fn wrong(next: u64) -> String {
    let right: Vec<String> =
        (next.saturating_sub(1)..next + 10).map(|counter| hotp(SECRET, counter)).collect();
    (0..).map(|number| format!("{number:06}")).find(|code| !right.contains(code)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_forgets_nothing_that_it_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut devices: HashMap<String, Known> = HashMap::new();
    let number = Arc::new(AtomicU32::new(0));
    for _ in 0..KILLS {
        let server = Served::start(dir.path());
        let client = server.client(dir.path()).await;
        for known in devices.values_mut() {
            known.check(&client).await;
        }
        let busy: Vec<Known> = devices.values().take(WORKERS).cloned().collect();
        let (told, mut hears) = mpsc::unbounded_channel();
        let mut workers = JoinSet::new();
        for known in busy {
            workers.spawn(known.go_on(client.clone(), told.clone()));
        }
        // Others enroll meanwhile, each as soon as the one before it is done.
        let enrolling = tokio::spawn(enroll_on(client.clone(), number.clone(), told));
        for _ in 0..20 + chance(100) {
            hears.recv().await.unwrap();
        }
        server.kill();
        for known in workers.join_all().await.into_iter().chain(enrolling.await.unwrap()) {
            devices.insert(known.device.clone(), known);
        }
    }
    let server = Served::start(dir.path());
    let client = server.client(dir.path()).await;
    for known in devices.values_mut() {
        known.check(&client).await;
    }
    server.end();
    hold_against_the_log(dir.path(), devices.values()).await;
}

/// Enrolls one device after the other until the server is gone. Gives those that were told to be there.
async fn enroll_on(client: Client, number: Arc<AtomicU32>, told: mpsc::UnboundedSender<()>) -> Vec<Known> {
    let mut enrolled = Vec::new();
    loop {
        let subject = format!("subject {}", number.fetch_add(1, Ordering::Relaxed));
        match enroll(&client, subject).await {
            Ok(known) => enrolled.push(known),
            Err(_) => return enrolled,
        }
        // Nobody counts any more once it is to be killed.
        let _ = told.send(());
    }
}

/// As many acceptances as were told are in the audit log, whose chains hold.
async fn hold_against_the_log(dir: &Path, devices: impl Iterator<Item = &Known>) {
    let mut database = TestDatabase::in_file(&dir.join("test.db"));
    database.keyring = served::keyring(dir);
    let audit = database.open().await.audit().await.unwrap();
    assert!(matches!(audit, Audit::Whole { writers, .. } if writers > KILLS as u64 / 2), "{audit:?}");
    let mut told = 0;
    for known in devices {
        let events = format!("event WHERE what = 'proof.accepted' AND device = '{}'", known.device);
        assert_eq!(database.count(&events).await, known.accepted.len() as i64, "{known:?}");
        let evidence = format!("evidence WHERE device = '{}'", known.device);
        // A newer piece may have replaced older ones that are alike.
        let (kept, accepted) = (database.count(&evidence).await, known.accepted.len() as i64);
        assert!(kept <= accepted && (kept > 0) == (accepted > 0), "{kept} pieces of {known:?}");
        told += known.accepted.len();
    }
    assert!(told > KILLS * 10, "only {told} acceptances: the test says little");
}
