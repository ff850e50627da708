//! `otpauth://` URIs: what a QR code tells an authenticator app.
//!
//! There is no standard, only the wiki page "Key Uri Format" of Google Authenticator and what apps made of
//! it. What is printed here is what django-otp prints, byte for byte: every app in use has met that.

use std::fmt::Write as _;

use data_encoding::BASE32_NOPAD;

use super::algorithm::Algorithm;
use super::parameters::{Digits, Period};
use crate::domain::secret::{Secret, SecretText};

/// What a URI says. [`Otpauth::parse`] reads what [`Otpauth::print`] writes.
///
/// Two things do not survive, since a URI cannot hold them. Colons are printed as dashes (`tenant-alice` for
/// `tenant:alice`): the first colon in a label ends the issuer, and apps disagree about a second one. Spaces at the
/// start of the account are dropped where there is an issuer. The configuration refuses an issuer with a colon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Otpauth {
    /// The service, as the app shows it.
    pub issuer: Option<String>,
    /// The account, as the app shows it.
    pub account: String,
    /// The secret.
    pub secret: Secret,
    /// The hash.
    pub algorithm: Algorithm,
    /// The length of a code.
    pub digits: Digits,
    /// What moves the code on.
    pub factor: Factor,
    /// The address of a picture.
    pub image: Option<String>,
}

/// What moves the code on: the moving factor of RFC 4226, 5.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Factor {
    /// Time, in steps of that length.
    Time(Period),
    /// A counter, and the next value of it.
    Counter(u64),
}

impl Otpauth {
    /// The URI. Its parameters are always in the same order, and never left out where the default would do.
    #[must_use]
    pub fn print(&self) -> SecretText {
        let issuer = self.issuer.as_ref().map(|issuer| issuer.replace(':', "-")).filter(|i| !i.is_empty());
        let account = self.account.replace(':', "-");
        let label = match &issuer {
            Some(issuer) => format!("{issuer}:{account}"),
            None => account,
        };
        // `SecretText` wipes this one buffer: it must not grow and leave copies behind.
        let mut uri = String::with_capacity(PRINTED_MAX);
        uri.push_str(match self.factor {
            Factor::Time(_) => "otpauth://totp/",
            Factor::Counter(_) => "otpauth://hotp/",
        });
        push_encoded(&mut uri, &label, "/");
        uri.push_str("?secret=");
        BASE32_NOPAD.encode_append(self.secret.expose(), &mut uri);
        let _ = write!(uri, "&algorithm={}&digits={}", self.algorithm.as_str(), self.digits.value());
        let _ = match self.factor {
            Factor::Time(period) => write!(uri, "&period={}", period.value()),
            Factor::Counter(counter) => write!(uri, "&counter={counter}"),
        };
        if let Some(issuer) = &issuer {
            uri.push_str("&issuer=");
            push_encoded(&mut uri, issuer, "/");
        }
        if let Some(image) = self.image.as_ref().filter(|image| !image.is_empty()) {
            uri.push_str("&image=");
            push_encoded(&mut uri, image, ":/");
        }
        SecretText::new(uri)
    }
}

/// Room for what fits into a QR code, 2953 bytes.
const PRINTED_MAX: usize = 3072;

/// Percent-encodes (RFC 3986, 2.1) all but the unreserved characters and those that are `safe` here.
fn push_encoded(uri: &mut String, text: &str, safe: &str) {
    for byte in text.bytes() {
        let plain = char::from(byte);
        if plain.is_ascii_alphanumeric()
            || "-._~".contains(plain)
            || (byte.is_ascii() && safe.contains(plain))
        {
            uri.push(plain);
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
}
