//! A decision in words, leaf by leaf: what meets each, what is missing, and why other evidence does not do.
//! For operators. It names devices and evidence by their ids, never a session, a client or a secret.

use std::cmp::Reverse;
use std::fmt::{self, Write as _};
use std::time::Duration;

use super::counting::counts;
use super::decide::Situation;
use super::lasting::{deadline, source};
use super::requirement::Requirement;
use super::requirement::expression::{Expression, Leaf};
use super::requirement::holds::{LeafSet, Program};
use super::requirement::shortest;
use crate::domain::decision::{Decision, Plan, Step};
use crate::domain::evidence::Evidence;
use crate::domain::moment::Moment;
use crate::domain::strength::Properties;

#[cfg(test)]
mod tests;

/// The pieces of evidence that are listed under a leaf at most.
const LISTED_MAX: usize = 4;

/// Explains a decision: a headline, the plans, and the tree of each requirement that applies. Each tree stands under
/// the name of its requirement, unless only the one that was asked for applies. The text has at most `most` bytes, and
/// says how many lines did not fit.
#[must_use]
pub fn explain(
    asked: &Requirement,
    applied: &[&Requirement],
    decision: &Decision,
    situation: &Situation<'_>,
    most: usize,
) -> String {
    let mut lines = Lines::new(most);
    write(asked, applied, decision, situation, &mut lines);
    lines.text()
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
    lines: &mut Lines,
) {
    lines.push(format_args!("{}: {}", asked.name(), summary(decision, situation.asked.now)));
    let plans = match decision {
        Decision::EnrollmentRequired { plans, .. } => plans,
        other => other.plans(),
    };
    for (index, plan) in plans.iter().enumerate() {
        lines.push(format_args!("  plan {}: {}", index + 1, steps(plan)));
    }
    let mut evidence: Vec<&Evidence> = situation.evidence.iter().collect();
    evidence.sort_by_key(|one| (Reverse(one.verified_at), &one.id));
    let is_itself = matches!(applied, [only] if only.name() == asked.name());
    for requirement in applied {
        if !is_itself {
            lines.push(format_args!("  {} applies", requirement.name()));
        }
        let facts = Facts::new(requirement, &evidence, situation);
        tree(requirement.expression(), &mut 0, if is_itself { 1 } else { 2 }, &facts, lines);
    }
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

/// The evidence of a situation, as one requirement takes it.
struct Facts<'a> {
    /// The newest first.
    each: Vec<Fact<'a>>,
    /// The leaves that each source meets.
    met: Vec<LeafSet>,
    now: Moment,
}

/// Evidence, and the end of each leaf that it meets or met.
struct Fact<'a> {
    evidence: &'a Evidence,
    properties: Properties,
    deadlines: Vec<Option<Moment>>,
    discount: Option<&'static str>,
}

impl<'a> Facts<'a> {
    fn new(requirement: &Requirement, evidence: &[&'a Evidence], situation: &Situation<'_>) -> Self {
        let now = situation.asked.now;
        let each: Vec<Fact<'_>> = evidence.iter().map(|one| Fact::new(one, requirement, situation)).collect();
        let (mut sources, mut met) = (Vec::new(), Vec::new());
        for fact in &each {
            let leaves = fact.met(now);
            if leaves != 0 {
                let source = source(&mut sources, &fact.evidence.method);
                met.resize(sources.len(), 0);
                met[source] |= leaves;
            }
        }
        Self { each, met, now }
    }

    /// True if the part of a requirement holds whose first leaf has that number.
    fn hold(&self, part: &Expression, first: u32) -> bool {
        let met: Vec<LeafSet> = self.met.iter().map(|met| met >> first).collect();
        Program::of(part).holds(&met)
    }
}

impl<'a> Fact<'a> {
    fn new(evidence: &'a Evidence, requirement: &Requirement, situation: &Situation<'_>) -> Self {
        let properties = evidence.strength.properties();
        let each = requirement.leaves().iter();
        let deadlines = each.map(|leaf| deadline(leaf, evidence, properties)).collect();
        let discount = counts(evidence, &situation.asked).err().map(|why| why.as_str());
        Self { evidence, properties, deadlines, discount }
    }

    fn met(&self, now: Moment) -> LeafSet {
        let bit = |index: usize| if self.meets(index, now) { 1 << index } else { 0 };
        (0..self.deadlines.len()).fold(0, |set: LeafSet, index| set | bit(index))
    }

