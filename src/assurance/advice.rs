//! Decisions that ask for an enrollment, checked against the guard of enrollments: a subject with devices must
//! satisfy `countersign.enroll` before it gets another one.

use super::candidate::{Availability, Candidate};
use super::decide::{Situation, decide_all, goals, unique};
use super::enroll::{Enrollment, enrollment};
use super::requirement::Requirement;
use crate::domain::decision::Decision;
use crate::domain::method::MethodName;

/// Adapts a decision on `requirements` to the `guards` that must be satisfied before a device is enrolled. Only a
/// decision that asks for an enrollment changes:
///
/// | the guards | the decision |
/// |---|---|
/// | are satisfied | stays as it is |
/// | need a step-up | its plans name the steps of the guards as well |
/// | cannot be met now | unavailable, until the guards can be met |
/// | need an enrollment themselves | unavailable: nothing that the subject can do helps |
#[must_use]
pub fn allowed(
    decision: Decision,
    requirements: &[&Requirement],
    guards: &[&Requirement],
    situation: &Situation<'_>,
) -> Decision {
    let Decision::EnrollmentRequired { ways: open, .. } = &decision else { return decision };
    match decide_all(guards, situation) {
        Decision::Satisfied(_) => decision,
        Decision::StepUp { .. } => {
            let candidates = unique(situation.candidates).into_iter();
            let (usable, unusable): (Vec<_>, Vec<_>) = candidates.partition(|one| one.is_usable());
            let others = goals(guards, situation, &situation.counted(), &usable);
            let is_open = |way: &[MethodName]| open.iter().any(|open| open == way);
            match enrollment(requirements, situation, (&usable, &unusable), &others, is_open) {
                Some(Enrollment { ways, plans }) => Decision::EnrollmentRequired { ways, plans },
                None => stuck(),
            }
        }
        Decision::EnrollmentRequired { .. } => stuck(),
        Decision::Unavailable { reason, retry_at } => {
            let needs_operator = retry_at.is_none() && !may_do_alone(situation);
            let help = if needs_operator { "; an operator must help" } else { "" };
            let reason = format!("a device must be enrolled, and that is not possible now: {reason}{help}");
            Decision::Unavailable { reason, retry_at }
        }
    }
}

/// The decision where a device must be enrolled and the subject has as many as allowed. `guards` must be satisfied before
/// one is removed.
#[must_use]
pub fn full(guards: &[&Requirement], situation: &Situation<'_>) -> Decision {
    let (is_possible, retry_at) = match decide_all(guards, situation) {
        Decision::Satisfied(_) | Decision::StepUp { .. } => (true, None),
        Decision::EnrollmentRequired { .. } => (false, None),
        Decision::Unavailable { retry_at, .. } => (retry_at.is_some() || may_do_alone(situation), retry_at),
    };
    let then = if is_possible { "remove one first" } else { "an operator must help" };
    let reason = format!("a device must be enrolled, and the subject has as many as allowed: {then}");
    Decision::Unavailable { reason, retry_at }
}

/// True if the subject may do alone, with another client or without a transaction, what is unavailable here.
fn may_do_alone(situation: &Situation<'_>) -> bool {
    let is_elsewhere = |one: &Candidate| one.availability == Availability::ClientCannot;
    situation.asked.transaction.is_some() || situation.candidates.iter().any(is_elsewhere)
}

fn stuck() -> Decision {
    let reason = "a device must be enrolled, and nothing that the subject has left opens that: an operator \
                  must help";
    Decision::Unavailable { reason: reason.to_owned(), retry_at: None }
}
