//! The requirements of a configuration, by name.

use std::collections::BTreeMap;

use super::super::vocabulary::Vocabulary;
use super::expression::Expression;
use super::mistake::{Mistakes, Wrong};
use super::resolve::{Referred, Resolver};
use super::{ALTERNATIVES_MAX, DEPTH_MAX, LEAVES_MAX, PACKED_LEAVES_MAX, Requirement, parser};

/// How many requirements may lead from one to the next: reading them takes stack.
const CHAIN_MAX: usize = 16;

/// Requirements by name, and the methods that they speak of.
#[derive(Debug, Clone)]
pub struct Requirements {
    by_name: BTreeMap<String, Requirement>,
    vocabulary: Vocabulary,
}

impl Requirements {
    /// Parses requirements: names and texts.
    ///
    /// # Errors
    /// Every mistake in every text.
    pub fn parse(texts: &[(&str, &str)], vocabulary: Vocabulary) -> Result<Self, Mistakes> {
        let names: Vec<&str> = texts.iter().map(|(name, _)| *name).collect();
        let mut loading = Loading {
            texts: texts.iter().rev().copied().collect(),
            names: &names,
            vocabulary: &vocabulary,
            done: BTreeMap::new(),
            path: Vec::new(),
            mistakes: Mistakes::default(),
        };
        for (index, (name, text)) in texts.iter().enumerate() {
            let twice = || Wrong::new(0..name.len(), format!("`{name}` is here twice"), "keep one of them");
            let named = vocabulary.check_name(name);
            let named = if names[..index].contains(name) { named.and(Err(twice())) } else { named };
            if let Err(wrong) = named {
                loading.mistakes.push(wrong.within("requirements", *name));
                continue;
            }
            loading.load(name, text);
        }
        let Loading { done, mistakes, .. } = loading;
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let by_name = done
            .into_iter()
            .filter_map(|(name, expression)| Some((name.to_owned(), Requirement::new(name, expression?))))
            .collect();
        Ok(Self { by_name, vocabulary })
    }

    /// The same set, in which the requirements of these names [guard devices](Requirement::guarding).
    #[must_use]
    pub fn guarding(mut self, names: &[&str]) -> Self {
        for (name, requirement) in &mut self.by_name {
            if names.contains(&name.as_str()) {
                *requirement = requirement.clone().guarding();
            }
        }
        self
    }

    /// The requirement of that name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Requirement> {
        self.by_name.get(name)
    }

    /// Each, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Requirement> {
        self.by_name.values()
    }

    /// What they speak of.
    #[must_use]
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }
}

struct Loading<'a> {
    texts: BTreeMap<&'a str, &'a str>,
    names: &'a [&'a str],
    vocabulary: &'a Vocabulary,
    /// What is loaded; nothing where there were mistakes.
    done: BTreeMap<&'a str, Option<Expression>>,
    /// What is being loaded, the outermost first.
    path: Vec<&'a str>,
    mistakes: Mistakes,
}

impl<'a> Loading<'a> {
    fn load(&mut self, name: &'a str, text: &'a str) {
        if self.done.contains_key(name) {
            return;
        }
        self.path.push(name);
        let mut wrongs = Vec::new();
        let expression = match parser::parse(text) {
            Ok(syntax) => {
                let (vocabulary, requirements) = (self.vocabulary, self.names);
                let refer = |other: &str| self.refer(other);
                let mut resolver = Resolver { vocabulary, refer, requirements, wrongs: Vec::new() };
                let expression = resolver.resolve(&syntax);
                wrongs = resolver.wrongs;
                expression.and_then(|expression| match limits(&expression, text) {
                    Ok(()) => Some(expression),
                    Err(wrong) => {
                        wrongs.push(wrong);
                        None
                    }
                })
            }
            Err(wrong) => {
                wrongs.push(wrong);
                None
            }
        };
        self.path.pop();
        for wrong in wrongs {
            self.mistakes.push(wrong.within(format!("requirements.{name}"), text));
        }
        self.done.insert(name, expression);
    }

    fn refer(&mut self, other: &str) -> Referred {
        if let Some(start) = self.path.iter().position(|name| *name == other) {
            let circle = self.path[start..].iter().chain([&other]);
            return Referred::Cycle(circle.map(|name| (*name).to_owned()).collect());
        }
        let Some((name, text)) = self.texts.get_key_value(other).map(|(name, text)| (*name, *text)) else {
            return Referred::Unknown;
        };
        if self.vocabulary.check_name(name).is_err() {
            return Referred::Broken;
        }
        if self.path.len() >= CHAIN_MAX {
            return Referred::TooFar;
        }
        self.load(name, text);
        match self.done.get(name) {
            Some(Some(expression)) => Referred::Expression(expression.clone()),
            _ => Referred::Broken,
        }
    }
}

/// A decision is quick because requirements are small.
fn limits(expression: &Expression, text: &str) -> Result<(), Wrong> {
    let wrong = |title: String| {
        let label = "with every name and macro expanded";
        Err(Wrong::new(0..text.trim_end().len(), title, label))
    };
    let leaves = expression.leaves().len();
    if leaves > LEAVES_MAX {
        return wrong(format!("this names evidence {leaves} times, and at most {LEAVES_MAX} are allowed"));
    }
    let depth = expression.depth();
    if depth > DEPTH_MAX {
        return wrong(format!("this is nested {depth} deep, and at most {DEPTH_MAX} are allowed"));
    }
    let packed = expression.packed_leaves();
    if packed > PACKED_LEAVES_MAX {
        return wrong(format!(
            "this has a `distinct` of which a part asks for several pieces of evidence, and which names evidence \
             {packed} times: at most {PACKED_LEAVES_MAX} are allowed"
        ));
    }
    let alternatives = expression.alternatives();
    if alternatives > ALTERNATIVES_MAX {
        let title =
            format!("this can be met in {alternatives} ways, and at most {ALTERNATIVES_MAX} are allowed");
        return wrong(title);
    }
    Ok(())
}
