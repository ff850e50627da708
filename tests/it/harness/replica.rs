//! One of several servers on one database, without the wire: what a replica is to the database.

use std::sync::Arc;
use std::time::Duration;

use countersign::app;
use countersign::auth::{Caller, Grant, Role, grant, rpc};
use countersign::domain::device::Device;
use countersign::domain::ids::{DeviceId, RequestId, Subject};
use countersign::domain::policy::Policies;
use countersign::domain::proof::{Offered, Verdict};
use countersign::domain::secret::{Secret, SecretText};
use countersign::env::request::left;
use countersign::env::{Clock, Entropy, ManualClock, SystemEntropy};
use countersign::error::{Error, Fault};
use countersign::kinds::hotp::{self, Hotp};
use countersign::kinds::oath::setup::OathSetup;
use countersign::kinds::recovery_codes::{self, RecoveryCodes};
use countersign::kinds::totp::{self, Totp};
use countersign::kinds::{AnySetup, Shown};
use countersign::service::{Attempt, Enrollment, Once, Reply, Service, Tried};
use countersign::store::{Options, Store};
use tokio::time::timeout;

use super::databases::TestDatabase;
use super::{caller, client, rulebook};

/// The secret of every device that a replica enrolls.
pub(crate) const SECRET: &[u8] = b"12345678901234567890";

/// A replica.
pub(crate) struct Replica {
    pub(crate) service: Service,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) caller: Arc<Caller>,
}

/// What a device is, and the codes that it would still give, in order.
#[derive(Debug, Clone)]
pub(crate) struct Proving {
    pub(crate) subject: Subject,
    pub(crate) device: DeviceId,
    pub(crate) codes: Vec<String>,
}

/// A verdict, and whether it is the answer of an earlier request of the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Fresh(Verdict),
    /// What was written down: whether it was accepted.
    Again(bool),
}

impl Replica {
    /// Starts one.
    pub(crate) async fn start(
        database: &TestDatabase,
        clock: &Arc<ManualClock>,
        policies: Policies,
    ) -> Arc<Self> {
        Self::over(database.open().await, clock, policies)
    }

    /// Starts one that waits no longer than that for the database.
    pub(crate) async fn start_with_patience(
        database: &TestDatabase,
        clock: &Arc<ManualClock>,
        patience: Duration,
    ) -> Arc<Self> {
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let options = Options { acquire_timeout: patience, ..database.options() };
        let store = app::open(&options, database.keyring.clone(), &entropy).await.unwrap();
        Self::over(store, clock, Policies::default())
    }

    /// Starts one on a store that is open.
    pub(crate) fn over(store: Store, clock: &Arc<ManualClock>, policies: Policies) -> Arc<Self> {
        let service = Service::new(store, clock.clone(), Arc::new(SystemEntropy), policies, rulebook(&[]));
        let caller = Arc::new(caller("app", "default", &Role::ALL));
        Arc::new(Self { service, clock: clock.clone(), caller })
    }

    /// Starts several.
    pub(crate) async fn several(
        database: &TestDatabase,
        count: usize,
        clock: &Arc<ManualClock>,
        policies: &Policies,
    ) -> Vec<Arc<Self>> {
        let mut replicas = Vec::new();
        for _ in 0..count {
            replicas.push(Self::start(database, clock, policies.clone()).await);
        }
        replicas
    }

    pub(crate) fn grant<R: countersign::auth::Rpc>(&self) -> Grant<R> {
        grant(&self.caller).unwrap()
    }

    async fn enroll(&self, subject: &str, setup: AnySetup) -> (Device, Shown) {
        let enrollment =
            Enrollment { subject: Subject::parse(subject).unwrap(), name: None, setup, context: None };
        match self.service.enroll(&self.grant::<rpc::EnrollDevice>(), enrollment, None).await.unwrap() {
            Reply::Fresh(enrolled, _) => (enrolled.device, enrolled.shown),
            Reply::Again(_) => unreachable!("there was no request id"),
        }
    }

    async fn confirm(&self, device: &Device, code: &str) {
        let attempt = attempt(device.subject.clone(), None, code);
        let grant = self.grant::<rpc::ConfirmDevice>();
        let reply = self.service.confirm(&grant, &attempt, &device.id, None).await.unwrap();
        assert!(matches!(reply, Reply::Fresh(Tried { verdict: Verdict::Accepted, .. }, _)));
    }

    /// An active TOTP device, confirmed with the code of the step before this one. Its codes: of this step
    /// and the next.
    pub(crate) async fn totp(&self, subject: &str) -> Proving {
        let oath = OathSetup { secret: Some(Secret::new(SECRET.to_vec())), ..Default::default() };
        let setup = totp::Setup { oath, ..Default::default() };
        let (device, _) = self.enroll(subject, AnySetup::of::<Totp>(setup)).await;
        let now = self.clock.now();
        self.confirm(&device, &client::code(SECRET, now, -1)).await;
        let codes = (0..2).map(|steps| client::code(SECRET, now, steps)).collect();
        Proving { subject: device.subject, device: device.id, codes }
    }

