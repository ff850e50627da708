//! A decision in words, leaf by leaf: what meets each, what is missing, and why other evidence does not do.
//! For operators. It names devices and evidence by their ids, never a session, a client or a secret.

use std::fmt::{self, Write};
use std::time::Duration;

use super::counting::counts;
use super::decide::Situation;
use super::lasting::deadline;
use super::requirement::Requirement;
use super::requirement::expression::{Expression, Leaf};
use super::requirement::holds::{LeafSet, Program};
use super::requirement::shortest;
use crate::domain::decision::{Decision, Plan, Step};
use crate::domain::evidence::Evidence;
use crate::domain::method::Method;
use crate::domain::moment::Moment;

#[cfg(test)]
mod tests;

/// Explains a decision: a headline, the plans, and the tree of each requirement that applies. Each tree stands under
/// the name of its requirement, unless only the one that was asked for applies.
#[must_use]
pub fn explain(
    asked: &Requirement,
    applied: &[&Requirement],
    decision: &Decision,
    situation: &Situation<'_>,
) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write(asked, applied, decision, situation, &mut text);
    text
}

/// Explains a decision in one line.
#[must_use]
pub fn summary(decision: &Decision, now: Moment) -> String {
    match decision {
        Decision::Satisfied(satisfied) => {
            format!("satisfied for {}", roughly(satisfied.valid_until.since(now)))
        }
        Decision::StepUp { .. } => "step-up required".to_owned(),
        Decision::EnrollmentRequired { ways, plans } => {
            let ways: Vec<String> = ways
                .iter()
                .map(|way| way.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and "))
                .collect();
            let beside = if plans.is_empty() { "" } else { ", and more must be proved" };
            format!("enrollment required: {}{beside}", ways.join(" or "))
        }
        Decision::Unavailable { reason, .. } => format!("unavailable: {reason}"),
    }
}

fn write(
    asked: &Requirement,
    applied: &[&Requirement],
    decision: &Decision,
    situation: &Situation<'_>,
    f: &mut impl Write,
) -> fmt::Result {
    writeln!(f, "{}: {}", asked.name(), summary(decision, situation.asked.now))?;
    let plans = match decision {
        Decision::EnrollmentRequired { plans, .. } => plans,
        other => other.plans(),
    };
    for (index, plan) in plans.iter().enumerate() {
        writeln!(f, "  plan {}: {}", index + 1, steps(plan))?;
    }
    let is_itself = matches!(applied, [only] if only.name() == asked.name());
    for requirement in applied {
        if !is_itself {
            writeln!(f, "  {} applies", requirement.name())?;
        }
        let facts: Vec<Fact<'_>> =
            situation.evidence.iter().map(|one| Fact::of(one, requirement, situation)).collect();
        let level = if is_itself { 1 } else { 2 };
        tree(requirement.expression(), &mut 0, level, &facts, situation.asked.now, f)?;
    }
    Ok(())
}

fn steps(plan: &Plan) -> String {
    let words = plan.steps.iter().map(|step| match step {
        Step::External(name) => name.to_string(),
        Step::Device { kind, devices, user_verification } => {
            let devices: Vec<&str> = devices.iter().map(|id| id.as_str()).collect();
            let verified = if *user_verification { ", user verified" } else { "" };
            format!("{kind} ({}{verified})", devices.join(" or "))
        }
    });
    words.collect::<Vec<_>>().join(", then ")
}

/// Evidence, and the leaves that it meets.
struct Fact<'a> {
    evidence: &'a Evidence,
    deadlines: Vec<Option<Moment>>,
    discount: Option<&'static str>,
}

impl<'a> Fact<'a> {
    fn of(evidence: &'a Evidence, requirement: &Requirement, situation: &Situation<'_>) -> Self {
        let properties = evidence.strength.properties();
        let each = requirement.leaves().iter();
        let deadlines = each.map(|leaf| deadline(leaf, evidence, properties)).collect();
        let discount = counts(evidence, &situation.asked).err().map(|why| why.as_str());
        Self { evidence, deadlines, discount }
    }

