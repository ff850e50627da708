//! A QR code in the terminal.

use crate::domain::secret::SecretText;
use crate::kinds::oath::qr::Qr;

/// An `otpauth://` URI as a QR code of text, to be scanned from the screen. `None` where it is too long for
/// one: then the URI itself has to do.
pub(in crate::cli) fn qr(uri: &str) -> Option<String> {
    let code = Qr::of(&SecretText::new(uri.to_owned())).ok()?;
    Some(code.terminal().expose().to_owned())
}
