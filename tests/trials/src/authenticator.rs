//! The user's side: devices, their codes, and the patience to ask again where an answer was lost.

use std::sync::Arc;
use std::time::Duration;

use countersign::domain::moment::Moment;
use countersign::domain::secret::Secret;
use countersign::env::{Entropy, SystemEntropy};
use countersign::kinds::oath::Generator;
use countersign::kinds::oath::algorithm::Algorithm;
use countersign::kinds::oath::parameters::Digits;
use countersign::wire::pb;
use countersign::wire::pb::enroll_device_request::Setup;
use tokio::time::Instant;

use crate::Failed;
use crate::client::{Client, Place};
use crate::history::{Answer, Code, Sort};

/// The period of a TOTP device, in seconds.
const PERIOD: i64 = 30;
/// The seconds of a step that a call may take.
const ROOM: i64 = 5;
/// How long who asks again does so.
const PATIENCE: Duration = Duration::from_secs(90);

/// A device of a user's.
#[derive(Debug, Clone)]
pub struct Authenticator {
    /// Where it is.
    pub place: Place,
    /// What its codes are like.
    pub sort: Sort,
    /// The number of the code that comes next.
    pub next: u64,
    secret: Arc<[u8]>,
    list: Arc<[String]>,
}

impl Authenticator {
    /// Enrolls a device, and confirms it where it must be.
    ///
    /// # Errors
    /// It is not accepted, or nobody answers for long.
    pub async fn enroll(clients: &[Client], subject: &str, sort: Sort) -> Result<Self, Failed> {
        let pending = Self::pending(clients, subject, sort).await;
        pending.map_err(|answer| format!("enrolling a device: {answer:?}"))?.confirm(clients).await
    }

    /// Enrolls a device, and leaves it at that.
    ///
    /// # Errors
    /// It is refused, or nobody answers for long.
    pub async fn pending(clients: &[Client], subject: &str, sort: Sort) -> Result<Self, Answer> {
        let secret: [u8; 20] = (&SystemEntropy as &dyn Entropy).bytes();
        let setup = match sort {
            Sort::Counter => Setup::Hotp(pb::HotpSetup { secret: secret.to_vec(), ..Default::default() }),
            Sort::Step => Setup::Totp(pb::TotpSetup { secret: secret.to_vec(), ..Default::default() }),
            Sort::List => Setup::RecoveryCodes(pb::RecoveryCodesSetup::default()),
        };
        let id = request_id();
        let request = pb::EnrollDeviceRequest {
            subject: subject.to_owned(),
            // Of its own: one that is pending makes room for another of its name.
            name: format!("device {id}"),
            setup: Some(setup),
            ..Default::default()
        };
        let (id, request) = (&id, &request);
        let enrolled =
            patiently(clients, |client| async move { client.enroll(sort, id, request.clone()).await });
        let enrolled = enrolled.await?;
        let device = enrolled.device.ok_or_else(|| Answer::Lost("an empty answer".to_owned()))?.id;
        let list = match enrolled.enrollment.and_then(|enrollment| enrollment.material) {
            Some(pb::enrollment::Material::RecoveryCodes(shown)) => shown.codes,
            _ => Vec::new(),
        };
        let place = Place { subject: subject.into(), device: device.into() };
        Ok(Self { place, sort, next: 0, secret: secret.into(), list: list.into() })
    }

    /// Confirms it with its first code, or for TOTP with that of the step before this one. Recovery codes are
    /// active at once.
    ///
    /// # Errors
    /// It is not accepted, or nobody answers for long.
    pub async fn confirm(mut self, clients: &[Client]) -> Result<Self, Failed> {
        self.next = match self.sort {
            Sort::List => return Ok(self),
            Sort::Counter => 0,
            Sort::Step => early_step().await - 1,
        };
        let (code, text, id) = (Code::Right(self.next), &self.text(self.next), &request_id());
        let place = &self.place;
        let call = |client: Client| async move { told(client.confirm(place, code, text, id).await) };
        match patiently(clients, call).await {
            Ok(Answer::Accepted) => {
                self.next += 1;
                Ok(self)
            }
            other => Err(format!("confirming a device: {other:?}").into()),
        }
    }

    /// Offers a code, or one that is wrong, until that is answered.
    ///
    /// # Errors
    /// There was no answer for long.
    pub async fn offer(&self, clients: &[Client], code: Code) -> Result<Answer, Failed> {
        self.offer_in(clients, code, None).await
    }

