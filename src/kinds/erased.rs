//! A kind with its types erased: decoding and encoding of what is stored are written here once.

use std::any::Any;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Authenticator, Detail, Judgement, Judging, Made, Making};
use crate::domain::device::{Device, Kind};
use crate::domain::moment::Moment;
use crate::domain::policy::Policy;
use crate::domain::proof::{Offered, Reject};
use crate::domain::secret::Secret;
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
        Self { kind: A::KIND, setup: Arc::new(setup) }
    }

    fn read<A: Authenticator>(&self) -> Result<A::Setup, Fault> {
        let setup = self.setup.downcast_ref::<A::Setup>();
        setup.cloned().ok_or_else(|| Fault::internal("making a device", "the setup is another kind's"))
    }
}

/// A judgement of any kind: the next state is already what will be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judged {
    /// Right; with the detail in which it is used up.
    Accepted {
        /// [`Device::detail`] from now on.
        detail: String,
    },
    /// Wrong, malformed included.
    Rejected(Reject),
}

/// A kind with its types erased: decoding and encoding of state are written here once.
pub trait AnyKind: Send + Sync {
    /// Which.
    fn kind(&self) -> Kind;
    /// The name of a device that its user did not name.
    fn label(&self) -> &'static str;
    /// Whether a device is pending until a proof confirms it.
    fn is_confirmed_by_proof(&self) -> bool;
    /// Whether a proof of a device can be guessed. True also if its state cannot be read.
    fn can_be_guessed(&self, device: &Device) -> bool;
    /// Whether a device has a step that it can lose.
    fn loses_step(&self) -> bool;
    /// Violations of the fields of a setup that exceed what a tenant's policy allows.
    ///
    /// # Errors
    /// A fault.
    fn beyond(&self, setup: &AnySetup, policy: &Policy) -> Result<Violations, Fault>;
    /// Makes a device.
    ///
    /// # Errors
    /// A fault.
    fn make(&self, setup: &AnySetup, cx: &Making<'_>) -> Result<Made<String>, Fault>;
    /// Makes a device with a secret that its subject had before: `before` is the kind and the detail of the last device
    /// that had it.
    ///
    /// # Errors
    /// The kind or the settings differ so that the codes used then cannot be recognised; or a fault.
    fn make_again(
        &self,
        setup: &AnySetup,
        before: (Kind, &str),
        cx: &Making<'_>,
    ) -> Result<Made<String>, Error>;
    /// Whether what was offered can be a proof of this device at all.
    ///
    /// # Errors
    /// A fault: the stored state cannot be read.
    fn is_plausible(&self, device: &Device, offered: &Offered) -> Result<bool, Fault>;
    /// Judges what was offered.
    ///
    /// # Errors
    /// A fault: the stored state cannot be read.
    fn judge(
        &self,
        device: &Device,
        secret: &Secret,
        offered: &Offered,
        cx: &Judging<'_>,
    ) -> Result<Judged, Fault>;
    /// Judges consecutive codes. `None`: this kind has no step to lose.
    ///
    /// # Errors
    /// A fault: the stored state cannot be read.
    fn resync(
        &self,
        device: &Device,
        secret: &Secret,
        codes: &[Offered],
        cx: &Judging<'_>,
    ) -> Result<Option<Judged>, Fault>;
    /// A device's newer detail, in which all that an older one of another history has used up is used up as
    /// well.
    ///
    /// # Errors
    /// A fault: a stored state cannot be read.
    fn joined(&self, newer: &str, older: &str) -> Result<String, Fault>;
    /// True if the last use lies so far ahead of `now` that the device accepts nothing until then.
    ///
    /// # Errors
    /// A fault: the stored state cannot be read.
    fn is_ahead(&self, detail: &str, now: Moment) -> Result<bool, Fault>;
    /// The detail in which a device that is ahead accepts current codes again, and none that it accepted before.
    /// `None`: it is not ahead.
    ///
    /// # Errors
    /// A fault: the stored state cannot be read.
    fn set_back(&self, detail: &str, now: Moment) -> Result<Option<String>, Fault>;
    /// How many uses are left.
    ///
    /// # Errors
    /// A fault: the stored state cannot be read.
    fn remaining(&self, detail: &str) -> Result<Option<u32>, Fault>;
    /// Its part of the protobuf `Device`.
    ///
    /// # Errors
    /// A fault: the stored state cannot be read.
    fn detail(&self, device: &Device) -> Result<Detail, Fault>;
}

/// The path of the field of an enrollment that holds the secret.
pub(super) fn secret_field(kind: Kind) -> String {
    format!("{}.secret", kind.as_str())
}

/// Makes [`AnyKind`] of any [`Authenticator`].
pub struct Erased<A>(pub std::marker::PhantomData<fn() -> A>);

/// Reads what a kind keeps in the open.
///
/// # Errors
/// A fault: it is not what this program wrote.
pub fn decode<S: DeserializeOwned>(detail: &str) -> Result<S, Fault> {
    serde_json::from_str(detail).map_err(|e| Fault::internal("reading a device's state", e))
}

/// Writes what a kind keeps in the open.
///
/// # Errors
/// A fault: a state that cannot be written is a defect.
pub fn encode<S: Serialize>(state: &S) -> Result<String, Fault> {
    serde_json::to_string(state).map_err(|e| Fault::internal("writing a device's state", e))
}

fn judged<S: Serialize>(judgement: Judgement<S>) -> Result<Judged, Fault> {
    Ok(match judgement {
        Judgement::Accepted(state) => Judged::Accepted { detail: encode(&state)? },
        Judgement::Rejected(reason) => Judged::Rejected(reason),
    })
}

impl<A: Authenticator> AnyKind for Erased<A> {
    fn kind(&self) -> Kind {
        A::KIND
    }