    fn meets(&self, leaf: usize, now: Moment) -> bool {
        self.discount.is_none() && self.deadlines[leaf] > Some(now)
    }

    /// Why evidence that looks right for a leaf does not meet it; nothing if it looks wrong.
    fn shortfall(&self, leaf: &Leaf) -> Option<&'static str> {
        if !leaf.selector.accepts(&self.evidence.method, self.properties) {
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

fn tree(expression: &Expression, next: &mut u32, level: usize, facts: &Facts<'_>, lines: &mut Lines) {
    let mark = if facts.hold(expression, *next) { 'x' } else { ' ' };
    let words = match expression {
        Expression::Leaf(leaf) => {
            let index = *next as usize;
            *next += 1;
            return self::leaf(leaf, index, level, mark, facts, lines);
        }
        Expression::Any(_) => "one of".to_owned(),
        Expression::All(_) => "all of".to_owned(),
        Expression::AtLeast(count, _) => format!("{count} of"),
        Expression::Distinct(_) => "each by another device or method".to_owned(),
    };
    lines.push(format_args!("{:indent$}[{mark}] {words}", "", indent = level * 2));
    expression.parts().iter().for_each(|part| tree(part, next, level + 1, facts, lines));
}

fn leaf(leaf: &Leaf, index: usize, level: usize, mark: char, facts: &Facts<'_>, lines: &mut Lines) {
    let now = facts.now;
    let within = leaf.within.map(|within| format!(" within {}", shortest(within))).unwrap_or_default();
    let transaction = if leaf.for_transaction { " for transaction" } else { "" };
    let meeting: Vec<&Fact<'_>> = facts.each.iter().filter(|fact| fact.meets(index, now)).collect();
    let missing = if meeting.is_empty() { ": missing" } else { "" };
    let selector = &leaf.selector;
    lines.push(format_args!(
        "{:indent$}[{mark}] {selector}{within}{transaction}{missing}",
        "",
        indent = level * 2
    ));
    let indent = (level + 2) * 2;
    if meeting.is_empty() {
        let near = facts.each.iter().filter_map(|fact| fact.shortfall(leaf).map(|why| (fact, why)));
        list(near, indent, lines, |(fact, why)| format!("not by {}: {why}", fact.words(now)));
        return;
    }
    list(meeting.into_iter(), indent, lines, |fact| {
        let left = fact.deadlines[index].map_or(Duration::ZERO, |until| until.since(now));
        format!("by {}, for {} more", fact.words(now), roughly(left))
    });
}

/// Writes the first [`LISTED_MAX`] items, and how many more there are.
fn list<T>(
    mut items: impl Iterator<Item = T>,
    indent: usize,
    lines: &mut Lines,
    words: impl Fn(T) -> String,
) {
    for item in items.by_ref().take(LISTED_MAX) {
        lines.push(format_args!("{:indent$}{}", "", words(item)));
    }
    let more = items.count();
    if more > 0 {
        lines.push(format_args!("{:indent$}… and {more} more", ""));
    }
}

/// Lines of a text that is bounded. After the first line that does not fit, lines are only counted.
struct Lines {
    text: String,
    most: usize,
    left_out: usize,
}

/// The bytes of the line that says how many lines are left out, at most.
const LEFT_OUT_MAX: usize = 48;

impl Lines {
    fn new(most: usize) -> Self {
        Self { text: String::new(), most: most.saturating_sub(LEFT_OUT_MAX), left_out: 0 }
    }

    fn push(&mut self, line: fmt::Arguments<'_>) {
        let before = self.text.len();
        if self.left_out == 0 {
            // Writing to a string does not fail.
            let _ = writeln!(self.text, "{line}");
        }
        if self.left_out > 0 || self.text.len() > self.most {
            self.text.truncate(before);
            self.left_out += 1;
        }
    }

    fn text(mut self) -> String {
        if self.left_out > 0 {
            let plural = if self.left_out == 1 { "" } else { "s" };
            let _ = writeln!(self.text, "  … and {} more line{plural}", self.left_out);
        }
        self.text
    }
}

/// A duration in its largest unit, rounded down.
fn roughly(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let unit = [24 * 3600, 3600, 60, 1].into_iter().find(|unit| seconds >= *unit).unwrap_or(1);
    shortest(Duration::from_secs(seconds / unit * unit))
}
