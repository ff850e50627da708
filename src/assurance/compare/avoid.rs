//! Where the other requirement does not tell sources apart: take every largest set of its leaves that leaves
//! it false, and all evidence that meets no other of its leaves. If not even that satisfies the first
//! requirement, nothing does.

use super::super::requirement::LEAVES_MAX;
use super::super::requirement::holds::{LeafSet, Program};
use super::item::{Item, Source, World, copies};

/// A world in which `one` holds and `other` does not.
pub(super) fn world(one: &Program, other: &Program, items: &[Item]) -> Option<World> {
    let reachable = items.iter().fold(0, |all, item| all | item.other);
    let bits: Vec<LeafSet> = (0..LEAVES_MAX).map(|n| 1 << n).filter(|bit| reachable & bit != 0).collect();
    let fails = |leaves: LeafSet| !other.holds(&[leaves]);
    let subsets = (0..1_u32 << bits.len()).map(|chosen| {
        bits.iter().enumerate().filter(|(n, _)| chosen & (1 << n) != 0).fold(0, |set, (_, bit)| set | bit)
    });
    subsets
        .filter(|leaves| fails(*leaves) && !bits.iter().any(|bit| leaves & bit == 0 && fails(leaves | bit)))
        .map(|leaves| all_within(leaves, one.copies(), items))
        .find(|world| {
            let masks: Vec<LeafSet> = world
                .iter()
                .map(|source| source.items.iter().fold(0, |all, index| all | items[*index].one))
                .collect();
            one.holds(&masks)
        })
}

/// All evidence that meets no leaf of the other requirement but these.
fn all_within(leaves: LeafSet, most: usize, items: &[Item]) -> World {
    let mut world = World::new();
    let mut start = 0;
    while let Some(first) = items.get(start) {
        let end = start + items[start..].iter().take_while(|item| item.method == first.method).count();
        let allowed: Vec<usize> = (start..end).filter(|index| items[*index].other & !leaves == 0).collect();
        if !allowed.is_empty() {
            let other = allowed.iter().fold(0, |all, index| all | items[*index].other);
            let source = Source { method: first.method, other, items: allowed };
            world.extend(std::iter::repeat_n(source, copies(&first.sort, most)));
        }
        start = end;
    }
    world
}
