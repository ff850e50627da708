//! A device: one thing that a subject has and can prove to have.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use super::ids::{DeviceId, DeviceName, SessionId, Subject, Tenant};
use super::kind::Kind;
use super::moment::Moment;

/// Where a device stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Enrolled and not yet confirmed: it proves nothing, and expires.
    Pending,
    /// In use.
    Active,
    /// Set aside until it is resumed.
    Suspended,
    /// Failed too many times in a row.
    Locked,
}

impl State {
    /// Every state, in the order of the protobuf enum.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Active, Self::Suspended, Self::Locked];

    /// Its name in the database, in events and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Locked => "locked",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// A device as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Random, opaque.
    pub id: DeviceId,
    /// Whose world it is in.
    pub tenant: Tenant,
    /// Who has it.
    pub subject: Subject,
    /// What it is. Never changes.
    pub kind: Kind,
    /// The user's name for it.
    pub name: DeviceName,
    /// Where it stands.
    pub state: State,
    /// Offered before the others.
    pub preferred: bool,
    /// The state that its kind keeps in the open.
    pub detail: Detail,
    /// What its kind keeps sealed.
    pub secret: Sealed,
    /// Grows by one with every change; a change is applied only to the version that it was made from.
    pub version: i64,
    /// Its subject's epoch: what it proves counts in no other. It changes only together with the version.
    pub epoch: i64,
    /// Failures in a row, and when the last one was.
    pub failures: Failures,
    /// When it was enrolled.
    pub created_at: Moment,
    /// When it was confirmed.
    pub confirmed_at: Option<Moment>,
    /// When it last verified.
    pub used_at: Option<Moment>,
    /// When it is dropped, while pending.
    pub expires_at: Option<Moment>,
}

impl Device {
    /// Whether it is a pending device whose time has run out: as good as gone.
    #[must_use]
    pub fn is_expired(&self, now: Moment) -> bool {
        self.state == State::Pending && self.expires_at.is_some_and(|at| at <= now)
    }

    /// The next version, to be changed and committed.
    #[must_use]
    pub fn successor(&self) -> Self {
        Self { version: self.version + 1, ..self.clone() }
    }
}

/// A device's state as its kind stores it (JSON), and as its kind decoded it. Clones share the decoded form, so a state is
/// decoded at most once, however often it is used, and a state that was just made or accepted never is.
#[derive(Clone)]
pub struct Detail(Arc<Stored>);

struct Stored {
    text: String,
    decoded: OnceLock<Box<dyn Any + Send + Sync>>,
}

impl Detail {
    /// A state as it was read from the database.
    #[must_use]
    pub fn stored(text: String) -> Self {
        Self(Arc::new(Stored { text, decoded: OnceLock::new() }))
    }

    /// A state that was encoded to `text`.
    #[must_use]
    pub fn encoded(text: String, state: impl Any + Send + Sync) -> Self {
        Self(Arc::new(Stored { text, decoded: OnceLock::from(Box::new(state) as Box<_>) }))
    }

    /// The JSON that is stored.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The decoded form. `None`: nobody has decoded it yet, or to another type.
    #[must_use]
    pub fn decoded<S: Any>(&self) -> Option<&S> {
        self.0.decoded.get()?.downcast_ref()
    }

    /// Keeps the decoded form, unless another thread was faster, and returns what is kept. `None`: that is of another
    /// type.
    #[must_use]
    pub fn keep<S: Any + Send + Sync>(&self, state: S) -> Option<&S> {
        self.0.decoded.get_or_init(|| Box::new(state)).downcast_ref()
    }
}

impl PartialEq for Detail {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Detail {}

impl fmt::Debug for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// Sealed bytes: only the store can open them.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Sealed(pub Vec<u8>);

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed")
    }
}

/// Failures in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Failures {
    /// How many.
    pub count: u32,
    /// When the last one was counted.
    pub last_at: Option<Moment>,
}

impl Failures {
    /// The failures after the first `forgiven` ones.
    #[must_use]
    pub fn after(self, forgiven: u32) -> Self {
        Self { count: self.count.saturating_sub(forgiven), ..self }
    }
}

