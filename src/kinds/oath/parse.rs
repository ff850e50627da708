//! Reads `otpauth://` URIs, as strictly as they are printed: a device that was taken over with a guess
//! would never verify, and nobody would know why.

#[cfg(test)]
mod tests;

use data_encoding::BASE32_NOPAD_NOCASE;

use super::algorithm::Algorithm;
use super::parameters::{self, Digits, Period};
use super::uri::{Factor, Otpauth};
use crate::domain::secret::Secret;
use crate::domain::violation::Problem;

/// The longest URI that is looked at, in bytes. A QR code holds 2953.
pub const URI_MAX: usize = 4096;

/// Why a URI is refused. Repeats nothing of it: any part may hold the secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// Longer than [`URI_MAX`].
    #[error("must be at most {URI_MAX} bytes, and has {0}")]
    TooLong(usize),
    /// Another scheme, or another type than totp and hotp.
    #[error("must begin with otpauth://totp/ or otpauth://hotp/")]
    NotOtpauth,
    /// A character that has to be percent-encoded, or a percent that encodes nothing.
    #[error("must be printable ASCII, with all else percent-encoded as UTF-8, and no control characters")]
    Encoding,
    /// Nothing where the account should be, or too much.
    #[error("the account in the label {0}")]
    Account(Problem),
    /// The label and the parameter disagree.
    #[error("the issuer in the label must be the one in the parameter")]
    IssuersDiffer,
    /// Not a parameter of an `otpauth://` URI, or not written as one.
    #[error(
        "parameters must be among secret, algorithm, digits, period, counter, issuer and image, each as name=value"
    )]
    UnknownParameter,
    /// Which of the two counts?
    #[error("{0} must be there once, not twice")]
    Doubled(&'static str),
    /// A parameter that must be there, and is not.
    #[error("{0} must be there")]
    Missing(&'static str),
    /// A parameter that the other type has.
    #[error("{0} must not be there: it belongs to the other type")]
    OtherType(&'static str),
    /// A parameter with a value that it cannot have.
    #[error("{0} {1}")]
    Parameter(&'static str, Problem),
}

/// The names of the parameters, as places in what [`Parameters`] collects.
const NAMES: [&str; 7] = ["secret", "algorithm", "digits", "period", "counter", "issuer", "image"];

impl Otpauth {
    /// Reads a URI.
    ///
    /// # Errors
    /// Says what would be right.
    pub fn parse(uri: &str) -> Result<Self, UriError> {
        if uri.len() > URI_MAX {
            return Err(UriError::TooLong(uri.len()));
        }
        let (is_totp, rest) = split_type(uri).ok_or(UriError::NotOtpauth)?;
        if !rest.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
            return Err(UriError::Encoding);
        }
        let (label, query) = rest.split_once('?').unwrap_or((rest, ""));
        let [secret, algorithm, digits, period, counter, issuer, image] = parameters(query)?;

        let (issuer, account) = names(&decoded(label)?, issuer)?;
        let factor = match (is_totp, period, counter) {
            (true, _, Some(_)) => return Err(UriError::OtherType("counter")),
            (false, Some(_), _) => return Err(UriError::OtherType("period")),
            (true, None, None) => Factor::Time(Period::default()),
            (true, Some(period), None) => Factor::Time(bounded("period", &period)?),
            (false, None, None) => return Err(UriError::Missing("counter")),
            (false, None, Some(counter)) => Factor::Counter(
                number(&counter)
                    .and_then(parameters::counter)
                    .map_err(|problem| UriError::Parameter("counter", problem))?,
            ),
        };
        Ok(Self {
            issuer,
            account,
            secret: parse_secret(&secret.ok_or(UriError::Missing("secret"))?)?,
            algorithm: algorithm.map_or(Ok(Algorithm::default()), |name| parse_algorithm(&name))?,
            digits: digits.map_or(Ok(Digits::default()), |digits| bounded("digits", &digits))?,
            factor,
            image: image.filter(|image| !image.is_empty()),
        })
    }
}

/// Whether it is TOTP, and what follows. Scheme and type are in any case, as in every URI (RFC 3986, 6.2.2.1).
fn split_type(uri: &str) -> Option<(bool, &str)> {
    let (head, rest) = uri.split_at_checked("otpauth://totp/".len())?;
    [("otpauth://totp/", true), ("otpauth://hotp/", false)]
        .into_iter()
        .find_map(|(prefix, is_totp)| head.eq_ignore_ascii_case(prefix).then_some((is_totp, rest)))
}

/// The parameters' decoded values, in the order of [`NAMES`].
fn parameters(query: &str) -> Result<[Option<String>; 7], UriError> {
    let mut values = [const { None }; 7];
    for parameter in query.split('&').filter(|_| !query.is_empty()) {
        let (name, value) = parameter.split_once('=').ok_or(UriError::UnknownParameter)?;
        let place = NAMES.iter().zip(&mut values).find(|(known, _)| **known == name);
        let (known, slot) = place.ok_or(UriError::UnknownParameter)?;
        if slot.is_some() {
            return Err(UriError::Doubled(known));
        }
        // Some generators write spaces as forms do. A plus itself is always written %2B.
        *slot = Some(decoded(&value.replace('+', "%20"))?);
    }
    Ok(values)
}

/// Issuer and account, of the label and the parameter.
fn names(label: &str, parameter: Option<String>) -> Result<(Option<String>, String), UriError> {
    let (prefix, account) = match label.split_once(':') {
        Some((prefix, account)) => (Some(prefix), account.trim_start_matches(' ')),
        None => (None, label),
    };
    let parameter = parameter.filter(|issuer| !issuer.is_empty());
    if let (Some(prefix), Some(parameter)) = (prefix, &parameter)
        && prefix != parameter
    {
        return Err(UriError::IssuersDiffer);
    }
    let issuer = parameter.or_else(|| prefix.map(str::to_owned)).filter(|issuer| !issuer.is_empty());
    if issuer.as_ref().is_some_and(|issuer| issuer.contains(':')) {
        return Err(UriError::Parameter("issuer", Problem::new("must not hold a colon")));
    }
    Ok((issuer, parameters::account(account).map_err(UriError::Account)?))
}

/// Undoes percent-encoding.
fn decoded(text: &str) -> Result<String, UriError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let (byte, after) = match byte {
            b'%' => hex_pair(after).ok_or(UriError::Encoding)?,
            plain => (plain, after),
        };
        bytes.push(byte);
        rest = after;
    }
    let decoded = String::from_utf8(bytes).map_err(|_| UriError::Encoding)?;
    if decoded.chars().any(char::is_control) {
        return Err(UriError::Encoding);
    }
    Ok(decoded)
}

