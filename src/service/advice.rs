//! Decisions that ask for an enrollment, adapted to what the guard of enrollments allows.

use super::evaluate::Question;
use super::guard::Guarded;
use super::scene::Scene;
use super::{Service, opening};
use crate::assurance::advice::{allowed, full};
use crate::assurance::requirement::Requirement;
use crate::assurance::steps::Steps;
use crate::auth::Caller;
use crate::domain::decision::Decision;
use crate::domain::method::MethodName;
use crate::error::Error;
use crate::kinds::recovery_codes;

impl Service {
    /// The decision that the caller gets. If it asks for an enrollment, `EnrollDevice` allows that in the same context,
    /// once the steps of a plan are taken.
    pub(super) fn advised(
        &self,
        caller: &Caller,
        scene: &Scene<'_>,
        requirements: &[&Requirement],
        decision: Decision,
        steps: &Steps,
    ) -> Result<Decision, Error> {
        let Decision::EnrollmentRequired { ways, plans } = &decision else { return Ok(decision) };
        let Scene { standing, context, now, .. } = scene;
        let room = self.room(caller, &standing.devices);
        if ways.iter().all(|way| way.len() > room) {
            return no_room(scene, steps);
        }
        let pending_for = self.policy(caller).pending_for;
        if opening::lets_pass(Guarded::Enroll, standing, context, pending_for, *now) {
            return Ok(decision);
        }
        let (with_codes, others): (Vec<_>, Vec<_>) = ways.iter().cloned().partition(|way| needs_codes(way));
        if with_codes.is_empty() {
            return allowed_by(Guarded::Enroll, scene, requirements, decision, steps);
        }
        let plans = plans.clone();
        let by_both = allowed_by(Guarded::EnrollCodes, scene, requirements, decision, steps)?;
        if others.is_empty() {
            return Ok(by_both);
        }
        let others = Decision::EnrollmentRequired { ways: others, plans };
        let by_one = allowed_by(Guarded::Enroll, scene, requirements, others, steps)?;
        // Ways with recovery codes are named only if their guards ask for no more.
        Ok(if is_same_before(&by_both, &by_one) { by_both } else { by_one })
    }
}

/// The decision if the subject has too many devices to get those that it lacks.
fn no_room(scene: &Scene<'_>, steps: &Steps) -> Result<Decision, Error> {
    let question = Guarded::Remove.question();
    let guards = guards(&question, scene)?;
    Ok(full(&guards, &scene.situation(steps)))
}

/// The decision as a guard allows it.
fn allowed_by(
    guarded: Guarded,
    scene: &Scene<'_>,
    requirements: &[&Requirement],
    decision: Decision,
    steps: &Steps,
) -> Result<Decision, Error> {
    let question = guarded.question();
    let guards = guards(&question, scene)?;
    Ok(allowed(decision, requirements, &guards, &scene.situation(steps)))
}

/// The requirements of a guard.
fn guards<'b>(question: &Question, scene: &'b Scene<'_>) -> Result<Vec<&'b Requirement>, Error> {
    let applied = Service::requirements_of(&scene.book, question)?;
    Ok(applied.into_iter().flat_map(|one| one.all).collect())
}

/// True if a list of recovery codes is one of the new devices.
fn needs_codes(way: &[MethodName]) -> bool {
    way.iter().any(|name| name.as_str() == recovery_codes::KIND.as_str())
}

/// True if both ask for an enrollment, and for the same steps before it.
fn is_same_before(one: &Decision, other: &Decision) -> bool {
    match (one, other) {
        (
            Decision::EnrollmentRequired { plans: one, .. },
            Decision::EnrollmentRequired { plans: other, .. },
        ) => one == other,
        _ => false,
    }
}
