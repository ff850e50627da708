//! What a caller may do.

/// What a caller may do. `admin` is no more than itself: a caller that shall do everything has every role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Check proofs, and see what devices there are.
    Verify,
    /// Enroll, change and remove devices.
    Manage,
    /// Say what was proved elsewhere.
    Assert,
    /// Read the audit log.
    Audit,
    /// What a support desk does: unlock devices, choose recovery codes.
    Admin,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 5] = [Self::Verify, Self::Manage, Self::Assert, Self::Audit, Self::Admin];

    /// Its name in the configuration and in errors.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Manage => "manage",
            Self::Assert => "assert",
            Self::Audit => "audit",
            Self::Admin => "admin",
        }
    }

    /// The role of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}
