//! Devices that a subject would have to enroll so that a requirement can be met, and the proofs needed beside them.

use super::candidate::{Candidate, Effort};
use super::choice::cheapest;
use super::decide::{Situation, goals};
use super::goal::Goal;
use super::plan::plans;
use super::requirement::Requirement;
use super::search::{self, Class, Search};
use crate::domain::decision::Plan;
use crate::domain::evidence::Evidence;
use crate::domain::ids::DeviceId;
use crate::domain::method::{Method, MethodName, Sort};

/// How many ways are named.
const WAYS_MAX: usize = 16;

/// The ways with the fewest new devices, where everything that the subject has would be proved as well. None
/// if no kind helps.
pub(super) fn ways(
    requirements: &[&Requirement],
    situation: &Situation<'_>,
    evidence: &[&Evidence],
    present: &[&Candidate],
) -> Vec<Vec<MethodName>> {
    let copies = requirements.iter().map(|requirement| requirement.program().copies()).max().unwrap_or(1);
    let imagined = imagined(situation, copies);
    let all: Vec<&Candidate> = present.iter().copied().chain(&imagined).collect();
    let goals: Vec<_> = goals(requirements, situation, evidence, &all)
        .into_iter()
        .map(|goal| goal.granted(0..present.len()))
        .collect();
    // What is there is granted, so only imagined devices have anything to add.
    let groups = search::groups(&goals, &all);
    let classes: Vec<&Class> = groups.iter().flat_map(|group| &group.classes).collect();
    let mut search = Search::new(&goals, &groups);
    let mut ways: Vec<Vec<MethodName>> = Vec::new();
    for steps in search.numbers() {
        let found = search.of(steps);
        for (_, counts) in found.iter().flat_map(|taken| cheapest(&groups, taken, &all, WAYS_MAX)) {
            let chosen = classes.iter().zip(counts).flat_map(|(class, count)| &class.members[..count]);
            let mut kinds: Vec<_> = chosen.map(|index| all[*index].method.name().clone()).collect();
            kinds.sort();
            ways.push(kinds);
        }
        if !ways.is_empty() {
            break;
        }
    }
    ways.sort();
    ways.dedup();
    ways.truncate(WAYS_MAX);
    ways
}

/// Plans for the proofs that are needed beside an enrollment, whatever is enrolled: they reach `requirements` as if new
/// devices of every kind were proved, and `others` without them. Empty: nothing is needed. `None`: it cannot be
/// proved now.
pub(super) fn beside(
    requirements: &[&Requirement],
    situation: &Situation<'_>,
    evidence: &[&Evidence],
    usable: &[&Candidate],
    others: Vec<Goal<'_>>,
) -> Option<Vec<Plan>> {
    let copies = requirements.iter().map(|requirement| requirement.program().copies()).max().unwrap_or(1);
    let imagined = imagined(situation, copies);
    let all: Vec<&Candidate> = usable.iter().copied().chain(&imagined).collect();
    let goals = goals(requirements, situation, evidence, &all).into_iter();
    let goals: Vec<_> = goals.map(|goal| goal.granted(usable.len()..all.len())).chain(others).collect();
    let plans = plans(&goals, usable);
    // There is no plan where nothing is missing, and none where nothing helps.
    let is_done = plans.is_empty() && goals.iter().all(|goal| goal.is_reached(&goal.start()));
    (is_done || !plans.is_empty()).then_some(plans)
}

/// New devices of every kind and strength. Their ids hold a line break, which no real id may.
fn imagined(situation: &Situation<'_>, copies: usize) -> Vec<Candidate> {
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
