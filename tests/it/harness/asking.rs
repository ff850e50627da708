//! Calls of the second question to a replica.

use std::time::Duration;

use countersign::auth::rpc;
use countersign::domain::client::ClientToken;
use countersign::domain::context::{Context, Reach};
use countersign::domain::decision::Decision;
use countersign::domain::device::Device;
use countersign::domain::evidence::{Evidence, TransactionDigest};
use countersign::domain::ids::{ClientId, ClientName, DeviceId, DeviceName, SessionId, Subject};
use countersign::domain::proof::{Offered, Verdict};
use countersign::domain::secret::{Secret, SecretText};
use countersign::error::Error;
use countersign::kinds::AnySetup;
use countersign::kinds::hotp::{self, Hotp};
use countersign::kinds::oath::setup::OathSetup;
use countersign::service::{
    Attempt, Decisions, DeviceUpdate, Enrollment, Issue, Order, Question, Remembered, Removal, Reply,
    Revocation, Testimony, Tried,
};

use super::replica::{Proving, Replica};
use super::secret_of;

/// In a session, and nothing more.
pub(crate) fn session(name: &str) -> Context {
    Context { session: Some(SessionId::trusted(name)), ..Context::default() }
}

/// The same, in a browser that shows that token.
pub(crate) fn with_token(context: &Context, token: &SecretText) -> Context {
    let client = Some(ClientToken::read(token.expose()).unwrap());
    Context { client, ..context.clone() }
}

/// The same, for the transaction of that number.
pub(crate) fn with_transaction(context: &Context, number: u8) -> Context {
    Context { transaction: Some(TransactionDigest([number; 32])), ..context.clone() }
}

/// The answer to what was asked without a request id.
pub(crate) fn fresh<T>(reply: Reply<T>) -> T {
    match reply {
        Reply::Fresh(answer, _) => answer,
        Reply::Again(_) => unreachable!("there was no request id"),
    }
}

/// A code of a device, offered there.
pub(crate) fn attempt(proving: &Proving, code: &str, context: &Context) -> Attempt {
    Attempt {
        subject: proving.subject.clone(),
        device: Some(proving.device.clone()),
        offered: Offered::Code(SecretText::new(code.to_owned())),
        context: Some(context.clone()),
        reach: Reach::Usual,
        question: Question::default(),
    }
}

/// Asks for requirements, by name.
pub(crate) fn question(requirements: &[&str]) -> Question {
    let requirements = requirements.iter().map(|name| (*name).to_owned()).collect();
    Question { requirements, ..Question::default() }
}

fn whose(subject: &str) -> Subject {
    Subject::parse(subject).unwrap()
}

impl Replica {
    /// Offers a proof.
    pub(crate) async fn attempted(&self, attempt: &Attempt) -> Result<Tried, Error> {
        self.service.verify(&self.grant::<rpc::Verify>(), attempt, None).await.map(fresh)
    }

    /// Proves a device with the code of that number. Gives the evidence.
    pub(crate) async fn prove(&self, proving: &Proving, code: usize, context: &Context) -> Evidence {
        self.prove_as(proving, code, context, Reach::Usual).await
    }

    /// The same, for evidence that reaches that far.
    pub(crate) async fn prove_as(
        &self,
        proving: &Proving,
        code: usize,
        context: &Context,
        reach: Reach,
    ) -> Evidence {
        let attempt = Attempt { reach, ..attempt(proving, &proving.codes[code], context) };
        let tried = self.attempted(&attempt).await.unwrap();
        assert_eq!(tried.verdict, Verdict::Accepted);
        tried.evidence.unwrap()
    }

    /// Records a password. Gives the evidence.
    pub(crate) async fn password(&self, subject: &str, context: &Context) -> Evidence {
        self.password_as(subject, context, Reach::Usual).await
    }

    /// The same, for evidence that reaches that far.
    pub(crate) async fn password_as(&self, subject: &str, context: &Context, reach: Reach) -> Evidence {
        let testimony = Testimony {
            subject: whose(subject),
            context: context.clone(),
            method: "password".to_owned(),
            at: None,
            source: None,
            amr: Vec::new(),
            reach,
        };
        let grant = self.grant::<rpc::RecordEvidence>();
        fresh(self.service.record_evidence(&grant, &testimony, None).await.unwrap())
    }

    /// Asks a question.
    pub(crate) async fn asked(
        &self,
        subject: &str,
        context: &Context,
        question: &Question,
    ) -> Result<Decisions, Error> {
        let grant = self.grant::<rpc::Evaluate>();
        self.service.evaluate(&grant, &whose(subject), context, question, None).await.map(fresh)
    }

    /// Decides one requirement.
    pub(crate) async fn decision(&self, subject: &str, context: &Context, requirement: &str) -> Decision {
        let decisions = self.asked(subject, context, &question(&[requirement])).await.unwrap();
        decisions.each.into_iter().next().unwrap().decision
    }

    /// Whether a requirement is satisfied.
    pub(crate) async fn holds(&self, subject: &str, context: &Context, requirement: &str) -> bool {
        self.decision(subject, context, requirement).await.is_satisfied()
    }

    /// The evidence that counts in a context, or anywhere.
    pub(crate) async fn evidence(&self, subject: &str, context: Option<&Context>) -> Vec<Evidence> {
        let grant = self.grant::<rpc::ListEvidence>();
        self.service.evidence(&grant, &whose(subject), context).await.unwrap()
    }

