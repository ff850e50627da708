//! How something is proved: with a device that is enrolled here, or elsewhere.

use std::borrow::Cow;
use std::fmt;

use super::ids::DeviceId;
use super::kind::Kind;

/// The name of a way to prove something, as requirements write it: `totp`, `password`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MethodName(Cow<'static, str>);

impl MethodName {
    /// A name that was checked before, or that this program wrote itself.
    #[must_use]
    pub fn trusted(text: impl Into<Cow<'static, str>>) -> Self {
        Self(text.into())
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Kind> for MethodName {
    fn from(kind: Kind) -> Self {
        Self(kind.into_text())
    }
}

impl fmt::Debug for MethodName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl fmt::Display for MethodName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What proved something. `distinct` tells evidence apart by this: two devices are two, whatever their
/// kind; two passwords are one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// A device that is enrolled here.
    Device {
        /// Its kind. Kinds travel by name, so that a requirement can speak of any.
        kind: MethodName,
        /// Which.
        device: DeviceId,
    },
    /// Proved elsewhere, and recorded: a password, a single sign-on.
    External(MethodName),
}

impl Method {
    /// A device of a kind.
    #[must_use]
    pub fn device(kind: impl Into<MethodName>, device: DeviceId) -> Self {
        Self::Device { kind: kind.into(), device }
    }

    /// The name that requirements know it by.
    #[must_use]
    pub fn name(&self) -> &MethodName {
        match self {
            Self::Device { kind, .. } => kind,
            Self::External(name) => name,
        }
    }

    /// The device, if it is one.
    #[must_use]
    pub fn device_id(&self) -> Option<&DeviceId> {
        match self {
            Self::Device { device, .. } => Some(device),
            Self::External(_) => None,
        }
    }

    /// Its sort.
    #[must_use]
    pub fn sort(&self) -> Sort {
        match self {
            Self::Device { kind, .. } => Sort::Kind(kind.clone()),
            Self::External(name) => Sort::External(name.clone()),
        }
    }
}

/// A sort of method. A kind and an external method are never the same, even if they were called the same at
/// different times: what a caller once recorded elsewhere must not pass for a device.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sort {
    /// A kind of device.
    Kind(MethodName),
    /// Proved elsewhere.
    External(MethodName),
}

impl Sort {
    /// The name that requirements know it by.
    #[must_use]
    pub fn name(&self) -> &MethodName {
        match self {
            Self::Kind(name) | Self::External(name) => name,
        }
    }

    /// Whether a method is of this sort.
    #[must_use]
    pub fn covers(&self, method: &Method) -> bool {
        match (self, method) {
            (Self::Kind(name), Method::Device { kind, .. }) => name == kind,
            (Self::External(name), Method::External(external)) => name == external,
            _ => false,
        }
    }
}
