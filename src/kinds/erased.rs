//! A kind with its types erased. The states of its devices are in [`super::state`].

use std::any::Any;
use std::sync::Arc;

use super::contract::{Authenticator, Made, Making, SetupMessage, secret_field};
use super::state::{Decoded, stored, typed};
use crate::domain::device::Detail;
use crate::domain::kind::{Kind, KindInfo};
use crate::domain::policy::Policy;
use crate::domain::violation::Violations;
use crate::error::{Error, Fault};

/// A setup of any kind, parsed.
#[derive(Clone)]
pub struct AnySetup {
    /// What will be made.
    pub kind: Kind,
    setup: Arc<dyn Any + Send + Sync>,
}

impl AnySetup {
    /// Of one kind.
    #[must_use]
    pub fn of<A: Authenticator>(setup: A::Setup) -> Self {
        Self { kind: A::INFO.kind.clone(), setup: Arc::new(setup) }
    }

    fn read<A: Authenticator>(&self) -> Result<A::Setup, Fault> {
        let setup = self.setup.downcast_ref::<A::Setup>();
        setup.cloned().ok_or_else(|| Fault::internal("making a device", "the setup is another kind's"))
    }
}

/// A kind with its types erased.
pub trait AnyKind: Send + Sync {
    /// The description of the kind.
    fn info(&self) -> &'static KindInfo;
    /// Parses a setup of this kind, noting every problem under its field (`totp.digits`).
    ///
    /// # Errors
    /// The message, if it is another kind's.
    fn parse(
        &self,
        message: SetupMessage,
        violations: &mut Violations,
    ) -> Result<Option<AnySetup>, SetupMessage>;
    /// Violations of the fields of a setup that exceed what a tenant's policy allows.
    ///
    /// # Errors
    /// A fault.
    fn beyond(&self, setup: &AnySetup, policy: &Policy) -> Result<Violations, Fault>;
    /// Makes a device.
    ///
    /// # Errors
    /// A fault.
    fn make(&self, setup: &AnySetup, cx: &Making<'_>) -> Result<Made<Detail>, Fault>;
    /// Makes a device with a secret that its subject had before: `before` is the kind and the state of the last device
    /// that had it.
    ///
    /// # Errors
    /// The kind or the settings differ so that the codes used then cannot be recognised; or a fault.
    fn make_again(
        &self,
        setup: &AnySetup,
        before: (&Kind, &Detail),
        cx: &Making<'_>,
    ) -> Result<Made<Detail>, Error>;
    /// Decodes a stored state: see [`super::registry::state`].
    ///
    /// # Errors
    /// A fault: it is not what this program wrote.
    fn decode(&self, text: &str) -> Result<Decoded, Fault>;
}

/// Makes [`AnyKind`] of any [`Authenticator`].
pub struct Erased<A>(pub std::marker::PhantomData<fn() -> A>);

impl<A: Authenticator> AnyKind for Erased<A> {
    fn info(&self) -> &'static KindInfo {
        A::INFO
    }

    fn parse(
        &self,
        message: SetupMessage,
        violations: &mut Violations,
    ) -> Result<Option<AnySetup>, SetupMessage> {
        Ok(A::parse(message, violations)?.map(AnySetup::of::<A>))
    }

    fn beyond(&self, setup: &AnySetup, policy: &Policy) -> Result<Violations, Fault> {
        Ok(A::beyond(&setup.read::<A>()?, policy))
    }

    fn make(&self, setup: &AnySetup, cx: &Making<'_>) -> Result<Made<Detail>, Fault> {
        A::make(setup.read::<A>()?, cx)?.stored::<A>()
    }

    fn make_again(
        &self,
        setup: &AnySetup,
        (kind, before): (&Kind, &Detail),
        cx: &Making<'_>,
    ) -> Result<Made<Detail>, Error> {
        if *kind != A::INFO.kind {
            let problem = format!(
                "must be another one: the subject had this one in a device of the kind {}",
                kind.as_str()
            );
            return Err(Violations::one(secret_field(&A::INFO.kind), problem).into());
        }
        let Some(before) = typed::<A>(before)? else {
            let problem = "must be another one: a newer release kept what the subject used up of this one";
            return Err(Violations::one(secret_field(&A::INFO.kind), problem).into());
        };
        Ok(A::make_again(setup.read::<A>()?, before, cx)?.stored::<A>()?)
    }

    fn decode(&self, text: &str) -> Result<Decoded, Fault> {
        Decoded::read::<A>(text)
    }
}

impl<S> Made<S> {
    /// The device with its state as it is stored.
    fn stored<A: Authenticator<State = S>>(self) -> Result<Made<Detail>, Fault> {
        let Self { state, secret, shown } = self;
        Ok(Made { state: stored::<A>(state)?, secret, shown })
    }
}