fn hex_pair(text: &[u8]) -> Option<(u8, &[u8])> {
    let (&[high, low], rest) = text.split_first_chunk()?;
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some((digit(high)? << 4 | digit(low)?, rest))
}

/// A decimal number as it is printed: no sign, no leading zeros.
fn number(text: &str) -> Result<u64, Problem> {
    let canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    let parsed = canonical.then(|| text.parse().ok()).flatten();
    parsed.ok_or_else(|| Problem::new("must be a decimal number without sign or leading zeros, below 2^64"))
}

fn bounded<T: TryFrom<u32, Error = Problem>>(name: &'static str, text: &str) -> Result<T, UriError> {
    number(text)
        // Past every bound is past every bound.
        .and_then(|value| T::try_from(u32::try_from(value).unwrap_or(u32::MAX)))
        .map_err(|problem| UriError::Parameter(name, problem))
}

fn parse_algorithm(name: &str) -> Result<Algorithm, UriError> {
    let problem = || Problem::new("must be SHA1, SHA256 or SHA512");
    Algorithm::from_name(name).ok_or_else(|| UriError::Parameter("algorithm", problem()))
}

/// Base32 (RFC 4648, 6) in either case, without padding or padded as the RFC pads.
fn parse_secret(text: &str) -> Result<Secret, UriError> {
    let bare = text.trim_end_matches('=');
    let is_padded = bare.len() < text.len();
    let bytes = BASE32_NOPAD_NOCASE.decode(bare.as_bytes()).ok();
    let bytes = bytes.filter(|_| !is_padded || text.len() == bare.len().next_multiple_of(8));
    bytes
        .ok_or_else(|| Problem::new("must be base32 of RFC 4648, whole bytes"))
        .and_then(parameters::secret)
        .map_err(|problem| UriError::Parameter("secret", problem))
}
