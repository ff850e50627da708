//! Rules that choose a stricter requirement by what the caller knows: CEL over attributes.
//!
//! The first rule that matches wins. A rule whose expression cannot be evaluated, because an attribute is
//! missing or is not what it is compared with, counts as matching; and no rule may lead to a requirement
//! that asks for less. So who leaves an attribute out, or spoils it, is asked for more, never for less.

mod check;
mod types;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use cel::{Context, Env, Program, Value};

use super::compare::{Relation, compare};
use super::requirement::mistake::{Mistakes, Wrong, did_you_mean};
use super::requirement::set::Requirements;
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
    instead: String,
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
    /// not offered, requirements that ask for less than what they stand in for.
    pub fn parse(texts: &[RuleText<'_>], requirements: &Requirements) -> Result<Self, Mistakes> {
        let mut mistakes = Mistakes::default();
        let mut rules = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let origin = |field: &str| format!("rules[{index}].{field}");
            let mut note =
                |field: &str, text: &str, wrong: Wrong| mistakes.push(wrong.within(origin(field), text));
            let mut known = true;
            for (field, name) in [("requirement", text.requirement), ("use", text.instead)] {
                if let Err(wrong) = find(name, requirements) {
                    note(field, name, wrong);
                    known = false;
                }
            }
            if known && let Err(wrong) = is_no_weaker(text, requirements) {
                note("use", text.instead, wrong);
            }
            match compile(text.when) {
                Err(wrong) => note("when", text.when, wrong),
                Ok((program, attributes)) => rules.push(Rule {
                    requirement: text.requirement.to_owned(),
                    program,
                    attributes,
                    instead: text.instead.to_owned(),
                }),
            }
        }
        if mistakes.is_empty() { Ok(Self { rules, env: Arc::new(Env::stdlib()) }) } else { Err(mistakes) }
    }

    /// The requirement that applies, where `attribute` gives what the caller knows.
    pub fn choose<'a, 'b>(
        &'a self,
        requirement: &'a str,
        attribute: impl Fn(&str) -> Option<&'b str>,
    ) -> &'a str {
        let mut rules = self.rules.iter().filter(|rule| rule.requirement == requirement);
        let chosen = rules.find(|rule| rule.matches(&attribute, &self.env));
        chosen.map_or(requirement, |rule| &rule.instead)
    }
}

impl Rule {
    fn matches<'b>(&self, attribute: &impl Fn(&str) -> Option<&'b str>, env: &Arc<Env>) -> bool {
        let mut context = Context::with_env(Arc::clone(env));
        for (name, wanted) in &self.attributes {
            let value = attribute(name).filter(|text| text.len() <= ATTRIBUTE_MAX);
            if let Some(value) = value.and_then(|text| wanted.read(text)) {
                context.add_variable_from_value(name.as_str(), value);
            }
        }
        // Anything but a clear no is a yes.
        !matches!(self.program.execute(&context), Ok(Value::Bool(false)))
    }
}

fn find(name: &str, requirements: &Requirements) -> Result<(), Wrong> {
    if requirements.named(name).is_some() {
        return Ok(());
    }
    let guess = did_you_mean(name, requirements.iter().map(|known| known.name()));
    let label = guess.unwrap_or_else(|| "no requirement has this name".to_owned());
    Err(Wrong::new(0..name.len(), format!("`{name}` is not known"), label))
}

fn is_no_weaker(text: &RuleText<'_>, requirements: &Requirements) -> Result<(), Wrong> {
    let RuleText { requirement, instead, .. } = text;
    let (Some(old), Some(new)) = (requirements.named(requirement), requirements.named(instead)) else {
        return Ok(());
    };
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
