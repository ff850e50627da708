//! A device's state with its type erased, decoded once.

use std::any::Any;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::contract::{Authenticator, Detail, Judgement, Judging};
use super::form::form_of;
use crate::domain::device;
use crate::domain::moment::Moment;
use crate::domain::proof::{Offered, Reject};
use crate::domain::secret::Secret;
use crate::error::Fault;

/// The state of a device, decoded by its kind.
pub trait AnyState: Any + Send + Sync {
    /// Whether a proof of the device can be guessed.
    fn can_be_guessed(&self) -> bool;
    /// Whether what was offered can be a proof of this device at all.
    fn could_accept(&self, offered: &Offered) -> bool;
    /// Judges what was offered, malformed included. The next state is already encoded.
    ///
    /// # Errors
    /// A fault: the next state cannot be encoded.
    fn judge(
        &self,
        secret: &Secret,
        offered: &Offered,
        cx: &Judging<'_>,
    ) -> Result<Judgement<device::Detail>, Fault>;
    /// Judges consecutive codes. `None`: this kind has no step to lose.
    ///
    /// # Errors
    /// A fault: the next state cannot be encoded.
    fn resync(
        &self,
        secret: &Secret,
        codes: &[Offered],
        cx: &Judging<'_>,
    ) -> Result<Option<Judgement<device::Detail>>, Fault>;
    /// This state, in which all that an older one of another history has used up is used up as well.
    ///
    /// # Errors
    /// A fault: the older state is another kind's, or the result cannot be encoded.
    fn joined(&self, older: &dyn AnyState) -> Result<device::Detail, Fault>;
    /// True if the last use lies so far ahead of `now` that the device accepts nothing until then.
    fn is_ahead(&self, now: Moment) -> bool;
    /// The state in which a device that is ahead accepts current codes again, and none that it accepted before.
    /// `None`: it is not ahead.
    ///
    /// # Errors
    /// A fault: the state cannot be encoded.
    fn set_back(&self, now: Moment) -> Result<Option<device::Detail>, Fault>;
    /// The number of uses that are left, for kinds that have so many and no more.
    fn remaining(&self) -> Option<u32>;
    /// The device's part of the protobuf `Device`.
    fn detail(&self) -> Detail;
}

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

/// A state as it is stored, with the decoded form beside it.
///
/// # Errors
/// A fault: a state that cannot be encoded is a defect.
pub fn stored<A: Authenticator>(state: A::State) -> Result<device::Detail, Fault> {
    Ok(device::Detail::encoded(encode(&state)?, Decoded::of::<A>(state)))
}

/// A decoded state, as [`device::Detail`] keeps it.
pub struct Decoded(Box<dyn AnyState>);

impl Decoded {
    /// A state of the kind `A`.
    fn of<A: Authenticator>(state: A::State) -> Self {
        Self(Box::new(Typed::<A>(state)))
    }

    /// Decodes a state of the kind `A`.
    pub(super) fn read<A: Authenticator>(text: &str) -> Result<Self, Fault> {
        decode(text).map(Self::of::<A>)
    }
}

struct Typed<A: Authenticator>(A::State);

/// The state of a device of the kind `A`, decoded at its first use. `None`: a newer release wrote it, in a form that this
/// one does not know.
///
/// # Errors
/// A fault: no release wrote this, or it is another kind's.
pub(super) fn typed<A: Authenticator>(detail: &device::Detail) -> Result<Option<&A::State>, Fault> {
    any(detail, A::INFO.form, Decoded::read::<A>)?.map(as_kind::<A>).transpose()
}

/// The state of a device, decoded at its first use by its kind, which knows forms up to `form`: as [`typed`] has it.
pub(super) fn any(
    detail: &device::Detail,
    form: u8,
    read: impl FnOnce(&str) -> Result<Decoded, Fault>,
) -> Result<Option<&dyn AnyState>, Fault> {
    if let Some(Decoded(state)) = detail.decoded() {
        return Ok(Some(&**state));
    }
    match read(detail.text()) {
        Ok(decoded) => {
            let Decoded(state) = detail.keep(decoded).ok_or_else(misplaced)?;
            Ok(Some(&**state))
        }
        Err(_) if form_of(detail.text()).is_some_and(|found| found > form.into()) => Ok(None),
        Err(broken) => Err(broken),
    }
}

fn as_kind<A: Authenticator>(state: &dyn AnyState) -> Result<&A::State, Fault> {
    let state: &dyn Any = state;
    state.downcast_ref::<Typed<A>>().map(|Typed(state)| state).ok_or_else(misplaced)
}

fn misplaced() -> Fault {
    Fault::internal("reading a device's state", "it is another kind's")
}

fn judged<A: Authenticator>(judgement: Judgement<A::State>) -> Result<Judgement<device::Detail>, Fault> {
    Ok(match judgement {
        Judgement::Accepted(next) => Judgement::Accepted(stored::<A>(next)?),
        Judgement::Rejected(reason) => Judgement::Rejected(reason),
    })
}

impl<A: Authenticator> AnyState for Typed<A> {
    fn can_be_guessed(&self) -> bool {
        A::can_be_guessed(&self.0)
    }

    fn could_accept(&self, offered: &Offered) -> bool {
        A::read(&self.0, offered).is_some()
    }

    fn judge(
        &self,
        secret: &Secret,
        offered: &Offered,
        cx: &Judging<'_>,
    ) -> Result<Judgement<device::Detail>, Fault> {
        match A::read(&self.0, offered) {
            None => Ok(Judgement::Rejected(Reject::Malformed)),
            Some(proof) => judged::<A>(A::judge(&self.0, secret, &proof, cx)),
        }
    }

    fn resync(
        &self,
        secret: &Secret,
        codes: &[Offered],
        cx: &Judging<'_>,
    ) -> Result<Option<Judgement<device::Detail>>, Fault> {
        if !A::INFO.loses_step {
            return Ok(None);
        }
        let proofs: Option<Vec<_>> = codes.iter().map(|code| A::read(&self.0, code)).collect();
        let Some(proofs) = proofs else { return Ok(Some(Judgement::Rejected(Reject::Malformed))) };
        A::resync(&self.0, secret, &proofs, cx).map(judged::<A>).transpose()
    }

    fn joined(&self, older: &dyn AnyState) -> Result<device::Detail, Fault> {
        stored::<A>(A::joined(&self.0, as_kind::<A>(older)?))
    }

    fn is_ahead(&self, now: Moment) -> bool {
        A::is_ahead(&self.0, now)
    }

    fn set_back(&self, now: Moment) -> Result<Option<device::Detail>, Fault> {
        A::set_back(&self.0, now).map(stored::<A>).transpose()
    }

    fn remaining(&self) -> Option<u32> {
        A::remaining(&self.0)
    }

    fn detail(&self) -> Detail {
        A::detail(&self.0)
    }
}
