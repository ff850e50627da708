//! By which evidence a requirement is satisfied, and until when.

use super::requirement::Requirement;
use super::requirement::expression::Leaf;
use super::requirement::holds::LeafSet;
use crate::domain::evidence::Evidence;
use crate::domain::method::Method;
use crate::domain::moment::Moment;
use crate::domain::strength::Properties;

/// Until when evidence meets a leaf; nothing if it never did.
#[must_use]
pub fn deadline(leaf: &Leaf, evidence: &Evidence, properties: Properties) -> Option<Moment> {
    if !leaf.takes(evidence.is_for_transaction()) {
        return None;
    }
    if !leaf.selector.accepts(&evidence.method, properties) {
        return None;
    }
    let fresh = leaf.within.map(|within| evidence.verified_at.plus(within));
    Some(fresh.map_or(evidence.expires_at, |until| until.min(evidence.expires_at)))
}

/// The leaves that evidence meets at a moment.
#[must_use]
pub fn met(requirement: &Requirement, evidence: &Evidence, now: Moment) -> LeafSet {
    let properties = evidence.strength.properties();
    leaves(requirement, |leaf| deadline(leaf, evidence, properties).is_some_and(|until| until > now))
}

/// The leaves of which something is true.
pub(super) fn leaves(requirement: &Requirement, holds: impl Fn(&Leaf) -> bool) -> LeafSet {
    let each = requirement.leaves().iter().enumerate();
    each.fold(0, |set, (index, leaf)| if holds(leaf) { set | 1 << index } else { set })
}

/// The evidence that satisfies a requirement for longest.
#[derive(Debug)]
pub struct Lasting<'a> {
    /// Without any of it, it ends sooner.
    pub evidence: Vec<&'a Evidence>,
    /// From then on it does not.
    pub until: Moment,
}

/// Evidence with all that is asked of it.
struct Piece<'a> {
    evidence: &'a Evidence,
    source: usize,
    deadlines: Vec<Option<Moment>>,
}

impl Piece<'_> {
    fn met(&self, now: Moment) -> LeafSet {
        let each = self.deadlines.iter().enumerate();
        each.fold(0, |set, (index, until)| if *until > Some(now) { set | 1 << index } else { set })
    }
}

/// Of all ways in which evidence that counts satisfies a requirement, the one whose earliest deadline is
/// latest. The requirement is monotone, so its truth over time falls once: at one of the deadlines, which
/// bisection finds. Nothing if it is not satisfied now.
#[must_use]
pub fn lasting<'a>(requirement: &Requirement, evidence: &[&'a Evidence], now: Moment) -> Option<Lasting<'a>> {
    let mut sources: Vec<&Method> = Vec::new();
    let mut pieces: Vec<Piece<'_>> = Vec::with_capacity(evidence.len());
    for evidence in evidence {
        let properties = evidence.strength.properties();
        let each = requirement.leaves().iter();
        let deadlines: Vec<_> = each.map(|leaf| deadline(leaf, evidence, properties)).collect();
        if deadlines.iter().any(|until| *until > Some(now)) {
            pieces.push(Piece { evidence, source: source(&mut sources, &evidence.method), deadlines });
        }
    }
    let mut masks = vec![0; sources.len()];
    let mut holds = |pieces: &[Piece<'_>], now: Moment| {
        masks.fill(0);
        pieces.iter().for_each(|piece| masks[piece.source] |= piece.met(now));
        requirement.program().holds(&masks)
    };
    if !holds(&pieces, now) {
        return None;
    }
    let mut moments: Vec<Moment> = pieces
        .iter()
        .flat_map(|piece| piece.deadlines.iter().flatten().copied())
        .filter(|m| *m > now)
        .collect();
    moments.sort_unstable();
    moments.dedup();
    let until = *moments.get(moments.partition_point(|moment| holds(&pieces, *moment)))?;
    let last = Moment::from_micros(until.micros() - 1);
    // What was given for the transaction is spared if it can be, then what expires first.
    pieces.sort_by_key(|Piece { evidence, .. }| {
        (!evidence.is_for_transaction(), evidence.expires_at, evidence.id.clone())
    });
    let met: Vec<LeafSet> = pieces.iter().map(|piece| piece.met(last)).collect();
    let mut is_kept: Vec<bool> = met.iter().map(|met| *met != 0).collect();
    masks.fill(0);
    pieces.iter().zip(&met).for_each(|(piece, met)| masks[piece.source] |= met);
    for index in 0..pieces.len() {
        if !is_kept[index] {
            continue;
        }
        is_kept[index] = false;
        let source = pieces[index].source;
        let of_source = |other: &usize| is_kept[*other] && pieces[*other].source == source;
        let left = (0..pieces.len()).filter(of_source).fold(0, |left, other| left | met[other]);
        let before = std::mem::replace(&mut masks[source], left);
        // Without a leaf less, what held still holds.
        if left != before && !requirement.program().holds(&masks) {
            (is_kept[index], masks[source]) = (true, before);
        }
    }
    let kept = pieces.into_iter().zip(is_kept).filter(|(_, is_kept)| *is_kept);
    Some(Lasting { evidence: kept.map(|(piece, _)| piece.evidence).collect(), until })
}

/// The number of a source; new ones are added.
pub(super) fn source<'a>(sources: &mut Vec<&'a Method>, method: &'a Method) -> usize {
    sources.iter().position(|known| *known == method).unwrap_or_else(|| {
        sources.push(method);
        sources.len() - 1
    })
}
