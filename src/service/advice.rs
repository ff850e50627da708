//! Decisions that ask for an enrollment, adapted to what the guard of enrollments allows.

use super::guard::Guarded;
use super::scene::Scene;
use super::{Service, opening};
use crate::assurance::advice::allowed;
use crate::assurance::requirement::Requirement;
use crate::auth::Caller;
use crate::domain::decision::Decision;
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
        if !matches!(decision, Decision::EnrollmentRequired { .. }) {
            return Ok(decision);
        }
        let Scene { standing, context, now, .. } = scene;
        let pending_for = self.policy(caller).pending_for;
        if opening::lets_pass(Guarded::Enroll, standing, context, pending_for, *now) {
            return Ok(decision);
        }
        let question = Guarded::Enroll.question();
        let applied = Self::requirements_of(&scene.book, &question)?;
        let guards: Vec<&Requirement> = applied.iter().flat_map(|one| one.all.iter().copied()).collect();
        Ok(allowed(decision, requirements, &guards, &scene.situation()))
    }
}
