//! `distinct` where its parts ask for more than one piece of evidence each: whether each source can be given to one
//! part, so that every part is met.
//!
//! Sources are given one by one, and of what was given so far only the leaves that it meets are kept. There are no more
//! sets of leaves than 2 to the number of leaves, which [`super::PACKED_LEAVES_MAX`] bounds.

use super::holds::{LeafSet, Node};

/// The steps that it takes to see what a source may be given to, to give a source, and to look at a new set of leaves.
const CHOOSING: u64 = 300;
const GIVING: u64 = 10;
const LOOKING: u64 = 40;

/// Whether it holds. Adds the steps that it took.
pub(super) fn fits(distinct: &Node, sources: &[LeafSet], steps: &mut u64) -> bool {
    let leaves: Vec<LeafSet> = bits(distinct.span()).collect();
    let mut is_known = vec![false; 1 << leaves.len()];
    let mut known: Vec<LeafSet> = vec![0];
    let useful = useful(sources, distinct);
    *steps += sources.len() as u64 * GIVING + useful.len() as u64 * CHOOSING;
    for met in useful {
        let choices = choices(distinct, met);
        for index in 0..known.len() {
            for choice in &choices {
                *steps += GIVING;
                let set = known[index] | choice;
                let place =
                    leaves.iter().rev().fold(0, |place, leaf| place << 1 | usize::from(set & leaf != 0));
                if std::mem::replace(&mut is_known[place], true) {
                    continue;
                }
                *steps += LOOKING;
                if is_met(distinct, set) {
                    return true;
                }
                known.push(set);
            }
        }
    }
    false
}

fn bits(set: LeafSet) -> impl Iterator<Item = LeafSet> {
    (0..LeafSet::BITS).map(|n| 1 << n).filter(move |bit| set & bit != 0)
}

/// The sources that can make a difference. No more than [`Node::pieces`] are ever used, so one that is outdone by as
/// many others is not needed.
fn useful(sources: &[LeafSet], distinct: &Node) -> Vec<LeafSet> {
    let (span, pieces) = (distinct.span(), distinct.pieces());
    let mut masks: Vec<LeafSet> = sources.iter().map(|met| met & span).filter(|met| *met != 0).collect();
    masks.sort_unstable_by_key(|met| (std::cmp::Reverse(met.count_ones()), *met));
    let mut kept: Vec<LeafSet> = Vec::with_capacity(masks.len());
    for met in masks {
        if kept.iter().filter(|other| *other & met == met).take(pieces).count() < pieces {
            kept.push(met);
        }
    }
    kept
}

/// The leaves that a source may be given to: within each `distinct`, those of one part. None within another.
fn choices(node: &Node, met: LeafSet) -> Vec<LeafSet> {
    let each = |start: LeafSet, parts: &[Node]| {
        parts.iter().fold(vec![start], |so_far, part| {
            let own = choices(part, met);
            maximal(so_far.iter().flat_map(|one| own.iter().map(move |two| one | two)).collect())
        })
    };
    match node {
        Node::Leaf(bit) => vec![met & bit],
        Node::Any { leaves, parts } | Node::All { leaves, parts } => each(met & leaves, parts),
        Node::AtLeast { parts, .. } => each(0, parts),
        Node::Distinct { parts, .. } => maximal(parts.iter().flat_map(|part| choices(part, met)).collect()),
    }
}

/// Without what is within another.
fn maximal(mut sets: Vec<LeafSet>) -> Vec<LeafSet> {
    sets.sort_unstable_by_key(|set| (std::cmp::Reverse(set.count_ones()), *set));
    let mut kept: Vec<LeafSet> = Vec::with_capacity(sets.len());
    for set in sets {
        if !kept.iter().any(|larger| larger & set == set) {
            kept.push(set);
        }
    }
    kept
}

/// Whether leaves that were given to sources meet it. No source was given to two parts of a `distinct`.
fn is_met(node: &Node, set: LeafSet) -> bool {
    match node {
        Node::Leaf(bit) => set & bit != 0,
        Node::Any { leaves, parts } => set & leaves != 0 || parts.iter().any(|part| is_met(part, set)),
        Node::All { leaves, parts } => set & leaves == *leaves && parts.iter().all(|part| is_met(part, set)),
        Node::AtLeast { count, parts } => {
            parts.iter().filter(|part| is_met(part, set)).take(*count).count() == *count
        }
        Node::Distinct { parts, .. } => parts.iter().all(|part| is_met(part, set)),
    }
}
