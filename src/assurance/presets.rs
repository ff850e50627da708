//! The requirements by which the sidecar guards itself, where the configuration does not say otherwise.

use super::vocabulary::Vocabulary;

/// To add a device for a subject that has one. A subject without an active device may enroll its first, so
/// the caller asks for this only where there is one: else a password alone would be enough to add a passkey
/// to a protected account.
pub const ENROLL: &str = "countersign.enroll";
/// To remove a device.
pub const REMOVE: &str = "countersign.remove";
/// To make new recovery codes.
pub const RECOVER: &str = "countersign.recover";

/// Their names.
pub const GUARDS: [&str; 3] = [ENROLL, REMOVE, RECOVER];

/// What each asks by default: one of the subject's devices, proved within 10 minutes. External methods, which
/// a caller may record as it likes, are not among them.
#[must_use]
pub fn default_guard(vocabulary: &Vocabulary) -> String {
    let kinds: Vec<&str> = vocabulary.kinds().map(|entry| entry.sort.name().as_str()).collect();
    format!("({}) within 10m", kinds.join(" or "))
}