    /// The same, in a context.
    ///
    /// # Errors
    /// There was no answer for long.
    pub async fn offer_in(
        &self,
        clients: &[Client],
        code: Code,
        context: Option<pb::Context>,
    ) -> Result<Answer, Failed> {
        let text = match code {
            Code::Right(number) => self.text(number),
            Code::Wrong => self.wrong(),
        };
        let (place, text, id, context) = (&self.place, &text, &request_id(), &context);
        let call = |client: Client| async move {
            told(client.verify_in(place, code, text, id, context.clone()).await)
        };
        patiently(clients, call).await.map_err(|answer| format!("no answer for long: {answer:?}").into())
    }

    /// The code of that number. A list has no more than it has.
    #[must_use]
    pub fn text(&self, number: u64) -> String {
        if self.sort == Sort::List {
            let at = usize::try_from(number).unwrap_or(usize::MAX);
            return self.list.get(at).cloned().unwrap_or_default();
        }
        let secret = Secret::new(self.secret.to_vec());
        Generator::new(Algorithm::Sha1, &secret, Digits::MIN).code(number).expose().to_owned()
    }

    /// A code that is none of those that may be right soon, or were.
    #[must_use]
    pub fn wrong(&self) -> String {
        if self.sort == Sort::List {
            return "0000000000000000".to_owned();
        }
        let near: Vec<String> =
            (self.next.saturating_sub(60)..self.next + 60).map(|number| self.text(number)).collect();
        let mut all = (0..1_000_000).map(|number| format!("{number:06}"));
        all.find(|code| !near.contains(code)).unwrap_or_default()
    }

    /// How many codes a list has.
    #[must_use]
    pub fn codes(&self) -> u64 {
        self.list.len() as u64
    }
}

/// The step of now, with time left in it for a call: the code of the step before it would be two steps old after
/// the turn, and so be rejected.
async fn early_step() -> u64 {
    let now = countersign::env::Clock::now(&countersign::env::SystemClock);
    let left = PERIOD - now.secs().rem_euclid(PERIOD);
    if left > ROOM {
        return step(now);
    }
    tokio::time::sleep(Duration::from_secs(left.unsigned_abs())).await;
    step(now) + 1
}

/// The step of a moment.
#[must_use]
pub fn step(at: Moment) -> u64 {
    u64::try_from(at.secs() / PERIOD).unwrap_or(0)
}

/// A new `request_id`.
#[must_use]
pub fn request_id() -> String {
    let hex = data_encoding::HEXLOWER.encode(&(&SystemEntropy as &dyn Entropy).bytes::<16>());
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// A number below that one, by chance.
#[must_use]
pub fn chance(below: usize) -> usize {
    let bytes = (&SystemEntropy as &dyn Entropy).bytes::<8>();
    usize::try_from(u64::from_be_bytes(bytes) % below.max(1) as u64).unwrap_or(0)
}

/// Whether the same should be asked again: it was not done because of what happens around, or nobody knows.
#[must_use]
pub fn is_passing(answer: &Answer) -> bool {
    match answer {
        Answer::Lost(_) => true,
        Answer::Refused(why) => ["OVERLOADED", "STALE", "DRAINING"].contains(&why.as_str()),
        _ => false,
    }
}

/// What was answered, as a result: what should be asked again is an error.
///
/// # Errors
/// See [`is_passing`].
pub fn told(answer: Answer) -> Result<Answer, Answer> {
    if is_passing(&answer) { Err(answer) } else { Ok(answer) }
}

/// Asks any process, and another one where the answer was lost, until there is one. With the same
/// `request_id` in each call this is what a caller is told to do.
///
/// # Errors
/// It is refused for good, or there was no answer for long.
pub async fn patiently<T, F: Future<Output = Result<T, Answer>>>(
    clients: &[Client],
    call: impl Fn(Client) -> F,
) -> Result<T, Answer> {
    let until = Instant::now() + PATIENCE;
    let mut every = tokio::time::interval(Duration::from_millis(10));
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        let Some(client) = clients.get(chance(clients.len())) else {
            return Err(Answer::Refused("there is nobody to ask".to_owned()));
        };
        match call(client.clone()).await {
            Err(answer) if is_passing(&answer) && Instant::now() < until => {}
            answered => return answered,
        }
    }
}
