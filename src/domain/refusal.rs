//! Why a request is refused. Closed: `wire/status.rs` has one line for each.

use super::decision::Decided;
use super::device::State;
use super::kind::Kind;
use super::violation::Violations;

/// Why a request is refused. Each has one `ErrorReason` in the protobuf; [`Self::PeerUnknown`] shares that of
/// [`Self::CallerUnknown`], [`Self::ContextMissing`] that of [`Self::RoleMissing`], and [`Self::AnswersUnsent`] that of
/// [`Self::Overloaded`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The request is malformed.
    Invalid(Violations),
    /// The caller did not say who it is, or not convincingly.
    CallerUnknown,
    /// The caller lacks a role.
    RoleMissing {
        /// The role that would do.
        role: &'static str,
    },
    /// No such device of this subject, or not this caller's to see.
    DeviceNotFound,
    /// The subject has a device of this name.
    DeviceExists,
    /// A device of the subject has this secret, or the recovery code was chosen or used for the subject before.
    SecretExists,
    /// The device is not in a state for this.
    DeviceState {
        /// The state that it is in.
        state: State,
    },
    /// This kind of device cannot do that.
    DeviceKind {
        /// The kind that it is.
        kind: Kind,
    },
    /// The subject has as many devices as allowed.
    DeviceLimit {
        /// How many that is.
        limit: u32,
    },
    /// No such requirement.
    RequirementNotFound {
        /// Its name.
        requirement: String,
    },
    /// The user must prove more first.
    StepUpRequired(Box<Decided>),
    /// It changed in the meantime.
    Stale,
    /// The same request id came with another request.
    RequestIdReused,
    /// More is asked of the server than it can do now.
    Overloaded,
    /// The answers to the caller that are not sent yet leave no room for this one. The request was carried out.
    AnswersUnsent,
    /// The server is going away.
    Draining,
    /// No such method.
    MethodUnknown {
        /// Its path.
        method: String,
    },
    /// The caller's time ran out.
    DeadlineExceeded,
    /// No caller has the user id on the Unix socket, and there was no token.
    PeerUnknown {
        /// The user id.
        uid: u32,
    },
    /// A guarded call without a context, by a caller that is no operator.
    ContextMissing,
    /// The request is compressed.
    Compressed,
    /// A health check of a service that is not known.
    ServiceUnknown {
        /// The service that was asked for.
        service: String,
    },
}
