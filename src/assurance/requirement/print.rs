//! A requirement as text, with everything expanded. What is printed parses to the same expression.

use std::fmt::{self, Write};
use std::time::Duration;

use super::expression::{Expression, Leaf};

/// How tightly the surroundings bind.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tight {
    Loose,
    And,
    Bound,
}

/// Writes an expression.
///
/// # Errors
/// The formatter's.
pub(super) fn write(expression: &Expression, f: &mut impl Write) -> fmt::Result {
    part(expression, Tight::Loose, f)
}

/// What binds every leaf of an expression alike, and so can be written once, behind it.
type Suffix = (Option<Duration>, bool);

fn common(expression: &Expression) -> Suffix {
    let suffix = |leaf: &Leaf| (leaf.within, leaf.for_transaction);
    let leaves = expression.leaves();
    let first = leaves.first().map_or((None, false), |leaf| suffix(leaf));
    if leaves.iter().all(|leaf| suffix(leaf) == first) { first } else { (None, false) }
}

fn part(expression: &Expression, around: Tight, f: &mut impl Write) -> fmt::Result {
    let suffix = common(expression);
    if suffix == (None, false) {
        return bare(expression, around, f);
    }
    bare(&unbound(expression.clone()), Tight::Bound, f)?;
    if let Some(within) = suffix.0 {
        write!(f, " within {}", shortest(within))?;
    }
    if suffix.1 {
        f.write_str(" for transaction")?;
    }
    Ok(())
}

fn unbound(expression: Expression) -> Expression {
    match expression {
        Expression::Leaf(leaf) => Expression::Leaf(Leaf { within: None, for_transaction: false, ..leaf }),
        Expression::Any(parts) => Expression::Any(parts.into_iter().map(unbound).collect()),
        Expression::All(parts) => Expression::All(parts.into_iter().map(unbound).collect()),
        Expression::AtLeast(count, parts) => {
            Expression::AtLeast(count, parts.into_iter().map(unbound).collect())
        }
        Expression::Distinct(parts) => Expression::Distinct(parts.into_iter().map(unbound).collect()),
    }
}

fn bare(expression: &Expression, around: Tight, f: &mut impl Write) -> fmt::Result {
    match expression {
        Expression::Leaf(leaf) => write!(f, "{}", leaf.selector),
        Expression::Any(parts) => joined(parts, " or ", Tight::Loose, around, f),
        Expression::All(parts) => joined(parts, " and ", Tight::And, around, f),
        Expression::AtLeast(count, parts) => {
            write!(f, "{count} of ")?;
            joined(parts, ", ", Tight::Loose, Tight::Bound, f)
        }
        Expression::Distinct(parts) => {
            f.write_str("distinct")?;
            joined(parts, ", ", Tight::Loose, Tight::Bound, f)
        }
    }
}

fn joined(parts: &[Expression], by: &str, own: Tight, around: Tight, f: &mut impl Write) -> fmt::Result {
    let brackets = around > own;
    if brackets {
        f.write_char('(')?;
    }
    for (index, inner) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(by)?;
        }
        part(inner, own, f)?;
    }
    if brackets {
        f.write_char(')')?;
    }
    Ok(())
}

/// A duration in its largest whole unit, as requirements write it.
#[must_use]
pub fn shortest(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [(24 * 3600, 'd'), (3600, 'h'), (60, 'm')];
    let whole = units.into_iter().find(|(length, _)| seconds >= *length && seconds.is_multiple_of(*length));
    whole.map_or_else(|| format!("{seconds}s"), |(length, unit)| format!("{}{unit}", seconds / length))
}
