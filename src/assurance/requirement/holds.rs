//! Whether a requirement holds: a function of which leaves each source meets.
//!
//! A source is a device or an external method. One source may meet several leaves, by one piece of evidence
//! or by several; `distinct` asks that no source serves two of its parts.

use super::LEAVES_MAX;
use super::expression::Expression;
use super::packing;

/// A set of leaves: bit n is the nth from the left.
pub type LeafSet = u16;

const _: () = assert!(LEAVES_MAX <= LeafSet::BITS as usize);

/// An expression, ready to be decided often.
#[derive(Debug, Clone)]
pub struct Program(Node);

/// A part of a program. `leaves` are those directly under it, decided at once.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Leaf(LeafSet),
    Any {
        leaves: LeafSet,
        parts: Vec<Node>,
    },
    All {
        leaves: LeafSet,
        parts: Vec<Node>,
    },
    AtLeast {
        count: usize,
        parts: Vec<Node>,
    },
    /// With what each part asks, where every part is met by any one of some leaves.
    Distinct {
        parts: Vec<Node>,
        simple: Option<Vec<LeafSet>>,
    },
}

impl Program {
    /// Of an expression within the limits.
    #[must_use]
    pub fn of(expression: &Expression) -> Self {
        Self(node(expression, &mut 0))
    }

    /// Whether it holds, where each source meets these leaves.
    #[must_use]
    pub fn holds(&self, sources: &[LeafSet]) -> bool {
        self.holds_counted(sources, &mut 0)
    }

    /// Whether it holds. Adds the steps that it took.
    #[must_use]
    pub fn holds_counted(&self, sources: &[LeafSet], steps: &mut u64) -> bool {
        let all = sources.iter().fold(0, |all, met| all | met);
        self.0.holds(all, sources, steps)
    }

    /// How many more pieces of evidence it takes, at the very least. Adds the steps that it took.
    #[must_use]
    pub fn missing(&self, sources: &[LeafSet], steps: &mut u64) -> usize {
        let all = sources.iter().fold(0, |all, met| all | met);
        self.0.missing(all, sources, steps)
    }

    /// How many pieces of evidence it can take at most, if none is superfluous.
    #[must_use]
    pub fn pieces(&self) -> usize {
        self.0.pieces()
    }

    /// How many sources that are all alike can be of use.
    #[must_use]
    pub fn copies(&self) -> usize {
        self.0.copies()
    }

    /// Whether it tells sources apart.
    #[must_use]
    pub fn is_distinct(&self) -> bool {
        self.told_apart() != 0
    }

    /// The leaves of which it matters by which source they are met.
    #[must_use]
    pub fn told_apart(&self) -> LeafSet {
        self.0.told_apart()
    }
}

fn node(expression: &Expression, next: &mut u32) -> Node {
    if let Expression::Leaf(_) = expression {
        let bit = 1_u16.checked_shl(*next).unwrap_or(0);
        *next += 1;
        return Node::Leaf(bit);
    }
    let mut parts: Vec<Node> = expression.parts().iter().map(|part| node(part, next)).collect();
    match expression {
        Expression::AtLeast(count, _) => Node::AtLeast { count: *count, parts },
        Expression::Distinct(_) => {
            let simple = parts.iter().map(Node::simple).collect();
            Node::Distinct { parts, simple }
        }
        Expression::All(_) => Node::All { leaves: lift(&mut parts), parts },
        Expression::Any(_) | Expression::Leaf(_) => Node::Any { leaves: lift(&mut parts), parts },
    }
}

fn lift(parts: &mut Vec<Node>) -> LeafSet {
    let mut leaves = 0;
    parts.retain(|part| match part {
        Node::Leaf(bit) => {
            leaves |= bit;
            false
        }
        _ => true,
    });
    leaves
}

impl Node {
    fn holds(&self, all: LeafSet, sources: &[LeafSet], steps: &mut u64) -> bool {
        *steps += 1;
        match self {
            Self::Leaf(bit) => all & bit != 0,
            Self::Any { leaves, parts } => {
                all & leaves != 0 || parts.iter().any(|part| part.holds(all, sources, steps))
            }
            Self::All { leaves, parts } => {
                all & leaves == *leaves && parts.iter().all(|part| part.holds(all, sources, steps))
            }
            Self::AtLeast { count, parts } => {
                parts.iter().filter(|part| part.holds(all, sources, steps)).take(*count).count() == *count
            }
            Self::Distinct { parts, simple } => {
                parts.iter().all(|part| part.holds(all, sources, steps))
                    && match simple {
                        Some(wanted) => matched(wanted, sources, steps) == wanted.len(),
                        None => packing::fits(self, sources, steps),
                    }
            }
        }
    }