    /// An active HOTP device, confirmed with its first code.
    pub(crate) async fn hotp(&self, subject: &str) -> Proving {
        let oath = OathSetup { secret: Some(Secret::new(SECRET.to_vec())), ..Default::default() };
        let setup = hotp::Setup { oath, counter: 0, look_ahead: None };
        let (device, _) = self.enroll(subject, AnySetup::of::<Hotp>(setup)).await;
        self.confirm(&device, &client::hotp(SECRET, 0)).await;
        let codes = (1..6).map(|counter| client::hotp(SECRET, counter)).collect();
        Proving { subject: device.subject, device: device.id, codes }
    }

    /// Enrolls an HOTP device, if it can.
    pub(crate) async fn try_hotp(&self, subject: &str) -> Result<(), Error> {
        let setup = hotp::Setup { oath: OathSetup::default(), counter: 0, look_ahead: None };
        let (subject, setup) = (Subject::parse(subject).unwrap(), AnySetup::of::<Hotp>(setup));
        let enrollment = Enrollment { subject, name: None, setup, context: None };
        self.service.enroll(&self.grant::<rpc::EnrollDevice>(), enrollment, None).await.map(drop)
    }

    /// A list of recovery codes.
    pub(crate) async fn recovery_codes(&self, subject: &str) -> Proving {
        let setup = AnySetup::of::<RecoveryCodes>(recovery_codes::Setup { count: None });
        let (device, shown) = self.enroll(subject, setup).await;
        let Shown::Codes(codes) = shown else { panic!("recovery codes are shown") };
        let codes = codes.iter().map(|code| code.expose().to_owned()).collect();
        Proving { subject: device.subject, device: device.id, codes }
    }

    /// Offers a code of a device.
    pub(crate) async fn offer(&self, proving: &Proving, code: &str) -> Result<Verdict, Error> {
        match self.offer_as(proving, code, None).await? {
            Answer::Fresh(verdict) => Ok(verdict),
            Answer::Again(_) => unreachable!("there was no request id"),
        }
    }

    /// Offers a code without the name of a device.
    pub(crate) async fn offer_any(&self, subject: &str, code: &str) -> Result<Verdict, Error> {
        let subject = Subject::parse(subject).unwrap();
        let attempt = attempt(subject, None, code);
        match self.service.verify(&self.grant::<rpc::Verify>(), &attempt, None).await? {
            Reply::Fresh(tried, _) => Ok(tried.verdict),
            Reply::Again(_) => unreachable!("there was no request id"),
        }
    }

    /// Offers a code of a device, under a request id.
    pub(crate) async fn offer_as(
        &self,
        proving: &Proving,
        code: &str,
        request: Option<[u8; 16]>,
    ) -> Result<Answer, Error> {
        self.offer_to(Some(proving.device.clone()), proving, code, request).await
    }

    /// Offers a code to that device of its subject, or to any, under a request id. As for the RPC, the outcome is in
    /// doubt when the deadline is near.
    pub(crate) async fn offer_to(
        &self,
        device: Option<DeviceId>,
        proving: &Proving,
        code: &str,
        request: Option<[u8; 16]>,
    ) -> Result<Answer, Error> {
        let answer = self.offer_uncut(device, proving, code, request);
        let Some(left) = left() else { return answer.await };
        let late = |late| Fault::doubt("judging a proof", late);
        timeout(left * 19 / 20, answer).await.map_err(late)?
    }

    /// The same, without an answer before the outcome is known.
    pub(crate) async fn offer_uncut(
        &self,
        device: Option<DeviceId>,
        proving: &Proving,
        code: &str,
        request: Option<[u8; 16]>,
    ) -> Result<Answer, Error> {
        let asked = format!("verify {device:?} {code}").into_bytes();
        let attempt = attempt(proving.subject.clone(), device, code);
        let once = request.map(|id| Once {
            id: request_id(id),
            asked: Secret::new(asked),
            encode: Box::new(|tried: &Tried| Ok(written(tried.verdict))),
        });
        Ok(match self.service.verify(&self.grant::<rpc::Verify>(), &attempt, once).await? {
            Reply::Fresh(tried, _) => Answer::Fresh(tried.verdict),
            Reply::Again(text) => Answer::Again(text == written(Verdict::Accepted)),
        })
    }

    /// The device as it is in the database.
    pub(crate) async fn device(&self, proving: &Proving) -> Device {
        let store = self.service.store();
        store.device(&self.caller.tenant, &proving.subject, &proving.device).await.unwrap().unwrap()
    }

    /// Writes what waits to be written, and ends.
    pub(crate) async fn stop(&self) {
        self.service.store().close().await;
    }
}

fn written(verdict: Verdict) -> Secret {
    Secret::new(verdict.as_str().as_bytes().to_vec())
}

fn attempt(subject: Subject, device: Option<DeviceId>, code: &str) -> Attempt {
    let offered = Offered::Code(SecretText::new(code.to_owned()));
    let (reach, question) = Default::default();
    Attempt { subject, device, offered, context: None, reach, question }
}

/// A request id of these bytes. 16 zeros would be the nil UUID, which is refused, so they give another id.
pub(crate) fn request_id(mut bytes: [u8; 16]) -> RequestId {
    if bytes == [0; 16] {
        bytes[6] = 0x40;
    }
    let hex = data_encoding::HEXLOWER.encode(&bytes);
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    RequestId::parse(&parts.join("-")).unwrap()
}

/// A clock at the moment when a test begins.
pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(super::START))
}
