//! Mistakes in requirements, shown to people: the line, a caret under the place, and what was meant.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

/// What is wrong, and where: a mistake that does not know yet in which text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// Bytes of the text.
    pub span: Range<usize>,
    /// What is wrong.
    pub title: String,
    /// What would be right, to stand beside the caret.
    pub label: String,
}

impl Wrong {
    /// Says it.
    pub fn new(span: Range<usize>, title: impl Into<String>, label: impl Into<String>) -> Self {
        Self { span, title: title.into(), label: label.into() }
    }

    /// Says in which text.
    #[must_use]
    pub fn within(self, origin: impl Into<String>, text: impl Into<String>) -> Mistake {
        Mistake { origin: origin.into(), text: text.into(), wrong: self }
    }
}

/// One mistake in one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Where the text stands: `requirements.login`.
    pub origin: String,
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub wrong: Wrong,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Wrong { span, title, label } = &self.wrong;
        let mark = AnnotationKind::Primary.span(span.clone()).label(label.as_str());
        let snippet = Snippet::source(self.text.as_str()).path(self.origin.as_str()).annotation(mark);
        let report = [Level::ERROR.primary_title(title.as_str()).element(snippet)];
        f.write_str(&Renderer::plain().render(&report))
    }
}

/// Every mistake of a configuration: one answer names them all.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    /// Adds one.
    pub fn push(&mut self, mistake: Mistake) {
        self.0.push(mistake);
    }

    /// With others.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each.
    pub fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.0.iter()
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.0.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n\n" };
            write!(f, "{gap}{mistake}")?;
        }
        Ok(())
    }
}

/// The known names nearest to what was written, as a question; nothing if none is near.
#[must_use]
pub fn did_you_mean<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let folded = written.to_lowercase().replace('-', "_");
    // Letters that are out of order count for little in the one measure, and a long name's end in the other.
    let likeness = |name: &str| {
        let slips = strsim::damerau_levenshtein(&folded, name);
        let few = slips <= 2 && slips * 2 <= folded.chars().count();
        strsim::jaro_winkler(&folded, name).max(if few { 0.8 } else { 0.0 })
    };
    let mut near: Vec<(f64, &str)> = known
        .into_iter()
        .map(|name| (likeness(name), name))
        .filter(|(likeness, _)| *likeness >= 0.8)
        .collect();
    near.sort_by(|(a, a_name), (b, b_name)| b.total_cmp(a).then_with(|| a_name.cmp(b_name)));
    near.dedup_by_key(|(_, name)| *name);
    let best = near.first().map_or(0.0, |(likeness, _)| *likeness);
    near.retain(|(likeness, _)| *likeness > best - 0.05);
    match near.as_slice() {
        [] => None,
        [(_, one)] => Some(format!("did you mean `{one}`?")),
        [(_, one), (_, two), ..] => Some(format!("did you mean `{one}` or `{two}`?")),
    }
}
