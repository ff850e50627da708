//! Every kind, one line each.

use std::marker::PhantomData;

use super::{AnyKind, Erased, hotp, recovery_codes, totp};
use crate::domain::device::Kind;

/// The kind of that name. The one that judges is chosen by the stored device, never by the proof.
#[must_use]
pub fn kind(kind: Kind) -> &'static dyn AnyKind {
    match kind {
        Kind::Totp => &Erased::<totp::Totp>(PhantomData),
        Kind::Hotp => &Erased::<hotp::Hotp>(PhantomData),
        Kind::RecoveryCodes => &Erased::<recovery_codes::RecoveryCodes>(PhantomData),
    }
}
