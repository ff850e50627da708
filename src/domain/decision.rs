//! The answer.

use super::method::MethodName;
use crate::domain::ids::{DeviceId, EvidenceId};
use crate::domain::moment::Moment;

/// Whether enough is proved; if not, the least that is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Enough.
    Satisfied(Satisfied),
    /// Not enough, and the subject can do what is missing: up to four plans, the one of least cost first.
    StepUp {
        /// At least one.
        plans: Vec<Plan>,
    },
    /// Not enough, and no device of the subject could give it.
    EnrollmentRequired {
        /// What to enroll: each is a way by itself, the fewest devices only. A kind that is needed twice is
        /// in it twice.
        ways: Vec<Vec<MethodName>>,
        /// Plans for the proofs that are needed beside the enrollment, whatever is enrolled: up to four, the one of
        /// least cost first. Empty: no proof is needed.
        plans: Vec<Plan>,
    },
    /// Not now.
    Unavailable {
        /// Why, in words, for people who read logs.
        reason: String,
        /// When it may go on, where that is known.
        retry_at: Option<Moment>,
    },
}

/// Enough is proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Satisfied {
    /// By this evidence: of all that will do, what lasts longest. Without any of it, it ends sooner.
    pub evidence: Vec<EvidenceId>,
    /// Until this moment, if nothing is revoked: from then on it is not.
    pub valid_until: Moment,
    /// The evidence among it that was given for the transaction. The commit that tells this decision marks
    /// it as used up, and only if it is not yet: two decisions at once must not both have it.
    pub used_up: Vec<EvidenceId>,
}

/// Steps that together are enough. Leave one out, and they are not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// In the order in which to take them.
    pub steps: Vec<Step>,
}

/// One prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Prove a device.
    Device {
        /// The kind to prompt for.
        kind: MethodName,
        /// Any one of these will do, first choice first.
        devices: Vec<DeviceId>,
        /// The authenticator must be asked to verify the user: without it, the plan is not enough.
        user_verification: bool,
    },
    /// Prove it elsewhere.
    External(MethodName),
}

impl Decision {
    /// Whether enough is proved.
    #[must_use]
    pub fn is_satisfied(&self) -> bool {
        matches!(self, Self::Satisfied(_))
    }

    /// The plans that satisfy the requirement by themselves; none unless a step-up is required.
    #[must_use]
    pub fn plans(&self) -> &[Plan] {
        match self {
            Self::StepUp { plans } => plans,
            _ => &[],
        }
    }

    /// True if a plan has a step with a device.
    #[must_use]
    pub fn asks_for_device(&self) -> bool {
        let mut steps = self.plans().iter().flat_map(|plan| &plan.steps);
        steps.any(|step| matches!(step, Step::Device { .. }))
    }

    /// The kinds that help at all, each once, where enrollment is required.
    #[must_use]
    pub fn enrollable_kinds(&self) -> Vec<&MethodName> {
        let Self::EnrollmentRequired { ways, .. } = self else { return Vec::new() };
        let mut kinds: Vec<_> = ways.iter().flatten().collect();
        kinds.sort();
        kinds.dedup();
        kinds
    }
}

/// A decision, and of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The requirement that was asked for. Empty in a joint decision.
    pub requirement: String,
    /// All requirements that were applied: the one that was asked for, or stricter ones by rules.
    pub applied: Vec<String>,
    /// The revision of all that was applied. Empty in a joint decision.
    pub revision: String,
    /// The answer.
    pub decision: Decision,
    /// The end of the grace: until then a subject is let in that never had a device and has proved everything
    /// else.
    pub grace_until: Option<Moment>,
    /// The end of the back-off for attempts without a device id, where a step-up with a device is required.
    pub any_device_retry_at: Option<Moment>,
    /// In words, for people who read logs.
    pub explanation: String,
}
