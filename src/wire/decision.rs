//! Decisions as messages.

use super::convert::{kind_named, timestamp};
use super::pb;
use crate::domain::decision::{Decided, Decision, Plan, Step};
use crate::domain::ids::{DeviceId, EvidenceId};
use crate::domain::method::MethodName;

/// A decision as callers see it.
#[must_use]
pub fn decided(decided: &Decided) -> pb::Decision {
    let mut message = pb::Decision {
        requirement: decided.requirement.clone(),
        applied_requirements: decided.applied.clone(),
        requirement_revision: decided.revision.clone(),
        grace_until_time: decided.grace_until.map(timestamp),
        any_device_retry_time: decided.any_device_retry_at.map(timestamp),
        explanation: decided.explanation.clone(),
        ..pb::Decision::default()
    };
    let outcome = match &decided.decision {
        Decision::Satisfied(satisfied) => {
            message.evidence_ids = satisfied.evidence.iter().map(EvidenceId::to_string).collect();
            message.valid_until_time = Some(timestamp(satisfied.valid_until));
            pb::DecisionOutcome::Satisfied
        }
        Decision::StepUp { plans } => {
            message.plans = plans.iter().map(plan).collect();
            pb::DecisionOutcome::StepUpRequired
        }
        Decision::EnrollmentRequired { plans, .. } => {
            message.plans = plans.iter().map(plan).collect();
            let kinds = decided.decision.enrollable_kinds();
            message.enrollable_kinds = kinds.into_iter().map(|name| named(name).into()).collect();
            pb::DecisionOutcome::EnrollmentRequired
        }
        Decision::Unavailable { retry_at, .. } => {
            message.retry_time = retry_at.map(timestamp);
            pb::DecisionOutcome::Unavailable
        }
    };
    message.set_outcome(outcome);
    message
}

fn plan(plan: &Plan) -> pb::Plan {
    pb::Plan { steps: plan.steps.iter().map(step).collect() }
}

fn step(step: &Step) -> pb::Step {
    use pb::step::Step as Message;
    let step = match step {
        Step::External(name) => Message::External(name.to_string()),
        Step::Device { kind, devices, user_verification } => Message::Device(pb::DeviceStep {
            kind: named(kind).into(),
            device_ids: devices.iter().map(DeviceId::to_string).collect(),
            user_verification: *user_verification,
        }),
    };
    pb::Step { step: Some(step) }
}

/// A kind by its name.
pub(super) fn named(name: &MethodName) -> pb::DeviceKind {
    kind_named(name.as_str())
}
