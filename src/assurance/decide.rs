//! Decides a requirement: a pure function of the requirement, the evidence, what could still be proved, and
//! the time.

use super::candidate::{Availability, Candidate};
use super::counting::{Asked, counts};
use super::enroll::{Enrollment, enrollment};
use super::goal::Goal;
use super::lasting::lasting;
use super::plan::plans;
use super::requirement::{Requirement, shortest};
use super::steps::Steps;
use super::vocabulary::Vocabulary;
use crate::domain::decision::{Decision, Satisfied};
use crate::domain::evidence::Evidence;
use crate::domain::moment::Moment;

/// The steps that comparing a leaf with a piece of evidence or a candidate takes.
const COMPARING: u64 = 10;

/// All that a decision depends on, apart from the requirement.
#[derive(Debug, Clone)]
pub struct Situation<'a> {
    /// Where and when.
    pub asked: Asked<'a>,
    /// The subject's evidence. What does not count is left out by the decision itself.
    pub evidence: &'a [Evidence],
    /// The subject's devices and the external methods, usable or not.
    pub candidates: &'a [Candidate],
    /// What could be enrolled.
    pub vocabulary: &'a Vocabulary,
    /// The steps that searching plans may take.
    pub steps: &'a Steps,
}

impl Situation<'_> {
    /// The evidence that counts.
    #[must_use]
    pub fn counted(&self) -> Vec<&Evidence> {
        self.evidence.iter().filter(|evidence| counts(evidence, &self.asked).is_ok()).collect()
    }
}

/// Decides one requirement.
#[must_use]
pub fn decide(requirement: &Requirement, situation: &Situation<'_>) -> Decision {
    decide_all(&[requirement], situation)
}

/// Decides several requirements as one: satisfied if each is, and each plan serves them all, with the fewest
/// prompts. One passkey now, instead of a code now and a passkey in a minute.
///
/// Whether it is satisfied, and whether there is a plan, is always exact. If the steps run out, the plan is minimal but
/// may not be of least effort, and devices that are to be enrolled may not be the fewest, or not be found.
#[must_use]
pub fn decide_all(requirements: &[&Requirement], situation: &Situation<'_>) -> Decision {
    let evidence = situation.counted();
    match satisfied(requirements, &evidence, situation.asked.now) {
        Some(satisfied) => Decision::Satisfied(satisfied),
        None => unsatisfied(requirements, situation, &evidence),
    }
}

/// By which evidence several requirements are all satisfied. `None`: one of them is not.
#[must_use]
pub fn satisfied_all(requirements: &[&Requirement], situation: &Situation<'_>) -> Option<Satisfied> {
    satisfied(requirements, &situation.counted(), situation.asked.now)
}

fn unsatisfied(requirements: &[&Requirement], situation: &Situation<'_>, evidence: &[&Evidence]) -> Decision {
    let candidates = unique(situation.candidates);
    let (usable, unusable): (Vec<_>, Vec<_>) = candidates.into_iter().partition(|one| one.is_usable());
    let reach = |candidates: &[&Candidate]| goals(requirements, situation, evidence, candidates);
    let plans = plans(&reach(&usable), &usable, situation.steps);
    if !plans.is_empty() {
        return Decision::StepUp { plans };
    }
    let all: Vec<&Candidate> = usable.iter().chain(&unusable).copied().collect();
    let goals = reach(&all);
    let reached = |usable: &dyn Fn(&Candidate) -> bool| {
        let taken = || all.iter().enumerate().filter(|(_, one)| usable(one)).map(|(index, _)| (index, true));
        goals.iter().all(|goal| goal.is_reached_by(taken()))
    };
    if reached(&|_| true) {
        let useful = |index: usize| goals.iter().any(|goal| goal.distinction(index).0 != 0);
        let useful: Vec<&Candidate> = (0..all.len()).filter(|n| useful(*n)).map(|n| all[n]).collect();
        let reason = reason(&useful, situation.asked.now);
        let throttled = unusable.iter().filter_map(|one| free_at(one));
        let retry_at = throttled.filter(|at| reached(&|one| is_free(one, *at))).min();
        return Decision::Unavailable { reason, retry_at };
    }
    if let Some(decision) = without_transaction(requirements, situation) {
        return decision;
    }
    if let Some(Enrollment { ways, plans }) =
        enrollment(requirements, situation, (&usable, &unusable), &[], |_| true)
    {
        return Decision::EnrollmentRequired { ways, plans };
    }
    let asks_for_transaction = requirements.iter().any(|requirement| requirement.is_for_transaction());
    let reason = if situation.asked.transaction.is_none() && asks_for_transaction {
        "evidence for a transaction is asked for, and no transaction was named"
    } else {
        "no kind of device and no method that is known here could give it"
    };
    Decision::Unavailable { reason: reason.to_owned(), retry_at: None }
}

