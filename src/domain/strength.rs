//! What a piece of evidence is worth: the properties that requirements ask for (NIST SP 800-63B-4).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// What a factor rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactorType {
    /// Something known.
    Knowledge,
    /// Something held.
    Possession,
    /// Something that one is.
    Inherence,
}

impl FactorType {
    /// Every one, in the order of the protobuf enum.
    pub const ALL: [Self; 3] = [Self::Knowledge, Self::Possession, Self::Inherence];

    /// Its name in requirements and in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Knowledge => "knowledge",
            Self::Possession => "possession",
            Self::Inherence => "inherence",
        }
    }
}

/// What evidence is worth. The default is worth nothing.
///
/// A code sent by e-mail has no factor type: e-mail proves that somebody reads a mailbox, and is no
/// out-of-band authenticator (NIST SP 800-63B-4, 3.1.3.1). A requirement may still ask for it by its name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Strength {
    /// RFC 8176 values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<Cow<'static, str>>,
    /// What it rests on. A passkey that verified its user rests on two.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub factor_types: Vec<FactorType>,
    /// A proxy in the middle gains nothing from it.
    #[serde(skip_serializing_if = "is_no")]
    pub phishing_resistant: bool,
    /// The key cannot leave its hardware.
    #[serde(skip_serializing_if = "is_no")]
    pub hardware_bound: bool,
    /// The authenticator verified the user.
    #[serde(skip_serializing_if = "is_no")]
    pub user_verified: bool,
    /// It came over the telephone network (NIST: restricted).
    #[serde(skip_serializing_if = "is_no")]
    pub restricted_channel: bool,
    /// It was a recovery code.
    #[serde(skip_serializing_if = "is_no")]
    pub recovery: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands fields over so")]
fn is_no(flag: &bool) -> bool {
    !flag
}

impl Strength {
    /// The strength of a one-time code of something held.
    #[must_use]
    pub fn one_time_code() -> Self {
        Self {
            amr: vec![Cow::Borrowed("otp")],
            factor_types: vec![FactorType::Possession],
            ..Self::default()
        }
    }

    /// The properties that selectors ask for.
    #[must_use]
    pub fn properties(&self) -> Properties {
        let mut found = Properties::NONE;
        for factor in &self.factor_types {
            found = found.with(Property::Factor(*factor));
        }
        let flags = [
            (self.phishing_resistant, Property::PhishingResistant),
            (self.hardware_bound, Property::HardwareBound),
            (self.user_verified, Property::UserVerified),
            (!self.recovery, Property::NotRecovery),
            (!self.restricted_channel, Property::NotRestrictedChannel),
        ];
        for (holds, property) in flags {
            if holds {
                found = found.with(property);
            }
        }
        found
    }
}

/// Something that a selector can ask of one piece of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Property {
    /// It rests on that.
    Factor(FactorType),
    /// A proxy in the middle gains nothing from it.
    PhishingResistant,
    /// The key cannot leave its hardware.
    HardwareBound,
    /// The authenticator verified the user.
    UserVerified,
    /// It was no recovery code.
    NotRecovery,
    /// It did not come over the telephone network.
    NotRestrictedChannel,
}

impl Property {
    /// Every one, in the order in which selectors are written.
    pub const ALL: [Self; 8] = [
        Self::Factor(FactorType::Knowledge),
        Self::Factor(FactorType::Possession),
        Self::Factor(FactorType::Inherence),
        Self::PhishingResistant,
        Self::HardwareBound,
        Self::UserVerified,
        Self::NotRecovery,
        Self::NotRestrictedChannel,
    ];

    /// As a selector writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Factor(factor) => factor.as_str(),
            Self::PhishingResistant => "phishing_resistant",
            Self::HardwareBound => "hardware_bound",
            Self::UserVerified => "user_verified",
            Self::NotRecovery => "not recovery",
            Self::NotRestrictedChannel => "not restricted_channel",
        }
    }

    /// The property of that name. What follows a `not` has its own: see [`Property::from_negated`].
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|property| property.as_str() == name)
    }

    /// The property whose absence that name asks for.
    #[must_use]
    pub fn from_negated(name: &str) -> Option<Self> {
        match name {
            "recovery" => Some(Self::NotRecovery),
            "restricted_channel" => Some(Self::NotRestrictedChannel),
            _ => None,
        }
    }

    fn bit(self) -> u8 {
        match self {
            Self::Factor(FactorType::Knowledge) => 1,
            Self::Factor(FactorType::Possession) => 1 << 1,
            Self::Factor(FactorType::Inherence) => 1 << 2,
            Self::PhishingResistant => 1 << 3,
            Self::HardwareBound => 1 << 4,
            Self::UserVerified => 1 << 5,
            Self::NotRecovery => 1 << 6,
            Self::NotRestrictedChannel => 1 << 7,
        }
    }
}

/// A set of properties.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Properties(u8);

impl Properties {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// With one more.
    #[must_use]
    pub fn with(self, property: Property) -> Self {
        Self(self.0 | property.bit())
    }

    /// Whether all of `wanted` are among them.
    #[must_use]
    pub fn include(self, wanted: Self) -> bool {
        self.0 & wanted.0 == wanted.0
    }

    /// Each.
    pub fn iter(self) -> impl Iterator<Item = Property> {
        Property::ALL.into_iter().filter(move |property| self.0 & property.bit() != 0)
    }
}
