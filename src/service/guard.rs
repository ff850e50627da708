//! The sidecar guards itself: what could weaken a subject's protection needs evidence of that subject, as the
//! requirements `countersign.enroll`, `.remove` and `.recover` say. Adding a passkey from a session that has
//! proved a password only is how protection by several factors is got around.

use super::evaluate::{Consequences, Question};
use super::planning::Patience;
use super::{Service, opening};
use crate::assurance::presets::{ENROLL, RECOVER, REMOVE};
use crate::auth::{Caller, Role};
use crate::domain::context::Context;
use crate::domain::kind::Kind;
use crate::domain::moment::Moment;
use crate::domain::refusal::Refusal;
use crate::error::Error;
use crate::kinds::recovery_codes;
use crate::store::{Standing, Wanted};

/// What is guarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guarded {
    /// Adding a device.
    Enroll,
    /// Adding a list of recovery codes: it adds a device, and makes recovery codes.
    EnrollCodes,
    /// Removing a device, or setting it aside.
    Remove,
    /// Making recovery codes.
    Recover,
    /// Resuming a suspended device.
    Resume,
}

impl Guarded {
    /// The enrollment of a device of that kind.
    pub(super) fn enrollment(kind: &Kind) -> Self {
        if *kind == recovery_codes::KIND { Self::EnrollCodes } else { Self::Enroll }
    }

    /// A question that asks for the guard's requirements.
    pub(super) fn question(self) -> Question {
        let requirements = self.requirements().iter().map(|name| (*name).to_owned()).collect();
        Question { requirements, ..Question::default() }
    }

    fn requirements(self) -> &'static [&'static str] {
        match self {
            Self::Enroll | Self::Resume => &[ENROLL],
            Self::EnrollCodes => &[ENROLL, RECOVER],
            Self::Remove => &[REMOVE],
            Self::Recover => &[RECOVER],
        }
    }
}

/// What a guarded call has to read of its subject.
pub(super) fn wanted(context: Option<&Context>, now: Moment) -> Wanted<'_> {
    context.map_or(Wanted::Devices, |context| Wanted::Here(context, now))
}

impl Service {
    /// Lets a guarded call pass, or says what the subject must prove first. Without a context it is an operator's
    /// call. A subject that has no device, or only ones that were never confirmed, has nothing that could be
    /// weakened. A locked or suspended device still guards: whoever has the password must not get around it by failing
    /// until it is locked. The session that made the first device may finish the [first set-up](opening).
    pub(super) async fn guard(
        &self,
        caller: &Caller,
        guarded: Guarded,
        context: Option<&Context>,
        standing: &Standing,
        now: Moment,
    ) -> Result<Consequences, Error> {
        let Some(context) = context else {
            caller.require(Role::Admin).map_err(|_| Refusal::ContextMissing)?;
            return Ok(Consequences::default());
        };
        let pending_for = self.policy(caller).pending_for;
        if opening::lets_pass(guarded, standing, context, pending_for, now) {
            return Ok(Consequences::default());
        }
        let scene = self.scene(caller, standing, context, &[], now)?;
        let (decisions, consequences) =
            self.answer(caller, &scene, &guarded.question(), Patience::GoesOn).await?;
        match decisions.each.into_iter().find(|decided| !decided.decision.is_satisfied()) {
            Some(decided) => Err(Refusal::StepUpRequired(Box::new(decided)).into()),
            None => Ok(Consequences { graced: false, ..consequences }),
        }
    }
}
