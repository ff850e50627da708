//! Advice to enroll that can be followed: a subject whose devices guard it must satisfy the requirement
//! `countersign.enroll` before it gets another device.

use super::candidate::{Availability, Candidate};
use super::counting::Asked;
use super::decide::{Situation, decide_all, goals, unique};
use super::enroll;
use super::requirement::Requirement;
use crate::domain::decision::Decision;

/// The decision that is told of requirements, where the guards must be satisfied before a device is enrolled.
/// Only a decision that asks for an enrollment changes:
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
    let Decision::EnrollmentRequired { ways, .. } = &decision else { return decision };
    let guarding = of_guards(guards, situation);
    match decide_all(guards, &guarding) {
        Decision::Satisfied(_) => decision,
        Decision::StepUp { .. } => {
            let candidates = unique(situation.candidates);
            let usable: Vec<&Candidate> = candidates.into_iter().filter(|one| one.is_usable()).collect();
            let others = goals(guards, &guarding, &guarding.counted(), &usable);
            let beside = enroll::beside(requirements, situation, &situation.counted(), &usable, others);
            match beside {
                Some(plans) => Decision::EnrollmentRequired { ways: ways.clone(), plans },
                None => stuck(),
            }
        }
        Decision::EnrollmentRequired { .. } => stuck(),
        Decision::Unavailable { reason, retry_at } => {
            let is_elsewhere = |one: &Candidate| one.availability == Availability::ClientCannot;
            let needs_operator = retry_at.is_none() && !situation.candidates.iter().any(is_elsewhere);
            let help = if needs_operator { "; an operator must help" } else { "" };
            let reason = format!("a device must be enrolled, and that is not possible now: {reason}{help}");
            Decision::Unavailable { reason, retry_at }
        }
    }
}

/// What a guard goes by: evidence that was given for a transaction opens nothing, unless the guard asks for it.
fn of_guards<'a>(guards: &[&Requirement], situation: &Situation<'a>) -> Situation<'a> {
    let asks_for_it = guards.iter().any(|guard| guard.is_for_transaction());
    let transaction = situation.asked.transaction.filter(|_| asks_for_it);
    Situation { asked: Asked { transaction, ..situation.asked.clone() }, ..situation.clone() }
}

fn stuck() -> Decision {
    let reason = "a device must be enrolled, and nothing that the subject has left opens that: an operator \
                  must help";
    Decision::Unavailable { reason: reason.to_owned(), retry_at: None }
}
