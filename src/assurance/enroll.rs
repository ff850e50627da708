//! Devices that a subject would have to enroll so that a requirement can be met, and the proofs needed beside them.

use super::candidate::Candidate;
use super::choice::{cheapest, reduced};
use super::decide::{Situation, goals};
use super::goal::Goal;
use super::plan::plans;
use super::requirement::Requirement;
use super::search::{self, Class, Search};
use super::steps::Steps;
use crate::domain::decision::Plan;
use crate::domain::evidence::Evidence;
use crate::domain::ids::DeviceId;
use crate::domain::kind::Effort;
use crate::domain::method::{Method, MethodName, Sort};

/// How many ways are named.
const WAYS_MAX: usize = 16;

/// The least enrollment by which a requirement can be met.
#[derive(Debug)]
pub(super) struct Enrollment {
    /// Kinds of new devices: each of these sets will do.
    pub(super) ways: Vec<Vec<MethodName>>,
    /// Plans for the proofs beside the new devices, the same whichever way is taken. Empty: nothing is needed.
    pub(super) plans: Vec<Plan>,
}

/// The ways with the fewest new devices, and of those the ones that need the fewest proofs beside them. Only ways that
/// `is_open` lets pass are named. `others` must be reached by the proofs alone, without a new device. `None`: no kind
/// helps, or a proof that is needed cannot be given now.
pub(super) fn enrollment<'a>(
    requirements: &[&'a Requirement],
    situation: &Situation<'_>,
    (usable, unusable): (&[&Candidate], &[&Candidate]),
    others: &[Goal<'a>],
    is_open: impl Fn(&[MethodName]) -> bool,
) -> Option<Enrollment> {
    let evidence = situation.counted();
    let imagined = imagined(situation, requirements);
    let present: Vec<&Candidate> = usable.iter().chain(unusable).copied().collect();
    let mut found: Vec<(usize, Vec<MethodName>, Vec<Plan>)> = Vec::new();
    for devices in fewest(requirements, situation, &evidence, &present, &imagined) {
        let mut kinds: Vec<_> = devices.iter().map(|device| device.method.name().clone()).collect();
        kinds.sort();
        if !is_open(&kinds) {
            continue;
        }
        if situation.steps.have_run_out() && !found.is_empty() {
            break;
        }
        let goals = with(requirements, situation, &evidence, usable, &devices).chain(others.iter().cloned());
        let Some(plans) = missing(&goals.collect::<Vec<_>>(), usable, situation.steps) else { continue };
        found.push((plans.first().map_or(0, |plan| plan.steps.len()), kinds, plans));
    }
    found.sort_by(|(few, some, _), (many, others, _)| (few, some).cmp(&(many, others)));
    let plans = found.first()?.2.clone();
    let mut ways: Vec<_> =
        found.into_iter().filter(|(.., same)| *same == plans).map(|(_, kinds, _)| kinds).collect();
    ways.dedup();
    Some(Enrollment { ways, plans })
}

/// The smallest sets of imagined devices that will do where everything that the subject has is proved as well. If the
/// steps run out, one set of which none can be left out.
fn fewest<'c>(
    requirements: &[&Requirement],
    situation: &Situation<'_>,
    evidence: &[&Evidence],
    present: &[&Candidate],
    imagined: &'c [Candidate],
) -> Vec<Vec<&'c Candidate>> {
    let all: Vec<&Candidate> = present.iter().copied().chain(imagined).collect();
    let goals: Vec<_> = goals(requirements, situation, evidence, &all)
        .into_iter()
        .map(|goal| goal.granted(0..present.len()))
        .collect();
    // What is there is granted, so only imagined devices have anything to add.
    let groups = search::groups(&goals, &all);
    let classes: Vec<&Class> = groups.iter().flat_map(|group| &group.classes).collect();
    let set = |counts: Vec<usize>| -> Vec<&'c Candidate> {
        let chosen = classes.iter().zip(counts).flat_map(|(class, count)| &class.members[..count]);
        chosen.filter_map(|index| imagined.get(index.checked_sub(present.len())?)).collect()
    };
    // The advice on a decision asks for the same sets again.
    let steps = Steps::of_enrollment();
    let mut counted = 0;
    let mut search = Search::new(&goals, &groups, &steps);
    for number in search.numbers() {
        let found = search.of(number);
        let choices = found.iter().flat_map(|taken| cheapest(&groups, taken, &all, WAYS_MAX));
        let sets: Vec<_> = choices.map(|(_, counts)| set(counts)).take(WAYS_MAX).collect();
        if steps.have_run_out() {
            situation.steps.run_out();
        }
        situation.steps.take(steps.taken() - counted);
        counted = steps.taken();
        if !sets.is_empty() {
            return sets;
        }
        if steps.have_run_out() {
            return reduced(&goals, &groups, &all).map(set).into_iter().collect();
        }
    }
    Vec::new()
}

/// The goals as if these new devices were proved.
fn with<'a>(
    requirements: &[&'a Requirement],
    situation: &Situation<'_>,
    evidence: &[&Evidence],
    usable: &[&Candidate],
    devices: &[&Candidate],
) -> impl Iterator<Item = Goal<'a>> {
    let all: Vec<&Candidate> = usable.iter().chain(devices).copied().collect();
    let new = usable.len()..all.len();
    goals(requirements, situation, evidence, &all).into_iter().map(move |goal| goal.granted(new.clone()))
}

/// Plans for what is missing. `None`: it cannot be proved now.
fn missing(goals: &[Goal<'_>], usable: &[&Candidate], steps: &Steps) -> Option<Vec<Plan>> {
    let plans = plans(goals, usable, steps);
    // There is no plan where nothing is missing, and none where nothing helps.
    let is_done = plans.is_empty() && goals.iter().all(|goal| goal.is_reached(&goal.start()));
    (is_done || !plans.is_empty()).then_some(plans)
}

/// New devices of every kind and strength. Their ids hold a line break, which no real id may.
fn imagined(situation: &Situation<'_>, requirements: &[&Requirement]) -> Vec<Candidate> {
    let copies = requirements.iter().map(|requirement| requirement.program().copies()).max().unwrap_or(1);
    let mut devices = Vec::new();
    for entry in situation.vocabulary.kinds() {
        let Sort::Kind(kind) = &entry.sort else { continue };
        for strength in &entry.strengths {
            for _ in 0..copies {
                let id = DeviceId::trusted(&format!("\n{}", devices.len()));
                let method = Method::Device { kind: kind.clone(), device: id };
                devices.push(Candidate::new(method, strength.clone(), Effort::Code));
            }
        }
    }
    devices
}
