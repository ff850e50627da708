//! Decisions that ask for an enrollment, checked against the guard of enrollments: a subject with devices must
//! satisfy `countersign.enroll` before it gets another one.

use super::candidate::{Availability, Candidate};
use super::decide::{Situation, decide_all, goals, unique};
use super::enroll::{Enrollment, enrollment};
use super::requirement::Requirement;
use crate::domain::decision::Decision;

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
    if !matches!(decision, Decision::EnrollmentRequired { .. }) {
        return decision;
    }
    match decide_all(guards, situation) {
        Decision::Satisfied(_) => decision,
        Decision::StepUp { .. } => {
            let candidates = unique(situation.candidates).into_iter();
            let (usable, unusable): (Vec<_>, Vec<_>) = candidates.partition(|one| one.is_usable());
            let others = goals(guards, situation, &situation.counted(), &usable);
            match enrollment(requirements, situation, (&usable, &unusable), &others) {
                Some(Enrollment { ways, plans }) => Decision::EnrollmentRequired { ways, plans },
                None => stuck(),
            }
        }
        Decision::EnrollmentRequired { .. } => stuck(),
        Decision::Unavailable { reason, retry_at } => {
            let is_elsewhere = |one: &Candidate| one.availability == Availability::ClientCannot;
            // With another client, or without a transaction, the subject may do it alone.
            let is_alone =
                situation.asked.transaction.is_some() || situation.candidates.iter().any(is_elsewhere);
            let needs_operator = retry_at.is_none() && !is_alone;
            let help = if needs_operator { "; an operator must help" } else { "" };
            let reason = format!("a device must be enrolled, and that is not possible now: {reason}{help}");
            Decision::Unavailable { reason, retry_at }
        }
    }
}

fn stuck() -> Decision {
    let reason = "a device must be enrolled, and nothing that the subject has left opens that: an operator \
                  must help";
    Decision::Unavailable { reason: reason.to_owned(), retry_at: None }
}
