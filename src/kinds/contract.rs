//! What a kind of devices is: the trait, what it is given, and what it gives back.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::oath::uri::Otpauth;
use crate::crypto::keyring::Keyring;
use crate::domain::ids::{DeviceId, Subject};
use crate::domain::kind::{Kind, KindInfo};
use crate::domain::moment::Moment;
use crate::domain::policy::Policy;
use crate::domain::proof::{Offered, Reject};
use crate::domain::secret::{Secret, SecretText};
use crate::domain::violation::Violations;
use crate::env::Entropy;
use crate::error::{Error, Fault};

/// A kind's part of the protobuf `Device`.
pub use crate::wire::pb::device::Detail;
/// A kind's part of the protobuf `EnrollDeviceRequest`.
pub use crate::wire::pb::enroll_device_request::Setup as SetupMessage;

/// What a kind may know when it makes a device.
pub struct Making<'a> {
    /// The device's id.
    pub device: &'a DeviceId,
    /// Whose it will be.
    pub subject: &'a Subject,
    /// The tenant's settings.
    pub policy: &'a Policy,
    /// For keyed hashes.
    pub keyring: &'a Keyring,
    /// Chance.
    pub entropy: &'a dyn Entropy,
    /// When.
    pub now: Moment,
}

/// What a kind may know when it judges.
pub struct Judging<'a> {
    /// The device's id.
    pub device: &'a DeviceId,
    /// The tenant's settings.
    pub policy: &'a Policy,
    /// For keyed hashes.
    pub keyring: &'a Keyring,
    /// When.
    pub now: Moment,
}

/// A new device, as its kind made it.
#[derive(Debug)]
pub struct Made<S> {
    /// What is kept in the open.
    pub state: S,
    /// What is kept sealed. Empty where a kind has nothing to seal.
    pub secret: Secret,
    /// What the user is shown, once.
    pub shown: Shown,
}

/// What the user is shown, once.
#[derive(Debug, Clone)]
pub enum Shown {
    /// An OATH secret, to be shown as a URI and as a QR code.
    Oath(Otpauth),
    /// Codes to print.
    Codes(Vec<SecretText>),
}

/// What became of a proof that could have been right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement<S> {
    /// Right; with the state in which it is used up.
    Accepted(S),
    /// Wrong. Not [`Reject::Malformed`]: see [`Authenticator::read`].
    Rejected(Reject),
}

/// A kind of device.
pub trait Authenticator: Send + Sync + 'static {
    /// The description of the kind.
    const INFO: &'static KindInfo;
    /// Whether a proof of a device in this state can be guessed, where that depends on the state.
    fn can_be_guessed(_: &Self::State) -> bool {
        Self::INFO.guessing.is_some()
    }
    /// What is asked for when one is enrolled, parsed.
    type Setup: Clone + Send + Sync + 'static;
    /// What is kept in the open. Its JSON is what is stored: every older form must still be read.
    type State: Serialize + DeserializeOwned + Clone + Send + Sync + 'static;
    /// A proof, read and normalised.
    type Proof;

    /// Parses a setup of this kind, noting every problem under its field (`totp.digits`).
    ///
    /// # Errors
    /// The message, if it is another kind's.
    fn parse(message: SetupMessage, violations: &mut Violations)
    -> Result<Option<Self::Setup>, SetupMessage>;

    /// Violations of the fields of a setup that exceed what a tenant's policy allows.
    fn beyond(_setup: &Self::Setup, _policy: &Policy) -> Violations {
        Violations::default()
    }

    /// Makes a device.
    ///
    /// # Errors
    /// A fault only: the setup was parsed before.
    fn make(setup: Self::Setup, cx: &Making<'_>) -> Result<Made<Self::State>, Fault>;

    /// Makes a device with a secret that its subject had before. `before` is the state of the last device that had it;
    /// codes that were used up in that state stay used up.
    ///
    /// # Errors
    /// The settings differ so that the codes used then cannot be recognised; or a fault.
    fn make_again(
        setup: Self::Setup,
        before: &Self::State,
        cx: &Making<'_>,
    ) -> Result<Made<Self::State>, Error> {
        let made = Self::make(setup, cx)?;
        Ok(Made { state: Self::joined(&made.state, before), ..made })
    }

    /// Reads what was offered. `None`: it cannot be a proof of this device, so it is not counted.
    fn read(state: &Self::State, offered: &Offered) -> Option<Self::Proof>;

    /// Judges a proof.
    fn judge(
        state: &Self::State,
        secret: &Secret,
        proof: &Self::Proof,
        cx: &Judging<'_>,
    ) -> Judgement<Self::State>;

    /// Judges consecutive codes of a device that lost step (RFC 4226, 7.4). `None`: this kind has no step
    /// to lose.
    fn resync(
        _state: &Self::State,
        _secret: &Secret,
        _codes: &[Self::Proof],
        _cx: &Judging<'_>,
    ) -> Option<Judgement<Self::State>> {
        None
    }

    /// A device's newer state, in which all that an older one of another history has used up is used up as
    /// well. Where nothing is missing from it, it is the newer state as it was.
    fn joined(newer: &Self::State, older: &Self::State) -> Self::State;

    /// True if the last use lies so far ahead of `now` that the device accepts nothing until then: the clock was ahead
    /// when it was used.
    fn is_ahead(_state: &Self::State, _now: Moment) -> bool {
        false
    }

    /// The state in which a device that [is ahead](Self::is_ahead) accepts current codes again, and none that it
    /// accepted before. `None`: it is not ahead.
    fn set_back(_state: &Self::State, _now: Moment) -> Option<Self::State> {
        None
    }

    /// How many uses are left, for kinds that have so many and no more.
    fn remaining(_state: &Self::State) -> Option<u32> {
        None
    }

    /// Its part of the protobuf `Device`.
    fn detail(state: &Self::State) -> Detail;
}

/// The path of the field of an enrollment that holds the secret.
pub(super) fn secret_field(kind: &Kind) -> String {
    format!("{}.secret", kind.as_str())
}
