//! Sealing, with the place of each value as associated data: moved to another row, it does not open.

use crate::crypto::keyring::{KeyedHash, Keyring, OpenError, Purpose};
use crate::domain::device::{Device, Sealed};
use crate::domain::ids::{CallerName, RequestId, Tenant};
use crate::domain::secret::Secret;
use crate::env::Entropy;

use super::commit::Record;

/// Seals a device's secret for its row: tenant, subject, kind and id are part of it, so that who can write
/// to the database cannot give one subject's device to another.
pub(super) fn device(keyring: &Keyring, device: &Device, secret: &Secret, entropy: &dyn Entropy) -> Sealed {
    Sealed(keyring.seal(secret.expose(), &device_place(device), entropy))
}

/// Opens a device's secret.
pub(super) fn open_device(keyring: &Keyring, device: &Device) -> Result<Secret, OpenError> {
    keyring.open(&device.secret.0, &device_place(device))
}

fn device_place(device: &Device) -> [&[u8]; 6] {
    [
        b"device",
        b"secret",
        device.tenant.as_str().as_bytes(),
        device.subject.as_str().as_bytes(),
        device.kind.as_str().as_bytes(),
        device.id.as_str().as_bytes(),
    ]
}

/// Seals the answer in a request record.
pub(super) fn answer(keyring: &Keyring, tenant: &Tenant, record: &Record, entropy: &dyn Entropy) -> Vec<u8> {
    keyring.seal(record.answer.expose(), &answer_place(tenant, &record.caller, &record.id), entropy)
}

/// Opens the answer in a request record.
pub(super) fn open_answer(
    keyring: &Keyring,
    tenant: &Tenant,
    caller: &CallerName,
    id: &RequestId,
    sealed: &[u8],
) -> Result<Secret, OpenError> {
    keyring.open(sealed, &answer_place(tenant, caller, id))
}

fn answer_place<'a>(tenant: &'a Tenant, caller: &'a CallerName, id: &'a RequestId) -> [&'a [u8]; 5] {
    [b"request", b"answer", tenant.as_str().as_bytes(), caller.as_str().as_bytes(), id.bytes()]
}

/// The digest of what was asked under a request id.
pub(super) fn digest(keyring: &Keyring, asked: &Secret) -> KeyedHash {
    keyring.hash(Purpose::Requests, &[asked.expose()])
}
