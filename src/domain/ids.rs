//! Names of things. Each is parsed once, at the edge, and compared byte by byte from there on.

use std::fmt;
use std::sync::Arc;

use super::violation::Problem;

/// The longest name of a subject, in bytes.
pub const SUBJECT_MAX: usize = 255;
/// The longest name of a device, in characters.
pub const NAME_MAX: usize = 64;

/// A separate world of subjects, devices and settings. Comes from the caller's credential, never from a
/// message. 1 to 63 of `a-z`, `0-9` and `-`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tenant(Arc<str>);

/// The user that a caller speaks of, by an opaque name of the caller's own: 1 to 255 bytes of UTF-8
/// without control characters.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject(Arc<str>);

/// A device's id: 26 random characters where it was made here.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceId(Arc<str>);

/// The id of a piece of evidence: 26 random characters.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EvidenceId(Arc<str>);

/// A caller's session, by the caller's own name: 1 to 255 bytes of UTF-8 without control characters, which
/// the user cannot choose.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(Arc<str>);

/// A remembered browser or app, by its id here; never its token.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(Arc<str>);

/// The name of a caller, from the configuration.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallerName(Arc<str>);

/// What a caller names one request with, so that a retry is known as one: a UUID.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId([u8; 16]);

/// A user's own name for a device: 1 to 64 characters, none of them a control character, not blank.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceName(Arc<str>);

/// What a user knows a remembered browser or app by, like that of a device.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientName(Arc<str>);

macro_rules! text {
    ($($type:ident),*) => {$(
        impl $type {
            /// As text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// As text that is shared, not copied.
            #[must_use]
            pub fn shared(&self) -> Arc<str> {
                self.0.clone()
            }

            /// From what this program wrote itself: a row, a file of its own. Not for what came over the
            /// wire.
            #[must_use]
            pub fn trusted(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}
text!(Tenant, Subject, DeviceId, EvidenceId, SessionId, ClientId, CallerName, DeviceName, ClientName);

fn opaque(text: &str) -> Result<Arc<str>, Problem> {
    if text.is_empty() {
        return Err(Problem::new("must not be empty"));
    }
    if text.len() > SUBJECT_MAX {
        return Err(Problem::new(format!("must be at most {SUBJECT_MAX} bytes, and has {}", text.len())));
    }
    if text.chars().any(char::is_control) {
        return Err(Problem::new("must not hold control characters"));
    }
    Ok(text.into())
}

impl Tenant {
    /// Parses a tenant's name.
    ///
    /// # Errors
    /// Says what would be right.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if text.is_empty() || text.len() > 63 || !text.bytes().all(fine) {
            return Err(Problem::new("must be 1 to 63 of a-z, 0-9 and '-'"));
        }
        Ok(Self(text.into()))
    }
}

impl CallerName {
    /// Parses a caller's name: 1 to 63 of `a-z`, `0-9` and `-`.
    ///
    /// # Errors
    /// Says what would be right.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        Tenant::parse(text).map(|Tenant(text)| Self(text))
    }
}

macro_rules! parsed {
    ($($(#[$doc:meta])* $type:ident),*) => {$(
        impl $type {
            $(#[$doc])*
            ///
            /// # Errors
            /// Says what would be right.
            pub fn parse(text: &str) -> Result<Self, Problem> {
                opaque(text).map(Self)
            }
        }
    )*};
}
parsed!(
    /// Parses a subject's name.
    Subject,
    /// Parses a session's name.
    SessionId,
    /// Parses a device's id. Any opaque text is one: whether there is such a device is not this function's to
    /// know, and an id of an odd form must not answer otherwise than one that never was.
    DeviceId,
    /// Parses the id of a piece of evidence: any opaque text, as that of a device.
    EvidenceId,
    /// Parses a client's id: any opaque text, as that of a device.
    ClientId
);

macro_rules! random {
    ($($type:ident),*) => {$(
        impl $type {
            /// Makes an id of 128 random bits: 26 characters of lower-case base32.
            #[must_use]
            pub fn from_entropy(bits: [u8; 16]) -> Self {
                let mut text = data_encoding::BASE32_NOPAD.encode(&bits);
                text.make_ascii_lowercase();
                Self(text.into())
            }
        }
    )*};
}
random!(DeviceId, EvidenceId, ClientId);

macro_rules! named {
    ($($type:ident),*) => {$(
        impl $type {
            /// Parses a user's name for it.
            ///
            /// # Errors
            /// Says what would be right.
            pub fn parse(text: &str) -> Result<Self, Problem> {
                name(text).map(Self)
            }

            /// True if the names differ in white space only: a user would take one for the other.
            #[must_use]
            pub fn is_like(&self, other: &Self) -> bool {
                let shown = |text: &Self| text.0.chars().filter(|c| !c.is_whitespace()).collect::<String>();
                self == other || shown(self) == shown(other)
            }
        }
    )*};
}
named!(DeviceName, ClientName);

fn name(text: &str) -> Result<Arc<str>, Problem> {
    let count = text.chars().count();
    if count == 0 {
        return Err(Problem::new("must not be empty"));
    }
    if count > NAME_MAX {
        return Err(Problem::new(format!("must be at most {NAME_MAX} characters, and has {count}")));
    }
    if text.chars().any(char::is_control) {
        return Err(Problem::new("must not hold control characters"));
    }
    if text.chars().all(is_invisible) {
        return Err(Problem::new("must not be blank"));
    }
    Ok(text.into())
}

/// True for white space and zero-width characters: joiners, direction marks, the byte order mark.
fn is_invisible(c: char) -> bool {
    let is_zero_width =
        matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}');
    c.is_whitespace() || is_zero_width
}

impl RequestId {
    /// Parses a UUID in its usual form: 8-4-4-4-12 hexadecimal digits, in either case. The nil UUID is refused: a
    /// client that forgot to make an id sends it, and each of its requests would be a retry of the first.
    ///
    /// # Errors
    /// Says what would be right.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let problem = || Problem::new("must be a UUID, like 7f0d9f3c-3c5e-4a8b-9d5f-0a1b2c3d4e5f");
        let dashes = [8, 13, 18, 23];
        let shape =
            text.len() == 36 && text.bytes().enumerate().all(|(i, b)| (b == b'-') == dashes.contains(&i));
        if !shape {
            return Err(problem());
        }
        let digits: String = text.chars().filter(|c| *c != '-').collect();
        let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).map_err(|_| problem())?;
        let bytes = <[u8; 16]>::try_from(bytes).map_err(|_| problem())?;
        if bytes == [0; 16] {
            return Err(Problem::new("must not be the nil UUID: make a random one for each request"));
        }
        Ok(Self(bytes))
    }

    /// Its 16 bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}