/// The decision where the context names a transaction and a leaf refuses evidence for one. Proofs in such a context
/// are given for the transaction, so no plan and no new device would do, and the caller has to ask without it. If that
/// does not help either, the decision is the one without the transaction. `None`: neither applies.
fn without_transaction(requirements: &[&Requirement], situation: &Situation<'_>) -> Option<Decision> {
    if situation.asked.transaction.is_none() || !requirements.iter().any(|one| one.is_guarding()) {
        return None;
    }
    let asked = Asked { transaction: None, ..situation.asked.clone() };
    let decision = decide_all(requirements, &Situation { asked, ..situation.clone() });
    let mixed = requirements.iter().any(|requirement| requirement.is_for_transaction());
    Some(match decision {
        Decision::Unavailable { .. } if mixed => Decision::Unavailable {
            reason:
                "some of it must be given for the transaction, and some before, without transaction_digest"
                    .to_owned(),
            retry_at: None,
        },
        Decision::StepUp { .. } => Decision::Unavailable {
            reason: "what is missing must not be given for a transaction: ask without transaction_digest"
                .to_owned(),
            retry_at: None,
        },
        other => other,
    })
}

pub(super) fn goals<'a>(
    requirements: &[&'a Requirement],
    situation: &Situation<'_>,
    evidence: &[&Evidence],
    candidates: &[&Candidate],
) -> Vec<Goal<'a>> {
    let Asked { transaction, now, .. } = situation.asked;
    let leaves = requirements.iter().map(|requirement| requirement.leaves().len()).sum::<usize>();
    situation.steps.take((leaves * (evidence.len() + candidates.len())) as u64 * COMPARING);
    let goal = |requirement| Goal::new(requirement, evidence, candidates, transaction.is_some(), now);
    requirements.iter().map(|requirement| goal(*requirement)).collect()
}

fn satisfied(requirements: &[&Requirement], evidence: &[&Evidence], now: Moment) -> Option<Satisfied> {
    let mut used: Vec<&Evidence> = Vec::new();
    let mut valid_until: Option<Moment> = None;
    for requirement in requirements {
        let lasting = lasting(requirement, evidence, now)?;
        valid_until = Some(valid_until.map_or(lasting.until, |until| until.min(lasting.until)));
        used.extend(lasting.evidence);
    }
    used.sort_by(|a, b| a.id.cmp(&b.id));
    used.dedup_by(|a, b| a.id == b.id);
    let for_transaction = used.iter().filter(|evidence| evidence.is_for_transaction());
    Some(Satisfied {
        used_up: for_transaction.map(|evidence| evidence.id.clone()).collect(),
        evidence: used.iter().map(|evidence| evidence.id.clone()).collect(),
        valid_until: valid_until?,
    })
}

/// Each device and method once, should one be given twice.
pub(super) fn unique(candidates: &[Candidate]) -> Vec<&Candidate> {
    let mut kept: Vec<&Candidate> = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        if !kept.iter().any(|other| other.method == candidate.method) {
            kept.push(candidate);
        }
    }
    kept
}

fn free_at(candidate: &Candidate) -> Option<Moment> {
    match candidate.availability {
        Availability::Throttled { until } => Some(until),
        _ => None,
    }
}

fn is_free(candidate: &Candidate, at: Moment) -> bool {
    candidate.is_usable() || free_at(candidate).is_some_and(|until| until <= at)
}

/// Why nothing can be done now, in words.
fn reason(candidates: &[&Candidate], now: Moment) -> String {
    let mut reasons: Vec<String> = Vec::new();
    for candidate in candidates {
        let why = match candidate.availability {
            Availability::Now => continue,
            Availability::Throttled { until } => {
                let left = until.since(now).as_micros().div_ceil(1_000_000);
                let left = std::time::Duration::from_secs(u64::try_from(left).unwrap_or(u64::MAX));
                format!("is throttled for {}", shortest(left))
            }
            Availability::Locked => "is locked".to_owned(),
            Availability::Suspended => "is suspended".to_owned(),
            Availability::ClientCannot => "cannot be used with this client".to_owned(),
            Availability::NewerRelease => "can be used by a newer release of the server only".to_owned(),
        };
        let reason = format!("{} {why}", candidate.method.name());
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    reasons.join("; ")
}