    /// Takes evidence back. Gives how much counts no more.
    pub(crate) async fn revoke(&self, subject: &str, revocation: Revocation) -> u64 {
        let grant = self.grant::<rpc::RevokeEvidence>();
        fresh(self.service.revoke_evidence(&grant, &whose(subject), &revocation, None).await.unwrap())
    }

    /// Remembers a browser.
    pub(crate) async fn remember(&self, subject: &str, duration: Option<Duration>) -> Remembered {
        let grant = self.grant::<rpc::RememberClient>();
        let name = ClientName::trusted("browser");
        fresh(self.service.remember_client(&grant, &whose(subject), &name, duration, None).await.unwrap())
    }

    /// The ids of the clients that are remembered.
    pub(crate) async fn clients(&self, subject: &str) -> Vec<ClientId> {
        let clients = self.service.clients(&self.grant::<rpc::ListClients>(), &whose(subject)).await.unwrap();
        clients.into_iter().map(|client| client.id).collect()
    }

    /// Forgets clients: these, or all.
    pub(crate) async fn forget(&self, subject: &str, these: &[ClientId]) -> u64 {
        let grant = self.grant::<rpc::ForgetClients>();
        fresh(self.service.forget_clients(&grant, &whose(subject), these, None).await.unwrap())
    }

    /// Enrolls an HOTP device. `None`: an operator does.
    pub(crate) async fn enroll_in(
        &self,
        subject: &str,
        name: &str,
        context: Option<&Context>,
    ) -> Result<Device, Error> {
        let oath = OathSetup { secret: Some(Secret::new(secret_of(name))), ..Default::default() };
        let enrollment = Enrollment {
            subject: whose(subject),
            name: Some(DeviceName::parse(name).unwrap()),
            setup: AnySetup::of::<Hotp>(hotp::Setup { oath, counter: 0, look_ahead: None }),
            context: context.cloned(),
        };
        let reply = self.service.enroll(&self.grant::<rpc::EnrollDevice>(), enrollment, None).await?;
        Ok(fresh(reply).device)
    }

    /// Confirms an HOTP device that is pending, with its first code.
    pub(crate) async fn confirm_in(
        &self,
        device: &Device,
        context: Option<&Context>,
    ) -> Result<Tried, Error> {
        let proving = Proving::of(device);
        let code = super::hotp(&secret_of(device.name.as_str()), 0);
        let device = &proving.device;
        let attempt = Attempt { context: context.cloned(), ..attempt(&proving, &code, &Context::default()) };
        self.service.confirm(&self.grant::<rpc::ConfirmDevice>(), &attempt, device, None).await.map(fresh)
    }

    /// An active HOTP device of that name, confirmed in a context.
    pub(crate) async fn active_in(&self, subject: &str, name: &str, context: Option<&Context>) -> Proving {
        let device = self.enroll_in(subject, name, context).await.unwrap();
        assert_eq!(self.confirm_in(&device, context).await.unwrap().verdict, Verdict::Accepted);
        Proving::of(&device)
    }

    /// Removes a device. `None`: an operator does.
    pub(crate) async fn delete_in(&self, device: &Proving, context: Option<&Context>) -> Result<(), Error> {
        let Proving { subject, device, .. } = device.clone();
        let removal = Removal { subject, device, context: context.cloned() };
        self.service.delete(&self.grant::<rpc::DeleteDevice>(), &removal, None).await.map(fresh)
    }

    /// Sets a device aside, or resumes it. `None`: an operator does.
    pub(crate) async fn suspend_in(
        &self,
        device: &Proving,
        suspended: bool,
        context: Option<&Context>,
    ) -> Result<Device, Error> {
        let Proving { subject, device, .. } = device.clone();
        let update = DeviceUpdate {
            subject,
            device,
            name: None,
            preferred: None,
            suspended: Some(suspended),
            version: None,
            context: context.cloned(),
        };
        self.service.update(&self.grant::<rpc::UpdateDevice>(), &update, None).await.map(fresh)
    }

    /// Makes recovery codes. `None`: an operator does.
    pub(crate) async fn issue_in(&self, subject: &str, context: Option<&Context>) -> Result<Proving, Error> {
        let request = Issue {
            subject: whose(subject),
            device: None,
            order: Order::Made { count: None, keep_existing: false },
            context: context.cloned(),
        };
        let grant = self.grant::<rpc::IssueRecoveryCodes>();
        let issued = fresh(self.service.issue_recovery_codes(&grant, &request, None).await?);
        let codes = issued.codes.iter().map(|code| code.expose().to_owned()).collect();
        Ok(Proving { subject: issued.device.subject, device: issued.device.id, codes })
    }

    /// Clears a device's failures.
    pub(crate) async fn unlock(&self, device: &Proving) -> Device {
        let grant = self.grant::<rpc::UnlockDevice>();
        fresh(self.service.unlock(&grant, &device.subject, &device.device, None).await.unwrap())
    }
}

impl Proving {
    /// An HOTP device whose first code is used.
    pub(crate) fn of(device: &Device) -> Self {
        let secret = secret_of(device.name.as_str());
        let codes = (1..9).map(|counter| super::hotp(&secret, counter)).collect();
        Self { subject: device.subject.clone(), device: device.id.clone(), codes }
    }

    /// The device's id.
    pub(crate) fn id(&self) -> &DeviceId {
        &self.device
    }
}
