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

/// The number of violations of one request that are kept and named. The others are counted.
pub const VIOLATIONS_MAX: usize = 16;

/// What is wrong with a request: one answer names up to [`VIOLATIONS_MAX`] violations, and the number of the others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Violations {
    kept: Vec<Violation>,
    more: usize,
}

impl Violations {
    /// A request with one thing wrong.
    pub fn one(field: impl Into<String>, problem: impl Into<Cow<'static, str>>) -> Self {
        Self { kept: vec![Violation { field: field.into(), problem: Problem::new(problem) }], more: 0 }
    }

    /// Adds one.
    pub fn push(&mut self, field: impl Into<String>, problem: Problem) {
        self.note(|| Violation { field: field.into(), problem });
    }

    /// Adds one, which is made only if it is kept.
    pub fn note(&mut self, violation: impl FnOnce() -> Violation) {
        if self.kept.len() < VIOLATIONS_MAX {
            self.kept.push(violation());
        } else {
            self.more += 1;
        }
    }

    /// Notes the problem, if there is one, and gives the value, if there is one.
    pub fn take<T>(&mut self, field: &str, parsed: Result<T, Problem>) -> Option<T> {
        parsed.map_err(|problem| self.push(field, problem)).ok()
    }

    /// Parses each element of a repeated field of at most `most` elements, and notes the problem of each under its
    /// index. With more elements, none is looked at: the only violation says so.
    pub fn each<T, U>(
        &mut self,
        field: &str,
        most: usize,
        elements: Vec<T>,
        mut parse: impl FnMut(T) -> Result<U, Problem>,
    ) -> Vec<U> {
        if !self.at_most(field, most, elements.len()) {
            return Vec::new();
        }
        let mut parsed = Vec::with_capacity(elements.len());
        for (index, element) in elements.into_iter().enumerate() {
            match parse(element) {
                Ok(value) => parsed.push(value),
                Err(problem) => self.note(|| Violation { field: format!("{field}[{index}]"), problem }),
            }
        }
        parsed
    }

    /// Whether a repeated field or map has no more elements than it may have. If not, the violation is noted.
    pub fn at_most(&mut self, field: &str, most: usize, count: usize) -> bool {
        let is_within = count <= most;
        if !is_within {
            self.note(|| Violation {
                field: field.to_owned(),
                problem: Problem::new(format!("must have at most {most} elements, and has {count}")),
            });
        }
        is_within
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Those that are kept.
    pub fn iter(&self) -> impl Iterator<Item = &Violation> {
        self.kept.iter()
    }

    /// The number of the others.
    #[must_use]
    pub fn more(&self) -> usize {
        self.more
    }
}

/// The bytes of a caller's own words that an error repeats at most.
pub const ECHO_MAX: usize = 128;

/// A caller's own words as an error repeats them: cut after [`ECHO_MAX`] bytes, with `…` in place of the rest.
#[must_use]
pub fn echo(text: &str) -> Cow<'_, str> {
    if text.len() <= ECHO_MAX {
        return Cow::Borrowed(text);
    }
    let end = text.floor_char_boundary(ECHO_MAX - '…'.len_utf8());
    Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_echo_is_short_and_begins_like_the_text(text in ".{0,200}") {
            let echoed = echo(&text);
            prop_assert!(echoed.len() <= ECHO_MAX);
            match echoed.strip_suffix('…').filter(|_| text.len() > ECHO_MAX) {
                Some(start) => prop_assert!(text.starts_with(start) && start.len() + 7 > ECHO_MAX),
                None => prop_assert_eq!(echoed.as_ref(), text.as_str()),
            }
        }
    }

    #[test]
    fn sixteen_are_kept_and_the_others_are_counted_without_being_made() {
        let mut violations = Violations::default();
        let mut made = 0;
        for n in 0..1000 {
            violations.note(|| {
                made += 1;
                Violation { field: format!("f[{n}]"), problem: Problem::new("is wrong") }
            });
        }
        assert_eq!((made, violations.iter().count(), violations.more()), (16, 16, 984));
    }

    #[test]
    fn elements_past_the_bound_are_not_looked_at() {
        let mut violations = Violations::default();
        let refused = |_: u8| -> Result<u8, Problem> { panic!("an element was looked at") };
        assert!(violations.each("codes", 3, vec![0; 4], refused).is_empty());
        let said: Vec<_> = violations.iter().map(|one| format!("{} {}", one.field, one.problem)).collect();
        assert_eq!(said, ["codes must have at most 3 elements, and has 4"]);
        let odd = |n: u8| if n % 2 == 1 { Ok(n) } else { Err(Problem::new("must be odd")) };
        assert_eq!(violations.each("n", 3, vec![1, 2, 3], odd), [1, 3]);
        assert_eq!(violations.iter().last().map(|one| one.field.clone()), Some("n[1]".to_owned()));
    }
}
