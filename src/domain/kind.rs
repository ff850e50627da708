//! The kinds of devices, and what the server must know of each.

use std::borrow::Cow;
use std::fmt;

use super::setting::{Setting, Settings};
use super::strength::Strength;

/// The name of a kind, in the database, in events, in requirements and on the command line: `totp`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kind(Cow<'static, str>);

impl Kind {
    /// A kind of this program.
    #[must_use]
    pub const fn named(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// A name that this program, or another release of it, wrote to the database.
    #[must_use]
    pub fn trusted(name: String) -> Self {
        Self(Cow::Owned(name))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As text that may outlive this value.
    #[must_use]
    pub fn into_text(self) -> Cow<'static, str> {
        self.0
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The effort of a proof to the user, from little to much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Effort {
    /// A touch or a look: WebAuthn.
    Touch,
    /// A code from something at hand: TOTP, HOTP, Yubico OTP.
    Code,
    /// A code that must arrive first: e-mail, SMS.
    Message,
    /// A recovery code, which is gone then.
    Recovery,
    /// Another page: a password, a single sign-on.
    Elsewhere,
}

/// A capability of the user's client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Capability {
    /// Take a code from the user.
    Code,
    /// `navigator.credentials`.
    WebAuthn,
    /// A capability that this version does not know. No device needs it, so a client that names nothing else cannot
    /// prove a device. A client that names no capability at all is different: it may prove any.
    Unknown,
}

/// The description of a kind: all that the server must know beyond how it judges.
#[derive(Debug)]
pub struct KindInfo {
    /// The name.
    pub kind: Kind,
    /// The newest form in which this release reads and writes the state of a device.
    pub form: u8,
    /// The name of a device that its user did not name.
    pub label: &'static str,
    /// The effort of a proof to the user.
    pub effort: Effort,
    /// The capability that a proof needs of the user's client.
    pub capability: Capability,
    /// Every strength that a proof can have, the one that it surely has first.
    pub strengths: fn() -> Vec<Strength>,
    /// Whether a device is pending until a proof confirms it.
    pub is_confirmed_by_proof: bool,
    /// How a proof can be guessed. Such a device is delayed by all failures without an id since its own last success.
    /// `None`: it cannot, like a code of 80 random bits, so a success of any device ends the delay.
    pub guessing: Option<&'static Guessing>,
    /// Whether a device has a step that it can lose, and find again by consecutive codes (RFC 4226, 7.4).
    pub loses_step: bool,
    /// The settings of a tenant for devices of this kind.
    pub settings: &'static [&'static Setting],
}

/// How a proof can be guessed.
#[derive(Debug)]
pub struct Guessing {
    /// The most codes that a device accepts at a time, of a million.
    pub window: fn(&Settings) -> u32,
    /// The setting that makes the window narrower.
    pub setting: &'static Setting,
}

impl KindInfo {
    /// The strength that every proof of this kind has at least.
    #[must_use]
    pub fn strength(&self) -> Strength {
        (self.strengths)().into_iter().next().unwrap_or_default()
    }
}
