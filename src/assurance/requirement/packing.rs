//! `distinct` where its parts ask for more than one piece of evidence each: how many sources of which type
//! will do, so that none serves two parts.
//!
//! Sources that meet the same leaves are of one type and stand for each other, so a set of sources is a count
//! of each type. Two parts that may share sources need the larger count of each type; two that may not, the
//! sum.

use super::holds::{LeafSet, Node};

/// How many sources of each type.
type Used = Vec<u8>;

/// A type of source.
struct Type {
    met: LeafSet,
    count: u8,
}

/// Whether it holds.
pub(super) fn fits(distinct: &Node, sources: &[LeafSet]) -> bool {
    let types = types(sources, distinct.span(), distinct.pieces());
    !options(distinct, &types).is_empty()
}

/// The types of sources that can make a difference. No more than `pieces` sources are ever used, so one that
/// is outdone by as many others is not needed.
fn types(sources: &[LeafSet], span: LeafSet, pieces: usize) -> Vec<Type> {
    let mut masks: Vec<LeafSet> = sources.iter().map(|met| met & span).filter(|met| *met != 0).collect();
    masks.sort_unstable_by_key(|met| (std::cmp::Reverse(met.count_ones()), *met));
    let mut kept: Vec<Type> = Vec::new();
    for met in masks {
        let better = kept.iter().filter(|other| other.met & met == met);
        if better.map(|other| usize::from(other.count)).sum::<usize>() >= pieces {
            continue;
        }
        match kept.last_mut() {
            Some(last) if last.met == met => last.count += 1,
            _ => kept.push(Type { met, count: 1 }),
        }
    }
    kept
}

/// The counts by which it can be met, none within another.
fn options(node: &Node, types: &[Type]) -> Vec<Used> {
    let none = || vec![0; types.len()];
    let leaf = |wanted: LeafSet| -> Vec<Used> {
        let meeting = (0..types.len()).filter(|index| types[*index].met & wanted != 0);
        let one = |index: usize| {
            let mut used = none();
            used[index] = 1;
            used
        };
        meeting.map(one).collect()
    };
    let shared = |one: &Used, two: &Used| Some(one.iter().zip(two).map(|(a, b)| *a.max(b)).collect());
    match node {
        Node::Leaf(bit) => leaf(*bit),
        Node::Any { leaves, parts } => {
            let mut found = leaf(*leaves);
            parts.iter().for_each(|part| found.extend(options(part, types)));
            minimal(found)
        }
        Node::All { leaves, parts } => {
            let bits = (0..LeafSet::BITS).map(|n| 1 << n).filter(|bit| leaves & bit != 0);
            let each = bits.map(leaf).chain(parts.iter().map(|part| options(part, types)));
            each.fold(vec![none()], |so_far, part| joined(&so_far, &part, shared))
        }
        Node::AtLeast { count, parts } => {
            // met[n]: the ways to meet n of the parts so far.
            let mut met: Vec<Vec<Used>> = vec![Vec::new(); count + 1];
            met[0].push(none());
            for part in parts {
                let part = options(part, types);
                for n in (1..=*count).rev() {
                    let more = joined(&met[n - 1], &part, shared);
                    met[n].extend(more);
                    met[n] = minimal(std::mem::take(&mut met[n]));
                }
            }
            met.pop().unwrap_or_default()
        }
        Node::Distinct { parts, .. } => {
            let apart = |one: &Used, two: &Used| {
                let sums = one.iter().zip(two).zip(types);
                sums.map(|((a, b), all)| Some(a + b).filter(|sum| *sum <= all.count)).collect()
            };
            let each = parts.iter().map(|part| options(part, types));
            each.fold(vec![none()], |so_far, part| joined(&so_far, &part, apart))
        }
    }
}

fn joined(one: &[Used], two: &[Used], join: impl Fn(&Used, &Used) -> Option<Used>) -> Vec<Used> {
    let join = &join;
    minimal(one.iter().flat_map(|a| two.iter().filter_map(move |b| join(a, b))).collect())
}

/// Without what holds another.
fn minimal(mut sets: Vec<Used>) -> Vec<Used> {
    let size = |set: &Used| set.iter().map(|count| usize::from(*count)).sum::<usize>();
    sets.sort_unstable_by(|a, b| size(a).cmp(&size(b)).then_with(|| a.cmp(b)));
    sets.dedup();
    let mut kept: Vec<Used> = Vec::with_capacity(sets.len());
    for set in sets {
        if !kept.iter().any(|smaller| smaller.iter().zip(&set).all(|(few, many)| few <= many)) {
            kept.push(set);
        }
    }
    kept
}
