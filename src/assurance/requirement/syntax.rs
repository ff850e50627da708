//! A requirement as it is written, before its names are known.

use std::ops::Range;
use std::time::Duration;

/// A part of a requirement and its place.
#[derive(Debug, Clone)]
pub struct Syntax<'t> {
    /// Its bytes in the text.
    pub span: Range<usize>,
    /// What it is.
    pub form: Form<'t>,
}

/// What a part is.
#[derive(Debug, Clone)]
pub enum Form<'t> {
    /// Names joined by `&`; one name alone may also be a requirement's or a macro's.
    Names(Vec<Name<'t>>),
    /// `or`
    Any(Vec<Syntax<'t>>),
    /// `and`
    All(Vec<Syntax<'t>>),
    /// `N of (…)`
    AtLeast(usize, Vec<Syntax<'t>>),
    /// `distinct(…)`
    Distinct(Vec<Syntax<'t>>),
    /// `… within …`, `… for transaction`
    Bound {
        /// What is bound.
        inner: Box<Syntax<'t>>,
        /// How fresh.
        within: Option<Duration>,
        /// Given for this transaction.
        for_transaction: bool,
    },
}

/// A name and its place.
#[derive(Debug, Clone)]
pub struct Name<'t> {
    /// The name, without its `not`.
    pub text: &'t str,
    /// After `not`.
    pub negated: bool,
    /// Its bytes in the text, its `not` included.
    pub span: Range<usize>,
}
