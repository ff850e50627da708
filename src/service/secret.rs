//! One secret is one factor. A secret that a device of the subject has cannot be enrolled again, and one that the subject
//! had before keeps its used codes. So RFC 6238, 5.2 (no second use of a code) holds for the secret, whichever device
//! has it.

use super::Service;
use crate::auth::Caller;
use crate::domain::device::{Detail, Device};
use crate::domain::ids::{DeviceId, Subject};
use crate::domain::refusal::Refusal;
use crate::domain::secret::{Secret, SecretText};
use crate::error::{Error, Fault};
use crate::kinds::recovery_codes::{self, Held, RecoveryCodes, held};
use crate::kinds::{self, AnySetup, Made, Making};
use crate::store::Factor;

/// The state of a list of recovery codes.
///
/// # Errors
/// A fault: this release cannot read it.
pub(super) fn codes_of(list: &Device) -> Result<&recovery_codes::State, Fault> {
    let state = kinds::typed_state::<RecoveryCodes>(list)?;
    state.ok_or_else(|| Fault::internal("reading a list of recovery codes", "a newer release wrote it"))
}

impl Service {
    /// The new device as it must be if the subject had its secret before. `None`: it had not. `gone` is true for devices
    /// of the subject that are removed for the new one.
    ///
    /// # Errors
    /// A device that stays has the secret; or the device that had it was of another kind, or had settings under which
    /// used codes cannot be recognised.
    pub(super) async fn made_again(
        &self,
        caller: &Caller,
        subject: &Subject,
        secret: &Secret,
        (setup, making): (&AnySetup, &Making<'_>),
        devices: &[Device],
        gone: impl Fn(&Device) -> bool,
    ) -> Result<Option<Made<Detail>>, Error> {
        if secret.expose().is_empty() {
            return Ok(None);
        }
        // Read after the devices: a change in between also moves the subject or a device on, which makes the commit
        // stale.
        let factor = Factor::Secret(secret.clone());
        let known = self.store.known_secret(&caller.tenant, subject, &factor).await?;
        if known
            .holder
            .is_some_and(|holder| !devices.iter().any(|device| device.id == holder && gone(device)))
        {
            return Err(Refusal::SecretExists.into());
        }
        let Some((kind, detail)) = known.before else { return Ok(None) };
        kinds::kind(&setup.kind)?.make_again(setup, (&kind, &detail), making).map(Some)
    }

    /// True if a recovery code that an operator chose is new to the subject. False: the list holds it already, unused.
    ///
    /// # Errors
    /// Another list holds the code, it was used, or it was chosen before and has been replaced or removed since.
    pub(super) async fn is_new_code(
        &self,
        caller: &Caller,
        subject: &Subject,
        code: &SecretText,
        devices: &[Device],
        list: Option<&DeviceId>,
    ) -> Result<bool, Error> {
        let keyring = self.store.keyring();
        let mut is_here = false;
        for device in devices.iter().filter(|device| device.kind == recovery_codes::KIND) {
            let held = held(codes_of(device)?, code, &device.id, keyring);
            match held {
                Some(Held::Unused) if list == Some(&device.id) => is_here = true,
                Some(_) => return Err(Refusal::SecretExists.into()),
                None => {}
            }
        }
        let known = self.store.known_secret(&caller.tenant, subject, &Factor::Code(code.clone())).await?;
        match (&known.holder, &known.before) {
            (None, None) => Ok(true),
            (holder, None) if is_here && holder.as_ref() == list => Ok(false),
            _ => Err(Refusal::SecretExists.into()),
        }
    }
}
