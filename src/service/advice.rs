//! Decisions that ask for an enrollment, adapted to what the guard of enrollments allows.

use super::guard::Guarded;
use super::scene::Scene;
use super::{Service, opening};
use crate::assurance::advice::{allowed, full};
use crate::assurance::requirement::Requirement;
use crate::auth::Caller;
use crate::domain::decision::Decision;
use crate::domain::device::Kind;
use crate::domain::method::MethodName;
use crate::error::Error;

impl Service {
    /// The decision that the caller gets. If it asks for an enrollment, `EnrollDevice` allows that in the same context,
    /// once the steps of a plan are taken.
    pub(super) fn advised(
        &self,
        caller: &Caller,
        scene: &Scene<'_>,
        requirements: &[&Requirement],
        decision: Decision,
    ) -> Result<Decision, Error> {
        let Decision::EnrollmentRequired { ways, plans } = &decision else { return Ok(decision) };
        let Scene { standing, context, now, .. } = scene;
        let room = self.room(caller, &standing.devices);
        if ways.iter().all(|way| way.len() > room) {
            return no_room(scene);
        }
        let pending_for = self.policy(caller).pending_for;
        if opening::lets_pass(Guarded::Enroll, standing, context, pending_for, *now) {
            return Ok(decision);
        }
        let with_codes = allowed_by(Guarded::EnrollCodes, scene, requirements, decision.clone())?;
        let ways: Vec<_> = ways.iter().filter(|way| !needs_codes(way)).cloned().collect();
        if ways.is_empty() {
            return Ok(with_codes);
        }
        let others = Decision::EnrollmentRequired { ways, plans: plans.clone() };
        let others = allowed_by(Guarded::Enroll, scene, requirements, others)?;
        // Ways with recovery codes are named only if their guards ask for no more.
        Ok(if is_same_before(&with_codes, &others) { with_codes } else { others })
    }
}

/// The decision if the subject has too many devices to get those that it lacks.
fn no_room(scene: &Scene<'_>) -> Result<Decision, Error> {
    let question = Guarded::Remove.question();
    let applied = Service::requirements_of(&scene.book, &question)?;
    let guards: Vec<&Requirement> = applied.iter().flat_map(|one| one.all.iter().copied()).collect();
    Ok(full(&guards, &scene.situation()))
}

/// The decision as a guard allows it.
fn allowed_by(
    guarded: Guarded,
    scene: &Scene<'_>,
    requirements: &[&Requirement],
    decision: Decision,
) -> Result<Decision, Error> {
    let question = guarded.question();
    let applied = Service::requirements_of(&scene.book, &question)?;
    let guards: Vec<&Requirement> = applied.iter().flat_map(|one| one.all.iter().copied()).collect();
    Ok(allowed(decision, requirements, &guards, &scene.situation()))
}

/// True if a list of recovery codes is one of the new devices.
fn needs_codes(way: &[MethodName]) -> bool {
    way.iter().any(|name| name.as_str() == Kind::RecoveryCodes.as_str())
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
