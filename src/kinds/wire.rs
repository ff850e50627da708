//! Between the protobuf messages and the kinds: setups and proofs in, what is shown once out.

#[cfg(test)]
mod tests;

use super::contract::{SetupMessage, Shown};
use super::erased::AnySetup;
use super::registry::{all, infos};
use super::typed::plain;
use super::{oath, recovery_codes};
use crate::domain::proof::Offered;
use crate::domain::secret::SecretText;
use crate::domain::violation::{Problem, Violations};
use crate::error::Fault;
use crate::wire::pb;

/// The longest code that is looked at, in bytes. What is shorter and still too long for its device is
/// merely malformed.
pub const CODE_MAX: usize = 1024;

/// Parses a setup of any kind, noting every problem under its field (`totp.digits`), or under `setup` if there is none.
pub fn setup(message: Option<SetupMessage>, violations: &mut Violations) -> Option<AnySetup> {
    let Some(mut message) = message else {
        let names: Vec<_> = infos().iter().map(|info| info.kind.as_str()).collect();
        violations.push("setup", Problem::new(format!("must be set: one of {}", names.join(", "))));
        return None;
    };
    for kind in all() {
        match kind.parse(message, violations) {
            Ok(parsed) => return parsed,
            Err(another) => message = another,
        }
    }
    // A message without a kind is a defect of this program.
    violations.push("setup", Problem::new("is of a kind that this server does not have"));
    None
}

/// Parses a proof, noting a problem under `proof` or `proof.code`.
pub fn offered(proof: Option<pb::Proof>, violations: &mut Violations) -> Option<Offered> {
    match proof.and_then(|proof| proof.proof) {
        Some(pb::proof::Proof::Code(code)) => violations.take("proof.code", parse_code(code)),
        None => {
            violations.push("proof", Problem::new("must be given"));
            None
        }
    }
}

/// Parses the two or three codes of a device that lost step, noting every problem under `codes`.
pub fn consecutive(codes: Vec<String>, violations: &mut Violations) -> Option<Vec<Offered>> {
    if !(2..=3).contains(&codes.len()) {
        let problem = format!("must be two or three codes, and there are {}", codes.len());
        violations.push("codes", Problem::new(problem));
        return None;
    }
    let count = codes.len();
    let parsed = violations.each("codes", count, codes, parse_code);
    (parsed.len() == count).then_some(parsed)
}

/// Parses a value unless it is what protobuf says when nothing was set.
pub(super) fn given<V: PartialEq, T>(
    value: V,
    unset: V,
    parse: impl FnOnce(V) -> Result<T, Problem>,
) -> Result<Option<T>, Problem> {
    if value == unset { Ok(None) } else { parse(value).map(Some) }
}

fn parse_code(code: String) -> Result<Offered, Problem> {
    let code = SecretText::new(code);
    match code.expose().len() {
        0 => Err(Problem::new("must not be empty")),
        1..=CODE_MAX => Ok(Offered::Code(plain(code))),
        length => Err(Problem::new(format!("must be at most {CODE_MAX} bytes, and has {length}"))),
    }
}

/// What the user is shown, once. QR codes are drawn here.
///
/// # Errors
/// A fault: the tenant's issuer and image are too long for a QR code.
pub fn shown(shown: &Shown) -> Result<pb::Enrollment, Fault> {
    use pb::enrollment::Material;
    let material = match shown {
        Shown::Oath(otpauth) => Material::Oath(oath::wire::shown(otpauth)?),
        Shown::Codes(codes) => Material::RecoveryCodes(recovery_codes::wire::shown(codes)),
    };
    Ok(pb::Enrollment { material: Some(material) })
}
