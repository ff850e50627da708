//! What is to be reached: requirements, what is held of them, and what each candidate would add.

use super::candidate::Candidate;
use super::lasting::{leaves, met, source};
use super::requirement::Requirement;
use super::requirement::holds::{LeafSet, Program};
use crate::domain::evidence::Evidence;
use crate::domain::method::Method;
use crate::domain::moment::Moment;
use crate::domain::strength::{Properties, Strength};

/// One requirement and how far the subject is.
#[derive(Debug, Clone)]
pub struct Goal<'a> {
    program: &'a Program,
    /// The leaves that each source meets already. One source stands for all where they are not told apart.
    held: Vec<LeafSet>,
    /// What each candidate would add.
    offers: Vec<Offer>,
}

/// What a candidate would add.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Offer {
    /// To the leaves of this source.
    source: usize,
    /// These leaves.
    pub leaves: LeafSet,
    /// These, if the user is not verified.
    pub unverified: LeafSet,
}

/// What sets candidates apart as to one goal: two that agree in it can stand for each other in any plan.
pub type Trait = (LeafSet, LeafSet, LeafSet);

impl<'a> Goal<'a> {
    /// `evidence` counts, by `counts`. `for_transaction`: what is proved from now on is proved for the
    /// transaction at hand.
    #[must_use]
    pub fn new(
        requirement: &'a Requirement,
        evidence: &[&Evidence],
        candidates: &[&Candidate],
        for_transaction: bool,
        now: Moment,
    ) -> Self {
        let program = requirement.program();
        let mut sources: Vec<&Method> = Vec::new();
        let mut held: Vec<LeafSet> = Vec::new();
        let mut place = |method| if program.is_distinct() { source(&mut sources, method) } else { 0 };
        for evidence in evidence {
            let leaves = met(requirement, evidence, now);
            if leaves != 0 {
                add(&mut held, place(&evidence.method), leaves);
            }
        }
        let offered = |method: &Method, strength: &Strength| {
            offered(requirement, method, strength.properties(), for_transaction)
        };
        let mut offers = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            let Candidate { method, strength, unverified, .. } = candidate;
            let leaves = offered(method, strength);
            let unverified =
                unverified.as_ref().map_or(leaves, |strength| offered(method, strength) & leaves);
            let source = place(method);
            add(&mut held, source, 0);
            offers.push(Offer { source, leaves, unverified });
        }
        Self { program, held, offers }
    }

    /// As if those candidates were proved already.
    #[must_use]
    pub fn granted(mut self, candidates: impl Iterator<Item = usize>) -> Self {
        candidates.for_each(|index| {
            let Offer { source, leaves, .. } = self.offers[index];
            self.held[source] |= leaves;
        });
        self
    }

    /// What sets a candidate apart. By whom a leaf is met matters only where sources are told apart.
    #[must_use]
    pub fn distinction(&self, candidate: usize) -> Trait {
        let Offer { source, leaves, unverified } = self.offers[candidate];
        let apart = self.program.told_apart();
        let met = self.held.iter().fold(0, |all, held| all | held) & !apart | self.held[source];
        (leaves & !met, unverified & !met, self.held[source] & apart)
    }

    /// What it asks.
    #[must_use]
    pub fn program(&self) -> &Program {
        self.program
    }

    /// What is met before any step.
    #[must_use]
    pub fn start(&self) -> Vec<LeafSet> {
        self.held.clone()
    }

    /// What is met after one more step.
    pub fn take(&self, state: &mut [LeafSet], candidate: usize, verified: bool) {
        let Offer { source, leaves, unverified } = self.offers[candidate];
        state[source] |= if verified { leaves } else { unverified };
    }

    /// Whether it is reached.
    #[must_use]
    pub fn is_reached(&self, state: &[LeafSet]) -> bool {
        self.program.holds(state)
    }

    /// The number of sources that are told apart.
    #[must_use]
    pub fn sources(&self) -> usize {
        self.held.len()
    }

    /// Whether it is reached when these candidates are proved.
    #[must_use]
    pub fn is_reached_by(&self, candidates: impl Iterator<Item = (usize, bool)>) -> bool {
        let mut state = self.start();
        candidates.for_each(|(index, verified)| self.take(&mut state, index, verified));
        self.is_reached(&state)
    }
}

fn add(held: &mut Vec<LeafSet>, source: usize, leaves: LeafSet) {
    if held.len() <= source {
        held.resize(source + 1, 0);
    }
    held[source] |= leaves;
}

/// The leaves that new evidence meets: it is fresh, so any `within` holds.
fn offered(
    requirement: &Requirement,
    method: &Method,
    properties: Properties,
    for_transaction: bool,
) -> LeafSet {
    leaves(requirement, |leaf| leaf.takes(for_transaction) && leaf.selector.accepts(method, properties))
}
