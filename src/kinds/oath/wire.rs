//! Between the protobuf messages and what OATH devices share.

use data_encoding::BASE32_NOPAD;

use super::algorithm::Algorithm;
use super::parameters::{self, Digits};
use super::qr::Qr;
use super::setup::OathSetup;
use super::uri::Otpauth;
use crate::domain::violation::{Problem, Violations};
use crate::error::Fault;
use crate::kinds::wire::given;
use crate::wire::pb;

/// The fields that the setups of TOTP and HOTP have in common.
pub(in crate::kinds) struct Fields {
    pub(in crate::kinds) algorithm: i32,
    pub(in crate::kinds) digits: u32,
    pub(in crate::kinds) secret: Vec<u8>,
    pub(in crate::kinds) account_name: String,
}

/// Parses the common fields, noting every problem under `prefix.field`.
pub(in crate::kinds) fn setup(
    prefix: &str,
    fields: Fields,
    violations: &mut Violations,
) -> Option<OathSetup> {
    let field = |name: &str| format!("{prefix}.{name}");
    let Fields { algorithm, digits, secret, account_name } = fields;
    let algorithm = violations.take(&field("algorithm"), parse_algorithm(algorithm));
    let digits = violations.take(&field("digits"), given(digits, 0, Digits::try_from));
    let secret = violations.take(&field("secret"), given(secret, Vec::new(), parameters::secret));
    let account_name = violations
        .take(&field("account_name"), given(account_name, String::new(), |name| parameters::account(&name)));
    Some(OathSetup { algorithm: algorithm?, digits: digits?, secret: secret?, account_name: account_name? })
}

fn parse_algorithm(value: i32) -> Result<Algorithm, Problem> {
    match pb::OathAlgorithm::try_from(value) {
        Ok(pb::OathAlgorithm::Unspecified | pb::OathAlgorithm::Sha1) => Ok(Algorithm::Sha1),
        Ok(pb::OathAlgorithm::Sha256) => Ok(Algorithm::Sha256),
        Ok(pb::OathAlgorithm::Sha512) => Ok(Algorithm::Sha512),
        Err(_) => Err(Problem::new("must be one of SHA1, SHA256 and SHA512")),
    }
}

/// An OATH secret in every form that an app takes.
///
/// # Errors
/// A fault: the URI is too long for a QR code.
pub(in crate::kinds) fn shown(otpauth: &Otpauth) -> Result<pb::OathEnrollment, Fault> {
    let uri = otpauth.print();
    let qr = Qr::of(&uri)?;
    Ok(pb::OathEnrollment {
        secret_base32: BASE32_NOPAD.encode(otpauth.secret.expose()),
        qr_svg: qr.svg().expose().to_owned(),
        qr_png: qr.png()?.expose().to_vec(),
        otpauth_uri: uri.expose().to_owned(),
    })
}

/// An algorithm as protobuf names it.
#[must_use]
pub fn algorithm(algorithm: Algorithm) -> pb::OathAlgorithm {
    match algorithm {
        Algorithm::Sha1 => pb::OathAlgorithm::Sha1,
        Algorithm::Sha256 => pb::OathAlgorithm::Sha256,
        Algorithm::Sha512 => pb::OathAlgorithm::Sha512,
    }
}
