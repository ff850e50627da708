//! `distinct` where its parts ask for more than one piece of evidence each: which sets of sources will do,
//! so that none serves two parts.

use super::holds::{LeafSet, Node};

/// A set of sources.
type Used = u128;

/// Whether it holds.
pub(super) fn fits(distinct: &Node, sources: &[LeafSet]) -> bool {
    let pieces = distinct.pieces();
    let useful = useful(sources, distinct.span(), pieces);
    !options(distinct, &useful).is_empty()
}

/// The sources that can make a difference: no more than `pieces` are ever used, so one that is outdone by as
/// many others is not needed. What is left after that and does not fit into a set is not looked at: then a
/// requirement may be refused that could be granted, never the other way round.
fn useful(sources: &[LeafSet], span: LeafSet, pieces: usize) -> Vec<LeafSet> {
    let mut masks: Vec<LeafSet> = sources.iter().map(|met| met & span).filter(|met| *met != 0).collect();
    masks.sort_unstable_by_key(|met| std::cmp::Reverse(met.count_ones()));
    let mut kept: Vec<LeafSet> = Vec::with_capacity(masks.len());
    for met in masks {
        if kept.iter().filter(|other| *other & met == met).count() < pieces {
            kept.push(met);
        }
    }
    kept.truncate(Used::BITS as usize);
    kept
}

/// The sets of sources by which it can be met, none within another.
fn options(node: &Node, sources: &[LeafSet]) -> Vec<Used> {
    let leaf = |wanted: LeafSet| -> Vec<Used> {
        let meeting = sources.iter().enumerate().filter(|(_, met)| *met & wanted != 0);
        meeting.map(|(index, _)| 1 << index).collect()
    };
    match node {
        Node::Leaf(bit) => leaf(*bit),
        Node::Any { leaves, parts } => {
            let mut found = leaf(*leaves);
            parts.iter().for_each(|part| found.extend(options(part, sources)));
            minimal(found)
        }
        Node::All { leaves, parts } => {
            let bits = (0..LeafSet::BITS).map(|n| 1 << n).filter(|bit| leaves & bit != 0);
            let each = bits.map(leaf).chain(parts.iter().map(|part| options(part, sources)));
            each.fold(vec![0], |so_far, part| joined(&so_far, &part, |_, _| true))
        }
        Node::AtLeast { count, parts } => {
            // met[n]: the ways to meet n of the parts so far.
            let mut met: Vec<Vec<Used>> = vec![Vec::new(); count + 1];
            met[0].push(0);
            for part in parts {
                let part = options(part, sources);
                for n in (1..=*count).rev() {
                    let more = joined(&met[n - 1], &part, |_, _| true);
                    met[n].extend(more);
                    met[n] = minimal(std::mem::take(&mut met[n]));
                }
            }
            met.pop().unwrap_or_default()
        }
        Node::Distinct { parts, .. } => {
            let each = parts.iter().map(|part| options(part, sources));
            each.fold(vec![0], |so_far, part| joined(&so_far, &part, |one, two| one & two == 0))
        }
    }
}

fn joined(one: &[Used], two: &[Used], fit: impl Fn(Used, Used) -> bool) -> Vec<Used> {
    let pairs = one.iter().flat_map(|a| two.iter().map(move |b| (*a, *b)));
    minimal(pairs.filter(|(a, b)| fit(*a, *b)).map(|(a, b)| a | b).collect())
}

/// Without what holds another.
fn minimal(mut sets: Vec<Used>) -> Vec<Used> {
    sets.sort_unstable_by_key(|set| (set.count_ones(), *set));
    sets.dedup();
    let mut kept: Vec<Used> = Vec::with_capacity(sets.len());
    for set in sets {
        if !kept.iter().any(|smaller| smaller & set == *smaller) {
            kept.push(set);
        }
    }
    kept
}