/// What is kept of a subject as a whole: the failures of attempts that named no device, and what ends or spares
/// its evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectState {
    /// Grows by one with every change. 0: there is no row yet.
    pub version: i64,
    /// Failures of attempts that named no device.
    pub failures: Failures,
    /// For each device that accepted a proof without an id since `failures.count` was last 0: that count at its last
    /// success. The failures up to there no longer delay this device; they still delay the others.
    pub forgiven: BTreeMap<DeviceId, u32>,
    /// Moves on when everything that was proved is to count for nothing.
    pub epoch: i64,
    /// When it first had an active device.
    pub enrolled_at: Option<Moment>,
    /// The moment since which a device is all that the subject lacks: the grace begins there.
    pub graced_at: Option<Moment>,
    /// The session of its first set-up, while that goes on.
    pub opening: Option<Opening>,
    /// The last sign-out everywhere. Nothing that was proved until then counts.
    pub signed_out_at: Option<Moment>,
}

/// The first set-up of a subject: the session that made its first device, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The session in which the first device was made or confirmed.
    pub session: SessionId,
    /// The moment at which that device was made or confirmed.
    pub at: Moment,
}

impl SubjectState {
    /// A subject of whom nothing is kept.
    #[must_use]
    pub fn unseen() -> Self {
        Self {
            version: 0,
            failures: Failures::default(),
            forgiven: BTreeMap::new(),
            epoch: 0,
            enrolled_at: None,
            graced_at: None,
            opening: None,
            signed_out_at: None,
        }
    }

    /// The failures since the last success of this device without an id.
    #[must_use]
    pub fn failures_since_success_of(&self, device: &DeviceId) -> Failures {
        self.failures
            .after(self.forgiven.get(device).copied().filter(|count| self.is_known(*count)).unwrap_or(0))
    }

    /// The failures since the last success of any device without an id.
    #[must_use]
    pub fn failures_since_any_success(&self) -> Failures {
        self.failures
            .after(self.forgiven.values().copied().filter(|count| self.is_known(*count)).max().unwrap_or(0))
    }

    /// True if a count is one of the present failures. A server of before `forgiven` clears the failures without it.
    fn is_known(&self, count: u32) -> bool {
        count <= self.failures.count
    }

    /// The next version, to be changed and committed.
    #[must_use]
    pub fn successor(&self) -> Self {
        Self { version: self.version + 1, ..self.clone() }
    }

    /// The next version, for a change that adds or removes no device. The sweep finds subjects without devices by
    /// `failures.last_at`, so a subject without devices gets one.
    #[must_use]
    pub fn moved_on(&self, has_devices: bool, now: Moment) -> Self {
        let last_at = if has_devices { self.failures.last_at } else { self.failures.last_at.or(Some(now)) };
        Self { failures: Failures { last_at, ..self.failures }, ..self.successor() }
    }

    /// The next version, without failures. A subject without devices keeps a `failures.last_at`, by which the sweep
    /// finds it; with a count of 0 it delays nothing.
    #[must_use]
    pub fn cleared(&self, has_devices: bool, now: Moment) -> Self {
        let failures = Failures { count: 0, last_at: (!has_devices).then_some(now) };
        Self { failures, forgiven: BTreeMap::new(), ..self.successor() }
    }

    /// The next version of a subject whose last device is removed now. The sweep removes the row two days after
    /// `failures.last_at`, so that is set; with a count of 0 it delays nothing.
    #[must_use]
    pub fn bereft(&self, now: Moment) -> Self {
        let last_at = self.failures.last_at.max(Some(now));
        Self { failures: Failures { last_at, ..self.failures }, ..self.successor() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_forgiven_of_failures_that_are_gone_forgives_nothing() {
        let device = DeviceId::trusted("phone");
        let of = |count, forgiven| {
            let failures = Failures { count, last_at: None };
            let state = SubjectState { failures, ..SubjectState::unseen() };
            let state = SubjectState { forgiven: BTreeMap::from([(device.clone(), forgiven)]), ..state };
            (state.failures_since_success_of(&device).count, state.failures_since_any_success().count)
        };
        assert_eq!((of(6, 6), of(7, 6), of(5, 6), of(0, 6)), ((0, 0), (1, 1), (5, 5), (0, 0)));
    }
}