    fn label(&self) -> &'static str {
        A::LABEL
    }

    fn is_confirmed_by_proof(&self) -> bool {
        A::CONFIRMED_BY_PROOF
    }

    fn can_be_guessed(&self, device: &Device) -> bool {
        A::CAN_BE_GUESSED || decode(&device.detail).map_or(true, |state| A::can_be_guessed(&state))
    }

    fn loses_step(&self) -> bool {
        A::LOSES_STEP
    }

    fn beyond(&self, setup: &AnySetup, policy: &Policy) -> Result<Violations, Fault> {
        Ok(A::beyond(&setup.read::<A>()?, policy))
    }

    fn make(&self, setup: &AnySetup, cx: &Making<'_>) -> Result<Made<String>, Fault> {
        let Made { state, secret, shown } = A::make(setup.read::<A>()?, cx)?;
        Ok(Made { state: encode(&state)?, secret, shown })
    }

    fn make_again(
        &self,
        setup: &AnySetup,
        (kind, before): (Kind, &str),
        cx: &Making<'_>,
    ) -> Result<Made<String>, Error> {
        if kind != A::KIND {
            let problem = format!(
                "must be another one: the subject had this one in a device of the kind {}",
                kind.as_str()
            );
            return Err(Violations::one(secret_field(A::KIND), problem).into());
        }
        let Made { state, secret, shown } = A::make_again(setup.read::<A>()?, &decode(before)?, cx)?;
        Ok(Made { state: encode(&state)?, secret, shown })
    }

    fn is_plausible(&self, device: &Device, offered: &Offered) -> Result<bool, Fault> {
        Ok(A::read(&decode(&device.detail)?, offered).is_some())
    }

    fn judge(
        &self,
        device: &Device,
        secret: &Secret,
        offered: &Offered,
        cx: &Judging<'_>,
    ) -> Result<Judged, Fault> {
        let state: A::State = decode(&device.detail)?;
        match A::read(&state, offered) {
            None => Ok(Judged::Rejected(Reject::Malformed)),
            Some(proof) => judged(A::judge(&state, secret, &proof, cx)),
        }
    }

    fn resync(
        &self,
        device: &Device,
        secret: &Secret,
        codes: &[Offered],
        cx: &Judging<'_>,
    ) -> Result<Option<Judged>, Fault> {
        let state: A::State = decode(&device.detail)?;
        let proofs: Option<Vec<_>> = codes.iter().map(|code| A::read(&state, code)).collect();
        match proofs {
            None => Ok(A::resync(&state, secret, &[], cx).map(|_| Judged::Rejected(Reject::Malformed))),
            Some(proofs) => A::resync(&state, secret, &proofs, cx).map(judged).transpose(),
        }
    }

    fn joined(&self, newer: &str, older: &str) -> Result<String, Fault> {
        encode(&A::joined(&decode(newer)?, &decode(older)?))
    }

    fn is_ahead(&self, detail: &str, now: Moment) -> Result<bool, Fault> {
        Ok(A::is_ahead(&decode(detail)?, now))
    }

    fn set_back(&self, detail: &str, now: Moment) -> Result<Option<String>, Fault> {
        A::set_back(&decode(detail)?, now).as_ref().map(encode).transpose()
    }

    fn remaining(&self, detail: &str) -> Result<Option<u32>, Fault> {
        Ok(A::remaining(&decode(detail)?))
    }

    fn detail(&self, device: &Device) -> Result<Detail, Fault> {
        Ok(A::detail(&decode(&device.detail)?))
    }
}
