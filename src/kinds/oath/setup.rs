//! What enrolling a TOTP and an HOTP device have in common.

use super::algorithm::Algorithm;
use super::parameters::Digits;
use super::uri::{Factor, Otpauth};
use crate::domain::secret::Secret;
use crate::domain::violation::Violations;
use crate::error::Fault;
use crate::kinds::contract::Making;

/// The length of a secret that is made here, in bytes: what RFC 4226 (R6) recommends.
const SECRET_MADE: usize = 20;

/// What is asked for of any OATH device. What is `None` takes the tenant's default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OathSetup {
    /// The hash.
    pub algorithm: Algorithm,
    /// The length of a code.
    pub digits: Option<Digits>,
    /// A secret made elsewhere. `None`: 20 random bytes.
    pub secret: Option<Secret>,
    /// What the app shows as the account. `None`: the subject.
    pub account_name: Option<String>,
}

/// The violation of a number in a request that is larger than the tenant's setting; none if it is not.
pub(in crate::kinds) fn at_most(field: &'static str, asked: Option<u32>, most: u32) -> Violations {
    match asked.filter(|asked| *asked > most) {
        Some(_) => {
            Violations::one(field, format!("must be at most {most}, which is what policy.{field} allows"))
        }
        None => Violations::default(),
    }
}

impl OathSetup {
    /// The secret that was brought, or a new one.
    pub(in crate::kinds) fn secret(&self, cx: &Making<'_>) -> Secret {
        self.secret.clone().unwrap_or_else(|| Secret::new(cx.entropy.bytes::<SECRET_MADE>().to_vec()))
    }

    /// What an app is told.
    pub(in crate::kinds) fn otpauth(
        self,
        secret: &Secret,
        digits: Digits,
        factor: Factor,
        cx: &Making<'_>,
    ) -> Otpauth {
        Otpauth {
            issuer: cx.policy.issuer.clone(),
            account: self.account_name.unwrap_or_else(|| cx.subject.as_str().to_owned()),
            secret: secret.clone(),
            algorithm: self.algorithm,
            digits,
            factor,
            image: cx.policy.image.clone(),
        }
    }
}

/// A setting of the tenant's, within its bounds.
///
/// # Errors
/// A fault: the configuration let through what it should not.
pub(in crate::kinds) fn setting<T: TryFrom<u32, Error = P>, P: ToString>(value: u32) -> Result<T, Fault> {
    T::try_from(value)
        .map_err(|problem| Fault::internal("reading the tenant's settings", problem.to_string()))
}
