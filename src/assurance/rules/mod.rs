//! Rules that choose stricter requirements by what the caller knows: CEL over attributes.
//!
//! The rules of a requirement are evaluated in order, up to the first that is true. A rule that is false does
//! not apply. A rule that cannot be evaluated, because an attribute is missing, too long or not what it is
//! compared with, might be true: it applies, and so do rules behind it. All that applies must be satisfied, and
//! no rule leads to a requirement that asks for less. So a caller that leaves an attribute out, or spoils it, is
//! never asked for less than with the attribute.

mod check;
mod combined;
mod types;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use cel::{Context, Env, Program, Value};

use super::compare::{Relation, compare};
use super::presets::GUARDS;
use super::requirement::Requirement;
use super::requirement::mistake::{Mistakes, Wrong, did_you_mean};
use super::requirement::set::Requirements;
use combined::Combined;
use types::Type;

/// How long an expression may be, in bytes. It holds no loop, so this bounds what evaluating it costs.
pub const EXPRESSION_MAX: usize = 512;
/// How long an attribute may be, in bytes. A longer one counts as missing.
pub const ATTRIBUTE_MAX: usize = 4096;
/// The parser of CEL takes some hundred kilobytes of stack for a bracket: more than a worker has.
const PARSER_STACK: usize = 64 * 1024 * 1024;

/// A rule as it is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleText<'a> {
    /// The requirement that is asked for.
    pub requirement: &'a str,
    /// A CEL expression over attributes.
    pub when: &'a str,
    /// The requirement that is used instead.
    pub instead: &'a str,
}

/// A rule in force.
#[derive(Debug)]
struct Rule {
    requirement: String,
    program: Program,
    attributes: BTreeMap<String, Type>,
    instead: Requirement,
}

/// The value of a rule's expression.
enum Truth {
    True,
    False,
    /// An attribute that it needs is missing or cannot be read.
    Open,
}

/// Rules in force.
pub struct Rules {
    rules: Vec<Rule>,
    env: Arc<Env>,
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.rules).finish()
    }
}

impl Rules {
    /// Parses rules.
    ///
    /// # Errors
    /// Every mistake in every rule: unknown names, expressions that cannot be read or that ask for what is
    /// not offered, requirements that ask for less than what they stand in for, requirements whose rules
    /// together lead to more than one requirement may hold.
    pub fn parse(texts: &[RuleText<'_>], requirements: &Requirements) -> Result<Self, Mistakes> {
        let mut mistakes = Mistakes::default();
        let mut rules: Vec<Rule> = Vec::new();
        let mut combined = Combined::default();
        for (index, text) in texts.iter().enumerate() {
            let origin = |field: &str| format!("rules[{index}].{field}");
            let mut note =
                |field: &str, text: &str, wrong: Wrong| mistakes.push(wrong.within(origin(field), text));
            let mut found = |field: &str, name: &str| {
                find(name, requirements).map_err(|wrong| note(field, name, wrong)).ok()
            };
            let asked = found("requirement", text.requirement);
            let instead = found("use", text.instead);
            let instead = asked.zip(instead).map(|(asked, instead)| (asked, in_place_of(asked, instead)));
            if let Some((asked, instead)) = &instead {
                let fits = is_no_weaker(asked, instead, requirements);
                if let Err(wrong) = fits.and_then(|()| combined.add(text.requirement, instead)) {
                    note("use", text.instead, wrong);
                }
            }
            match compile(text.when) {
                Err(wrong) => note("when", text.when, wrong),
                Ok((program, attributes)) => rules.extend(instead.map(|(_, instead)| Rule {
                    requirement: text.requirement.to_owned(),
                    program,
                    attributes,
                    instead,
                })),
            }
        }
        if mistakes.is_empty() { Ok(Self { rules, env: Arc::new(Env::stdlib()) }) } else { Err(mistakes) }
    }

    /// The requirements that apply if `asked` is asked for: at least one, each once. `attribute` returns the caller's
    /// value of an attribute.
    pub fn applied<'a, 'b>(
        &'a self,
        asked: &'a Requirement,
        attribute: impl Fn(&str) -> Option<&'b str>,
    ) -> Vec<&'a Requirement> {
        let mut applied: Vec<&Requirement> = Vec::with_capacity(1);
        for rule in self.rules.iter().filter(|rule| rule.requirement == asked.name()) {
            let truth = rule.evaluate(&attribute, &self.env);
            if matches!(truth, Truth::False) {
                continue;
            }
            if !applied.iter().any(|known| known.name() == rule.instead.name()) {
                applied.push(&rule.instead);
            }
            if matches!(truth, Truth::True) {
                break;
            }
        }
        if applied.is_empty() {
            applied.push(asked);
        }
        applied
    }
}

impl Rule {
    fn evaluate<'b>(&self, attribute: &impl Fn(&str) -> Option<&'b str>, env: &Arc<Env>) -> Truth {
        let mut context = Context::with_env(Arc::clone(env));
        for (name, wanted) in &self.attributes {
            let value = attribute(name).filter(|text| text.len() <= ATTRIBUTE_MAX);
            if let Some(value) = value.and_then(|text| wanted.read(text)) {
                context.add_variable_from_value(name.as_str(), value);
            }
        }
        match self.program.execute(&context) {
            Ok(Value::Bool(true)) => Truth::True,
            Ok(Value::Bool(false)) => Truth::False,
            _ => Truth::Open,
        }
    }
}

fn find<'r>(name: &str, requirements: &'r Requirements) -> Result<&'r Requirement, Wrong> {
    if let Some(requirement) = requirements.named(name) {
        return Ok(requirement);
    }
    let guess = did_you_mean(name, requirements.iter().map(|known| known.name()));
    let label = guess.unwrap_or_else(|| "no requirement has this name".to_owned());
    Err(Wrong::new(0..name.len(), format!("`{name}` is not known"), label))
}

/// A requirement as a rule applies it. Instead of a guard it becomes a guard itself.
fn in_place_of(asked: &Requirement, instead: &Requirement) -> Requirement {
    let instead = instead.clone();
    if GUARDS.contains(&asked.name()) { instead.guarding() } else { instead }
}

fn is_no_weaker(old: &Requirement, new: &Requirement, requirements: &Requirements) -> Result<(), Wrong> {
    let (requirement, instead) = (old.name(), new.name());
    let witness = match compare(old, new, requirements.vocabulary()) {
        Relation::Same | Relation::Stronger(_) => return Ok(()),
        Relation::Weaker(witness) | Relation::Incomparable { new_only: witness, .. } => witness.to_string(),
        Relation::Undecided => "there are too many cases to be sure".to_owned(),
    };
    let title = format!("`{instead}` must ask for all that `{requirement}` asks for");
    Err(Wrong::new(0..instead.len(), title, format!("this would be enough for it alone: {witness}")))
}

fn compile(when: &str) -> Result<(Program, BTreeMap<String, Type>), Wrong> {
    if when.len() > EXPRESSION_MAX {
        let title = format!("an expression has at most {EXPRESSION_MAX} bytes, and this has {}", when.len());
        return Err(Wrong::new(0..0, title, "make several rules of it"));
    }
    let text = when.to_owned();
    let parsing = std::thread::Builder::new().stack_size(PARSER_STACK).spawn(move || Program::compile(&text));
    let unread = || Wrong::new(0..when.len(), "this cannot be read", "a CEL expression");
    let parsed = parsing.ok().and_then(|thread| thread.join().ok()).ok_or_else(unread)?;
    let program = parsed.map_err(|errors| check::misread(when, &errors))?;
    let attributes = check::attributes(when, &program)?;
    Ok((program, attributes))
}