    /// At least so many pieces more. One piece may serve several parts, but for those of `distinct`: there
    /// the missing ones add up, and each brings one source.
    fn missing(&self, all: LeafSet, sources: &[LeafSet], steps: &mut u64) -> usize {
        *steps += 1;
        let mut each =
            |parts: &[Self]| parts.iter().map(|part| part.missing(all, sources, steps)).collect::<Vec<_>>();
        match self {
            Self::Leaf(bit) => usize::from(all & bit == 0),
            Self::Any { leaves, .. } if all & leaves != 0 => 0,
            Self::Any { leaves, parts } => {
                let direct = if *leaves == 0 { usize::MAX } else { 1 };
                each(parts).into_iter().fold(direct, usize::min)
            }
            Self::All { leaves, parts } => {
                each(parts).into_iter().fold(usize::from(all & leaves != *leaves), usize::max)
            }
            Self::AtLeast { count, parts } => {
                let mut missing = each(parts);
                missing.sort_unstable();
                missing[count - 1]
            }
            Self::Distinct { simple: Some(wanted), .. } => wanted.len() - matched(wanted, sources, steps),
            Self::Distinct { parts, .. } => each(parts).into_iter().sum(),
        }
    }

    /// The leaves of which any one will do, if that is what it asks.
    fn simple(&self) -> Option<LeafSet> {
        match self {
            Self::Leaf(bit) => Some(*bit),
            Self::Any { leaves, parts } if parts.is_empty() => Some(*leaves),
            _ => None,
        }
    }

    pub(super) fn pieces(&self) -> usize {
        let direct = |leaves: &LeafSet| leaves.count_ones() as usize;
        match self {
            Self::Leaf(_) => 1,
            Self::Any { leaves, parts } => {
                parts.iter().map(Self::pieces).max().unwrap_or(0).max(direct(leaves).min(1))
            }
            Self::All { leaves, parts } => direct(leaves) + parts.iter().map(Self::pieces).sum::<usize>(),
            Self::Distinct { parts, .. } => parts.iter().map(Self::pieces).sum(),
            Self::AtLeast { count, parts } => {
                let mut each: Vec<_> = parts.iter().map(Self::pieces).collect();
                each.sort_unstable_by(|a, b| b.cmp(a));
                each.iter().take(*count).sum()
            }
        }
    }

    fn copies(&self) -> usize {
        match self {
            Self::Leaf(_) => 1,
            Self::Distinct { .. } => self.pieces(),
            Self::Any { parts, .. } | Self::All { parts, .. } | Self::AtLeast { parts, .. } => {
                parts.iter().map(Self::copies).max().unwrap_or(1)
            }
        }
    }

    fn told_apart(&self) -> LeafSet {
        match self {
            Self::Leaf(_) => 0,
            Self::Distinct { .. } => self.span(),
            Self::Any { parts, .. } | Self::All { parts, .. } | Self::AtLeast { parts, .. } => {
                parts.iter().fold(0, |all, part| all | part.told_apart())
            }
        }
    }

    /// Every leaf in it.
    pub(super) fn span(&self) -> LeafSet {
        let under = |parts: &[Self]| parts.iter().fold(0, |all, part| all | part.span());
        match self {
            Self::Leaf(bit) => *bit,
            Self::Any { leaves, parts } | Self::All { leaves, parts } => leaves | under(parts),
            Self::AtLeast { parts, .. } | Self::Distinct { parts, .. } => under(parts),
        }
    }
}

/// How many parts can have a source of their own: a maximum matching, by augmenting paths.
fn matched(wanted: &[LeafSet], sources: &[LeafSet], steps: &mut u64) -> usize {
    let mut matching = Matching { wanted, sources, owner: vec![None; sources.len()], steps };
    (0..wanted.len()).filter(|part| matching.augment(*part, &mut 0)).count()
}

struct Matching<'a> {
    wanted: &'a [LeafSet],
    sources: &'a [LeafSet],
    /// The part that each source is given to.
    owner: Vec<Option<usize>>,
    steps: &'a mut u64,
}

impl Matching<'_> {
    fn augment(&mut self, part: usize, asked: &mut u32) -> bool {
        *asked |= 1 << part;
        *self.steps += self.sources.len() as u64;
        for source in 0..self.sources.len() {
            if self.sources[source] & self.wanted[part] == 0 {
                continue;
            }
            let is_free = match self.owner[source] {
                None => true,
                Some(other) => *asked & (1 << other) == 0 && self.augment(other, asked),
            };
            if is_free {
                self.owner[source] = Some(part);
                return true;
            }
        }
        false
    }
}
