//! Every kind, one line each.

use std::marker::PhantomData;
use std::sync::LazyLock;

use super::contract::Authenticator;
use super::erased::{AnyKind, Erased};
use super::state::{AnyState, any, typed};
use super::{hotp, recovery_codes, totp};
use crate::domain::device::{Detail, Device};
use crate::domain::kind::{Kind, KindInfo};
use crate::domain::setting::Setting;
use crate::error::Fault;

static KINDS: [&dyn AnyKind; 3] = [
    &Erased::<totp::Totp>(PhantomData),
    &Erased::<hotp::Hotp>(PhantomData),
    &Erased::<recovery_codes::RecoveryCodes>(PhantomData),
];

/// Every kind.
pub fn all() -> impl Iterator<Item = &'static dyn AnyKind> {
    KINDS.into_iter()
}

/// The description of each kind.
#[must_use]
pub fn infos() -> &'static [&'static KindInfo] {
    static INFOS: LazyLock<Vec<&'static KindInfo>> =
        LazyLock::new(|| KINDS.iter().map(|kind| kind.info()).collect());
    &INFOS
}

/// The settings of all kinds.
pub fn settings() -> impl Iterator<Item = &'static Setting> {
    infos().iter().flat_map(|info| info.settings.iter().copied())
}

/// The kind of that name, if this release has it. The one that judges is chosen by the stored device, never by the proof.
#[must_use]
pub fn known(kind: &Kind) -> Option<&'static dyn AnyKind> {
    KINDS.into_iter().find(|known| known.info().kind == *kind)
}

/// The kind of that name.
///
/// # Errors
/// A fault: this release does not have it.
pub fn kind(kind: &Kind) -> Result<&'static dyn AnyKind, Fault> {
    known(kind).ok_or_else(|| Fault::internal("reading a device", "its kind is not known to this version"))
}

/// The state of a device, decoded at its first use. `None`: a newer release wrote it, in a form or of a kind that this one
/// does not know. Such a device protects its subject, and is never asked for a proof.
///
/// # Errors
/// A fault: no release wrote this.
pub fn state(device: &Device) -> Result<Option<&dyn AnyState>, Fault> {
    state_of(&device.kind, &device.detail)
}

/// The state of a device of that kind, as [`state`] has it.
///
/// # Errors
/// A fault: no release wrote this.
pub fn state_of<'d>(kind: &Kind, detail: &'d Detail) -> Result<Option<&'d dyn AnyState>, Fault> {
    let Some(kind) = known(kind) else { return Ok(None) };
    any(detail, kind.info().form, |text| kind.decode(text))
}

/// The state of a device of the kind `A`. `None`: it is of another kind, or a newer release wrote it.
///
/// # Errors
/// A fault: no release wrote this.
pub fn typed_state<A: Authenticator>(device: &Device) -> Result<Option<&A::State>, Fault> {
    if device.kind == A::INFO.kind { typed::<A>(&device.detail) } else { Ok(None) }
}

/// True if a proof of this device can be guessed, or if its state cannot be read.
#[must_use]
pub fn can_be_guessed(device: &Device) -> bool {
    state(device).ok().flatten().is_none_or(AnyState::can_be_guessed)
}
