//! The authenticator app of the demonstration: what a phone would do with the QR code.

use crate::domain::moment::Moment;
use crate::domain::secret::{Secret, SecretText};
use crate::kinds::oath::Generator;
use crate::kinds::oath::algorithm::Algorithm;
use crate::kinds::oath::parameters::Digits;

/// The time step of an app that is told nothing else, in seconds.
const PERIOD: u64 = 30;

/// An app that has scanned the code.
pub(super) struct Authenticator {
    generator: Generator,
    step: u64,
}

impl Authenticator {
    /// With the secret as it is typed in, at that moment. `None`: it is not base32.
    pub(super) fn new(base32: &str, now: Moment) -> Option<Self> {
        let bytes = data_encoding::BASE32_NOPAD.decode(base32.as_bytes()).ok()?;
        let generator = Generator::new(Algorithm::Sha1, &Secret::new(bytes), Digits::default());
        let step = u64::try_from(now.secs()).ok()? / PERIOD;
        Some(Self { generator, step })
    }

    /// The code of a step: 0 was shown when the app was set up, 1 is the next.
    pub(super) fn code(&self, ahead: u64) -> SecretText {
        self.generator.code(self.step + ahead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_shows_the_codes_of_rfc_6238() {
        let base32 = data_encoding::BASE32_NOPAD.encode(b"12345678901234567890");
        let app = Authenticator::new(&base32, Moment::from_secs(59)).unwrap();
        assert_eq!(app.code(0).expose(), "287082");
        let before = Authenticator::new(&base32, Moment::from_secs(29)).unwrap();
        assert_eq!(before.code(1).expose(), "287082");
        assert!(Authenticator::new("no base32", Moment::from_secs(0)).is_none());
    }
}