    fn met(&self, from: u32, now: Moment) -> LeafSet {
        let bit = |index: usize| if self.meets(index, now) { 1 << index } else { 0 };
        (0..self.deadlines.len()).fold(0, |set: LeafSet, index| set | bit(index)) >> from
    }

    fn meets(&self, leaf: usize, now: Moment) -> bool {
        self.discount.is_none() && self.deadlines[leaf] > Some(now)
    }

    /// Why evidence that looks right for a leaf does not meet it; nothing if it looks wrong.
    fn shortfall(&self, leaf: &Leaf) -> Option<&'static str> {
        if !leaf.selector.accepts(&self.evidence.method, self.evidence.strength.properties()) {
            return None;
        }
        Some(self.discount.unwrap_or(match self.evidence.is_for_transaction() {
            true if leaf.not_for_transaction => "it was given for the transaction",
            false if leaf.for_transaction => "it was not given for the transaction",
            _ => "it is too old",
        }))
    }

    fn words(&self, now: Moment) -> String {
        let Evidence { id, method, verified_at, .. } = self.evidence;
        let device = method.device_id().map(|id| format!(" of device {id}")).unwrap_or_default();
        format!("{}{device}, {} ago ({})", method.name(), roughly(now.since(*verified_at)), id.as_str())
    }
}

fn tree(
    expression: &Expression,
    next: &mut u32,
    level: usize,
    facts: &[Fact<'_>],
    now: Moment,
    f: &mut impl Write,
) -> fmt::Result {
    let mut sources: Vec<(&Method, LeafSet)> = Vec::new();
    for fact in facts {
        sources.push((&fact.evidence.method, fact.met(*next, now)));
    }
    let mark = if holds(expression, &sources) { 'x' } else { ' ' };
    write!(f, "{:indent$}[{mark}] ", "", indent = level * 2)?;
    let words = match expression {
        Expression::Leaf(leaf) => {
            let index = *next as usize;
            *next += 1;
            return self::leaf(leaf, index, level, facts, now, f);
        }
        Expression::Any(_) => "one of".to_owned(),
        Expression::All(_) => "all of".to_owned(),
        Expression::AtLeast(count, _) => format!("{count} of"),
        Expression::Distinct(_) => "each by another device or method".to_owned(),
    };
    writeln!(f, "{words}")?;
    expression.parts().iter().try_for_each(|part| tree(part, next, level + 1, facts, now, f))
}

fn holds(expression: &Expression, facts: &[(&Method, LeafSet)]) -> bool {
    let mut sources = Vec::new();
    let mut masks: Vec<LeafSet> = Vec::new();
    for (method, met) in facts {
        let source = super::lasting::source(&mut sources, method);
        masks.resize(sources.len(), 0);
        masks[source] |= met;
    }
    Program::of(expression).holds(&masks)
}

fn leaf(
    leaf: &Leaf,
    index: usize,
    level: usize,
    facts: &[Fact<'_>],
    now: Moment,
    f: &mut impl Write,
) -> fmt::Result {
    write!(f, "{}", leaf.selector)?;
    if let Some(within) = leaf.within {
        write!(f, " within {}", shortest(within))?;
    }
    f.write_str(if leaf.for_transaction { " for transaction" } else { "" })?;
    let meeting: Vec<&Fact<'_>> = facts.iter().filter(|fact| fact.meets(index, now)).collect();
    let indent = (level + 2) * 2;
    if meeting.is_empty() {
        writeln!(f, ": missing")?;
        for fact in facts {
            if let Some(why) = fact.shortfall(leaf) {
                writeln!(f, "{:indent$}not by {}: {why}", "", fact.words(now))?;
            }
        }
        return Ok(());
    }
    writeln!(f)?;
    for fact in meeting {
        let left = fact.deadlines[index].map_or(Duration::ZERO, |until| until.since(now));
        writeln!(f, "{:indent$}by {}, for {} more", "", fact.words(now), roughly(left))?;
    }
    Ok(())
}

/// A duration in its largest unit, rounded down.
fn roughly(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let unit = [24 * 3600, 3600, 60, 1].into_iter().find(|unit| seconds >= *unit).unwrap_or(1);
    shortest(Duration::from_secs(seconds / unit * unit))
}
