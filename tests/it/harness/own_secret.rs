//! HOTP devices with a new secret each, since a subject cannot have two devices with one secret.

use std::sync::atomic::{AtomicU64, Ordering};

use countersign::auth::rpc;
use countersign::domain::context::{Context, Reach};
use countersign::domain::device::Device;
use countersign::domain::ids::{DeviceName, Subject};
use countersign::domain::proof::Verdict;
use countersign::domain::secret::Secret;
use countersign::error::Error;
use countersign::kinds::AnySetup;
use countersign::kinds::Shown;
use countersign::kinds::hotp::{self, Hotp};
use countersign::kinds::oath::setup::OathSetup;
use countersign::kinds::recovery_codes::{self, RecoveryCodes};
use countersign::service::{Enrollment, Testimony, Tried};

use super::asking::{attempt, fresh};
use super::replica::{Proving, Replica};

/// A device that is enrolled, and the code that confirms it.
#[derive(Debug, Clone)]
pub(crate) struct Fresh {
    pub(crate) device: Device,
    first: String,
    codes: Vec<String>,
}

impl Fresh {
    /// The device and its codes, for use once it is confirmed.
    pub(crate) fn proving(&self) -> Proving {
        let Self { device, codes, .. } = self.clone();
        Proving { subject: device.subject, device: device.id, codes }
    }
}

impl Replica {
    /// Enrolls an HOTP device with a new secret. Without a context it is an operator's call.
    pub(crate) async fn enroll_fresh(
        &self,
        subject: &str,
        name: &str,
        context: Option<&Context>,
    ) -> Result<Fresh, Error> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let secret = format!("secret {:>13}", NUMBER.fetch_add(1, Ordering::Relaxed)).into_bytes();
        let oath = OathSetup { secret: Some(Secret::new(secret.clone())), ..Default::default() };
        let setup = AnySetup::of::<Hotp>(hotp::Setup { oath, counter: 0, look_ahead: None });
        let device = self.enroll_any(subject, name, setup, context).await?.0;
        let codes = (1..9).map(|counter| super::hotp(&secret, counter)).collect();
        Ok(Fresh { device, first: super::hotp(&secret, 0), codes })
    }

    /// Confirms such a device.
    pub(crate) async fn confirm_fresh(
        &self,
        fresh_one: &Fresh,
        context: Option<&Context>,
    ) -> Result<Tried, Error> {
        let proving = fresh_one.proving();
        let attempt = attempt(&proving, &fresh_one.first, &Context::default());
        let attempt = countersign::service::Attempt { context: context.cloned(), ..attempt };
        let grant = self.grant::<rpc::ConfirmDevice>();
        self.service.confirm(&grant, &attempt, &fresh_one.device.id, None).await.map(fresh)
    }

    /// An active HOTP device with a new secret.
    pub(crate) async fn active_fresh(
        &self,
        subject: &str,
        name: &str,
        context: Option<&Context>,
    ) -> Result<Proving, Error> {
        let pending = self.enroll_fresh(subject, name, context).await?;
        assert_eq!(self.confirm_fresh(&pending, context).await?.verdict, Verdict::Accepted);
        Ok(pending.proving())
    }

    /// Records evidence of an external method.
    pub(crate) async fn record_in(&self, subject: &str, method: &str, context: &Context) {
        let testimony = Testimony {
            subject: Subject::parse(subject).unwrap(),
            context: context.clone(),
            method: method.to_owned(),
            at: None,
            source: None,
            amr: Vec::new(),
            reach: Reach::Usual,
        };
        let grant = self.grant::<rpc::RecordEvidence>();
        self.service.record_evidence(&grant, &testimony, None).await.unwrap();
    }

    /// Enrolls a list of so many recovery codes.
    pub(crate) async fn enroll_codes(
        &self,
        subject: &str,
        name: &str,
        count: u32,
        context: Option<&Context>,
    ) -> Result<Proving, Error> {
        let setup = AnySetup::of::<RecoveryCodes>(recovery_codes::Setup { count: Some(count) });
        let (device, shown) = self.enroll_any(subject, name, setup, context).await?;
        let Shown::Codes(codes) = shown else { panic!("recovery codes are shown") };
        let codes = codes.iter().map(|code| code.expose().to_owned()).collect();
        Ok(Proving { subject: device.subject, device: device.id, codes })
    }

    async fn enroll_any(
        &self,
        subject: &str,
        name: &str,
        setup: AnySetup,
        context: Option<&Context>,
    ) -> Result<(Device, Shown), Error> {
        let enrollment = Enrollment {
            subject: Subject::parse(subject).unwrap(),
            name: Some(DeviceName::parse(name).unwrap()),
            setup,
            context: context.cloned(),
        };
        let reply = self.service.enroll(&self.grant::<rpc::EnrollDevice>(), enrollment, None).await?;
        let enrolled = fresh(reply);
        Ok((enrolled.device, enrolled.shown))
    }
}
