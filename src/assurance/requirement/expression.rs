//! What a requirement asks, with every name and macro expanded.

use std::time::Duration;

use super::selector::Selector;

/// What is asked of one piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Which evidence will do.
    pub selector: Selector,
    /// How fresh: it counts for less than this long.
    pub within: Option<Duration>,
    /// Only evidence that was given for this transaction.
    pub for_transaction: bool,
    /// Only evidence that was not given for a transaction. Set in the requirements that guard devices, at every leaf
    /// without `for transaction`: a user who approved a payment did not approve a change of their devices.
    pub not_for_transaction: bool,
}

impl Leaf {
    /// True if the leaf accepts evidence that was given for the transaction at hand, or that was not.
    #[must_use]
    pub fn takes(&self, for_transaction: bool) -> bool {
        if for_transaction { !self.not_for_transaction } else { !self.for_transaction }
    }

    /// Bound once more. The shorter time holds.
    fn bind(&mut self, within: Option<Duration>, for_transaction: bool) {
        self.within = match (self.within, within) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.for_transaction |= for_transaction;
    }
}

/// An expression over evidence. Monotone: nothing in it can ask for the absence of evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expression {
    /// One piece of evidence.
    Leaf(Leaf),
    /// One of these.
    Any(Vec<Self>),
    /// Each of these; one piece of evidence may serve several.
    All(Vec<Self>),
    /// So many of these; one piece of evidence may serve several.
    AtLeast(usize, Vec<Self>),
    /// Each of these, by another device or method.
    Distinct(Vec<Self>),
}

impl Expression {
    /// One of these, flat.
    #[must_use]
    pub fn any(parts: Vec<Self>) -> Self {
        let flat = flattened(parts, |part| match part {
            Self::Any(inner) => Ok(inner),
            other => Err(other),
        });
        single(flat, Self::Any)
    }

    /// Each of these, flat.
    #[must_use]
    pub fn all(parts: Vec<Self>) -> Self {
        let flat = flattened(parts, |part| match part {
            Self::All(inner) => Ok(inner),
            other => Err(other),
        });
        single(flat, Self::All)
    }

    /// So many of these.
    #[must_use]
    pub fn at_least(count: usize, parts: Vec<Self>) -> Self {
        match count {
            1 => Self::any(parts),
            _ if count == parts.len() => Self::all(parts),
            _ => Self::AtLeast(count, parts),
        }
    }

    /// With every leaf bound once more.
    #[must_use]
    pub fn bound(mut self, within: Option<Duration>, for_transaction: bool) -> Self {
        self.each_leaf(&mut |leaf| leaf.bind(within, for_transaction));
        self
    }

    /// The same expression, in which only a leaf with `for transaction` accepts evidence for a transaction.
    #[must_use]
    pub(super) fn guarding(mut self) -> Self {
        self.each_leaf(&mut |leaf| leaf.not_for_transaction = !leaf.for_transaction);
        self
    }

    fn each_leaf(&mut self, change: &mut impl FnMut(&mut Leaf)) {
        match self {
            Self::Leaf(leaf) => change(leaf),
            Self::Any(parts) | Self::All(parts) | Self::AtLeast(_, parts) | Self::Distinct(parts) => {
                parts.iter_mut().for_each(|part| part.each_leaf(change));
            }
        }
    }

    /// What it is made of.
    #[must_use]
    pub fn parts(&self) -> &[Self] {
        match self {
            Self::Leaf(_) => &[],
            Self::Any(parts) | Self::All(parts) | Self::AtLeast(_, parts) | Self::Distinct(parts) => parts,
        }
    }

    /// Its leaves, from left to right.
    #[must_use]
    pub fn leaves(&self) -> Vec<&Leaf> {
        match self {
            Self::Leaf(leaf) => vec![leaf],
            _ => self.parts().iter().flat_map(Self::leaves).collect(),
        }
    }

    /// The most leaves that a `distinct` has of which a part asks for several pieces of evidence.
    #[must_use]
    pub fn packed_leaves(&self) -> usize {
        let is_leaf = |part: &Self| matches!(part, Self::Leaf(_));
        let asks_for_one = |part: &Self| match part {
            Self::Any(parts) => parts.iter().all(is_leaf),
            part => is_leaf(part),
        };
        match self {
            Self::Distinct(parts) if !parts.iter().all(asks_for_one) => self.leaves().len(),
            _ => self.parts().iter().map(Self::packed_leaves).max().unwrap_or(0),
        }
    }

    /// How deep it is nested. A leaf is not nested.
    #[must_use]
    pub fn depth(&self) -> usize {
        match self {
            Self::Leaf(_) => 0,
            _ => 1 + self.parts().iter().map(Self::depth).max().unwrap_or(0),
        }
    }

    /// In how many ways it can be met, leaf by leaf.
    #[must_use]
    pub fn alternatives(&self) -> u64 {
        let parts = || self.parts().iter().map(Self::alternatives);
        match self {
            Self::Leaf(_) => 1,
            Self::Any(_) => parts().fold(0, u64::saturating_add),
            Self::All(_) | Self::Distinct(_) => parts().fold(1, u64::saturating_mul),
            Self::AtLeast(count, _) => {
                // ways[n]: how often n of the parts so far can be chosen, and met.
                let mut ways = vec![0_u64; count + 1];
                ways[0] = 1;
                for part in parts() {
                    for n in (1..=*count).rev() {
                        ways[n] = ways[n].saturating_add(ways[n - 1].saturating_mul(part));
                    }
                }
                ways[*count]
            }
        }
    }
}

fn flattened(
    parts: Vec<Expression>,
    open: impl Fn(Expression) -> Result<Vec<Expression>, Expression>,
) -> Vec<Expression> {
    let mut flat = Vec::with_capacity(parts.len());
    for part in parts {
        match open(part) {
            Ok(inner) => flat.extend(inner),
            Err(other) => flat.push(other),
        }
    }
    flat
}

fn single(mut parts: Vec<Expression>, form: impl Fn(Vec<Expression>) -> Expression) -> Expression {
    match (parts.len(), parts.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            parts.extend(last);
            form(parts)
        }
    }
}
