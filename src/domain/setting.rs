//! Settings that a kind of device brings along, as data: the configuration parses, checks and shows them without knowing
//! the kind.

use std::collections::BTreeMap;
use std::time::Duration;

/// A setting of a kind, one for each tenant.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    /// The name below `[policy]`: `totp.digits`.
    pub name: &'static str,
    /// The meaning of the number.
    pub unit: Unit,
    /// The value where nothing is configured.
    pub default: u32,
    /// The least value.
    pub least: u32,
    /// The greatest value.
    pub most: u32,
}

/// The meaning of a setting's number, and how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A count.
    Number,
    /// Whole seconds, written as a time: `30s`.
    Seconds,
    /// 0 is false, 1 is true.
    Flag,
}

impl Setting {
    /// A count.
    #[must_use]
    pub const fn number(name: &'static str, default: u32, least: u32, most: u32) -> Self {
        Self { name, unit: Unit::Number, default, least, most }
    }

    /// A span of whole seconds.
    #[must_use]
    pub const fn seconds(name: &'static str, default: u32, least: u32, most: u32) -> Self {
        Self { name, unit: Unit::Seconds, default, least, most }
    }

    /// Yes or no.
    #[must_use]
    pub const fn flag(name: &'static str, default: bool) -> Self {
        Self { name, unit: Unit::Flag, default: default as u32, least: 0, most: 1 }
    }
}

/// The values of a tenant's settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings(BTreeMap<&'static str, u32>);

impl Settings {
    /// The value of a setting: what was [set](Self::set), or the default.
    #[must_use]
    pub fn number(&self, setting: &Setting) -> u32 {
        self.0.get(setting.name).copied().unwrap_or(setting.default)
    }

    /// The value of a setting in seconds, as a span.
    #[must_use]
    pub fn span(&self, setting: &Setting) -> Duration {
        Duration::from_secs(self.number(setting).into())
    }

    /// The value of a flag.
    #[must_use]
    pub fn flag(&self, setting: &Setting) -> bool {
        self.number(setting) != 0
    }

    /// Sets a value, whose bounds the configuration has checked.
    pub fn set(&mut self, setting: &'static Setting, value: u32) {
        self.0.insert(setting.name, value);
    }

    /// With that value.
    #[must_use]
    pub fn with(mut self, setting: &'static Setting, value: u32) -> Self {
        self.set(setting, value);
        self
    }
}
