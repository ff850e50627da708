//! The authenticator assurance levels of NIST SP 800-63B-4 (2.1 to 2.3) as requirements.

/// The names and what they stand for, in terms of properties only.
///
/// - AAL1 is one authenticator of any factor type.
/// - AAL2 is one authenticator that verified its user, or something held together with something known or
///   something that one is. A code by e-mail has no factor type (3.1.3.1), so it is neither.
/// - AAL3 is phishing-resistant and hardware-bound, and verified its user or comes with something known.
///
/// Recovery codes are for recovery (4.2), not for authentication, so they meet none. What comes over the
/// telephone network is allowed up to AAL2, as the standard allows it: who wants it otherwise adds
/// `not restricted_channel`.
pub const MACROS: [(&str, &str); 3] = [
    ("aal1", "knowledge & not recovery or possession & not recovery"),
    (
        "aal2",
        "possession & user_verified & not recovery \
         or possession & not recovery and (knowledge & not recovery or inherence & not recovery)",
    ),
    (
        "aal3",
        "possession & phishing_resistant & hardware_bound & user_verified & not recovery \
         or possession & phishing_resistant & hardware_bound & not recovery and knowledge & not recovery",
    ),
];

/// What a macro stands for.
#[must_use]
pub fn text(name: &str) -> Option<&'static str> {
    MACROS.into_iter().find(|(known, _)| *known == name).map(|(_, text)| text)
}
