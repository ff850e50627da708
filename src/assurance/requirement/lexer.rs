//! Words, numbers, durations and marks of a requirement.

use std::ops::Range;
use std::time::Duration;

use winnow::combinator::{alt, preceded, repeat, terminated};
use winnow::error::{ErrMode, ParserError};
use winnow::prelude::*;
use winnow::stream::{LocatingSlice, Location, Stream};
use winnow::token::{any, take_while};

use super::mistake::Wrong;

/// The longest duration: ten years.
pub const LONGEST: Duration = Duration::from_secs(3650 * 24 * 3600);

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lexeme<'t> {
    /// A name or a keyword.
    Word(&'t str),
    /// A count.
    Number(u32),
    /// A number with a unit.
    Duration(Duration),
    /// `(`
    Open,
    /// `)`
    Close,
    /// `,`
    Comma,
    /// `&`
    With,
}

/// A token and its place.
#[derive(Debug, Clone)]
pub struct Token<'t> {
    /// What it is.
    pub lexeme: Lexeme<'t>,
    /// Its bytes in the text.
    pub span: Range<usize>,
}

type Input<'t> = LocatingSlice<&'t str>;

impl ParserError<Input<'_>> for Wrong {
    type Inner = Self;

    fn from_input(input: &Input<'_>) -> Self {
        let at = input.current_token_start();
        Self::new(at..at, "this cannot be read", "here")
    }

    fn into_inner(self) -> Result<Self, Self> {
        Ok(self)
    }
}

/// The tokens of a text.
///
/// # Errors
/// What cannot be in a requirement, and where.
pub fn tokens(text: &str) -> Result<Vec<Token<'_>>, Wrong> {
    let spaced = |input: &mut Input<'_>| -> ModalResult<(), Wrong> {
        take_while(0.., |c: char| c.is_ascii_whitespace()).void().parse_next(input)
    };
    let token = alt((word, number, mark, stranger)).with_span().map(|(lexeme, span)| Token { lexeme, span });
    let mut all = preceded(spaced, repeat(0.., terminated(token, spaced)));
    match all.parse_next(&mut LocatingSlice::new(text)) {
        Ok(tokens) => Ok(tokens),
        Err(ErrMode::Cut(wrong) | ErrMode::Backtrack(wrong)) => Err(wrong),
        Err(ErrMode::Incomplete(_)) => Err(Wrong::new(0..text.len(), "this cannot be read", "it ends early")),
    }
}

fn word<'t>(input: &mut Input<'t>) -> ModalResult<Lexeme<'t>, Wrong> {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    let rest = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    (any.verify(move |c| first(*c)), take_while(0.., rest)).take().map(Lexeme::Word).parse_next(input)
}

fn mark<'t>(input: &mut Input<'t>) -> ModalResult<Lexeme<'t>, Wrong> {
    any.verify_map(|c| match c {
        '(' => Some(Lexeme::Open),
        ')' => Some(Lexeme::Close),
        ',' => Some(Lexeme::Comma),
        '&' => Some(Lexeme::With),
        _ => None,
    })
    .parse_next(input)
}

fn number<'t>(input: &mut Input<'t>) -> ModalResult<Lexeme<'t>, Wrong> {
    let (text, span) = (
        any.verify(|c: &char| c.is_ascii_digit()),
        take_while(0.., |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.')),
    )
        .take()
        .with_span()
        .parse_next(input)?;
    let wrong = |title: String, label: &str| ErrMode::Cut(Wrong::new(span.clone(), title, label));
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (count, unit) = text.split_at(digits);
    let Ok(count) = count.parse::<u32>() else {
        return Err(wrong(format!("`{text}` is too large"), "at most ten years, 3650d"));
    };
    let seconds = match unit {
        "" => return Ok(Lexeme::Number(count)),
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => {
            let label = "a duration is a whole number and one of s, m, h, d: 90s, 15m, 12h, 30d";
            return Err(wrong(format!("`{text}` is no duration"), label));
        }
    };
    let duration = Duration::from_secs(u64::from(count) * seconds);
    if duration.is_zero() {
        return Err(wrong(format!("nothing can be done within `{text}`"), "at least one second, 1s"));
    }
    if duration > LONGEST {
        return Err(wrong(format!("`{text}` is too long"), "at most ten years, 3650d"));
    }
    Ok(Lexeme::Duration(duration))
}

/// What can start no token, with a word about what people bring from other languages.
fn stranger<'t>(input: &mut Input<'t>) -> ModalResult<Lexeme<'t>, Wrong> {
    let start = input.current_token_start();
    let rest: &str = input.peek_finish();
    let c = any.parse_next(input)?;
    let end = start + c.len_utf8();
    let (span, label) = match c {
        '|' => (start..end, "write `or`"),
        '!' => (start..end, "write `not recovery` or `not restricted_channel`; nothing else can be negated"),
        '"' | '\'' | '`' => (start..end, "names stand without quotes"),
        '+' => (start..end, "write `and`"),
        '#' => (start..start + rest.len(), "a requirement has no room for comments: write them above it"),
        '[' | ']' | '{' | '}' => (start..end, "write round brackets"),
        _ => (start..end, "names are letters, digits, `_`, `-` and `.`; marks are `(`, `)`, `,` and `&`"),
    };
    let shown = if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    Err(ErrMode::Cut(Wrong::new(span, format!("`{shown}` has no meaning here"), label)))
}
