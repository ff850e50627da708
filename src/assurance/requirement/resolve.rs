//! From what is written to what is asked: names become methods, properties, macros and other requirements.

use super::super::vocabulary::Vocabulary;
use super::expression::{Expression, Leaf};
use super::mistake::{Wrong, did_you_mean};
use super::selector::Selector;
use super::syntax::{Form, Name, Syntax};
use super::{macros, parser};
use crate::domain::method::Sort;
use crate::domain::strength::{Properties, Property};

/// What another requirement's name stands for.
pub enum Referred {
    /// This.
    Expression(Expression),
    /// It has mistakes of its own, which are told where they are.
    Broken,
    /// It leads back here, by these names.
    Cycle(Vec<String>),
    /// Too many names lead from one to the next.
    TooFar,
    /// There is none.
    Unknown,
}

/// Resolves names. Collects every mistake.
pub struct Resolver<'a, R> {
    /// Methods and properties.
    pub vocabulary: &'a Vocabulary,
    /// Other requirements, by name.
    pub refer: R,
    /// The names of all requirements, to guess what was meant.
    pub requirements: &'a [&'a str],
    /// What is wrong so far.
    pub wrongs: Vec<Wrong>,
}

impl<R: FnMut(&str) -> Referred> Resolver<'_, R> {
    /// What is asked; nothing where a mistake was found, or one that is told elsewhere.
    pub fn resolve(&mut self, syntax: &Syntax<'_>) -> Option<Expression> {
        match &syntax.form {
            Form::Names(names) => self.names(names),
            Form::Any(parts) => self.each(parts).map(Expression::any),
            Form::All(parts) => self.each(parts).map(Expression::all),
            Form::AtLeast(count, parts) => self.each(parts).map(|parts| Expression::at_least(*count, parts)),
            Form::Distinct(parts) => self.each(parts).map(Expression::Distinct),
            Form::Bound { inner, within, for_transaction } => {
                self.resolve(inner).map(|inner| inner.bound(*within, *for_transaction))
            }
        }
    }

    /// All of them are looked at, so that all mistakes are found.
    fn each(&mut self, parts: &[Syntax<'_>]) -> Option<Vec<Expression>> {
        let resolved: Vec<_> = parts.iter().map(|part| self.resolve(part)).collect();
        resolved.into_iter().collect()
    }

    fn names(&mut self, names: &[Name<'_>]) -> Option<Expression> {
        if let [Name { text, negated: false, span }] = names
            && self.selectable(text).is_none()
        {
            if let Some(text) = macros::text(text) {
                return self.expand(text);
            }
            match (self.refer)(text) {
                Referred::Expression(expression) => return Some(expression),
                Referred::Broken => return None,
                Referred::Cycle(path) => {
                    let label = "a requirement cannot be a part of itself";
                    let title = format!("names go in a circle: {}", path.join(" -> "));
                    self.wrongs.push(Wrong::new(span.clone(), title, label));
                    return None;
                }
                Referred::TooFar => {
                    let title = "too many requirements lead from one to the next";
                    self.wrongs.push(Wrong::new(span.clone(), title, "write here what it stands for"));
                    return None;
                }
                Referred::Unknown => {}
            }
        }
        let selectors: Vec<_> = names.iter().map(|name| self.selector(name)).collect();
        let mut whole = Selector::ANY;
        for (selector, name) in selectors.into_iter().zip(names) {
            let Selector { sort, properties } = selector?;
            if let (Some(one), Some(two)) = (&whole.sort, &sort)
                && one != two
            {
                let title = format!("no evidence is both `{}` and `{}`", one.name(), two.name());
                let label = "`&` joins properties of one piece of evidence: write `and`";
                self.wrongs.push(Wrong::new(name.span.clone(), title, label));
                return None;
            }
            whole.sort = whole.sort.or(sort);
            whole.properties = properties.iter().fold(whole.properties, Properties::with);
        }
        Some(Expression::Leaf(Leaf {
            selector: whole,
            within: None,
            for_transaction: false,
            not_for_transaction: false,
        }))
    }

    fn expand(&mut self, text: &str) -> Option<Expression> {
        parser::parse(text).ok().and_then(|syntax| self.resolve(&syntax))
    }

    /// What a name selects by itself.
    fn selectable(&self, text: &str) -> Option<Selector> {
        if text == "any" {
            return Some(Selector::ANY);
        }
        let property = Property::from_name(text).map(Selector::from);
        property.or_else(|| self.vocabulary.entry(text).map(|entry| Selector::from(Sort::clone(&entry.sort))))
    }

    fn selector(&mut self, name: &Name<'_>) -> Option<Selector> {
        let selected = match name.negated {
            true => Property::from_negated(name.text).map(Selector::from),
            false => self.selectable(name.text),
        };
        if selected.is_none() {
            let wrong = self.explain(name);
            self.wrongs.push(wrong);
        }
        selected
    }

    fn explain(&self, Name { text, negated, span }: &Name<'_>) -> Wrong {
        let wrong = |title: String, label: &str| Wrong::new(span.clone(), title, label);
        if *negated {
            let label = "only `not recovery` and `not restricted_channel`: more evidence never makes a \
                         requirement false";
            return wrong(format!("`not {text}` cannot be asked for"), label);
        }
        if Property::from_negated(text).is_some() {
            return wrong(format!("`{text}` cannot be asked for"), &format!("only `not {text}`"));
        }
        if macros::text(text).is_some() || self.requirements.contains(text) {
            let label = "`&` joins properties of one piece of evidence: write `and`";
            return wrong(format!("`{text}` is a requirement of its own"), label);
        }
        let known = self.vocabulary.names().into_iter().chain(self.requirements.iter().copied());
        let guess = did_you_mean(text, known);
        let label = guess.as_deref().unwrap_or("no method, property or requirement has this name");
        wrong(format!("`{text}` is not known"), label)
    }
}
