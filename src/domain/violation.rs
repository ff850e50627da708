//! What is wrong with a request, field by field.

use std::borrow::Cow;

/// One thing that is wrong, in words that say what would be right. Never repeats a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem(Cow<'static, str>);

impl Problem {
    /// Says it: lower case, no period, to be read after the field's name.
    pub fn new(text: impl Into<Cow<'static, str>>) -> Self {
        Self(text.into())
    }

    /// The words.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A field and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The field's path in the request, as protobuf names it: `totp.digits`.
    pub field: String,
    /// What is wrong.
    pub problem: Problem,
}

/// Everything that is wrong with a request: one answer names it all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// A request with one thing wrong.
    pub fn one(field: impl Into<String>, problem: impl Into<Cow<'static, str>>) -> Self {
        Self(vec![Violation { field: field.into(), problem: Problem::new(problem) }])
    }

    /// Adds one.
    pub fn push(&mut self, field: impl Into<String>, problem: Problem) {
        self.0.push(Violation { field: field.into(), problem });
    }

    /// Notes the problem, if there is one, and gives the value, if there is one.
    pub fn take<T>(&mut self, field: &str, parsed: Result<T, Problem>) -> Option<T> {
        parsed.map_err(|problem| self.push(field, problem)).ok()
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each.
    pub fn iter(&self) -> impl Iterator<Item = &Violation> {
        self.0.iter()
    }
}
