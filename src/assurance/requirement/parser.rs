//! The grammar of requirements.
//!
//! ```text
//! alternative = conjunction { "or" conjunction }
//! conjunction = term { "and" term }
//! term        = atom [ "within" duration ] [ "for" "transaction" ]
//! atom        = selector | "(" alternative ")"
//!             | number "of" "(" alternative { "," alternative } ")"
//!             | "distinct" "(" alternative { "," alternative } ")"
//! selector    = property { "&" property }
//! property    = [ "not" ] name
//! ```

use std::ops::Range;
use std::time::Duration;

use winnow::combinator::{opt, preceded, separated};
use winnow::error::{ErrMode, ParserError};
use winnow::prelude::*;
use winnow::stream::{Stateful, TokenSlice};
use winnow::token::any;

use super::lexer::{Lexeme, Token, tokens};
use super::mistake::Wrong;
use super::syntax::{Form, Name, Syntax};
use super::{DEPTH_MAX, TEXT_MAX};

/// Words that are no names.
pub const KEYWORDS: [&str; 8] = ["or", "and", "of", "distinct", "within", "for", "transaction", "not"];

type Input<'t, 's> = Stateful<TokenSlice<'s, Token<'t>>, Place>;
type Parsed<O> = ModalResult<O, Wrong>;

/// Where the parser is.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// Brackets that are open.
    depth: usize,
    /// Bytes of the text.
    end: usize,
}

impl ParserError<Input<'_, '_>> for Wrong {
    type Inner = Self;

    fn from_input(input: &Input<'_, '_>) -> Self {
        Self::new(here(input), "this cannot be read", "here")
    }

    fn into_inner(self) -> Result<Self, Self> {
        Ok(self)
    }
}

/// Parses a text.
///
/// # Errors
/// The first thing that is wrong.
pub fn parse(text: &str) -> Result<Syntax<'_>, Wrong> {
    if text.len() > TEXT_MAX {
        let title = format!("a requirement has at most {TEXT_MAX} bytes, and this has {}", text.len());
        return Err(Wrong::new(0..0, title, "give parts of it names of their own"));
    }
    let tokens = tokens(text)?;
    let place = Place { depth: 0, end: text.trim_end().len() };
    let mut input = Stateful { input: TokenSlice::new(&tokens), state: place };
    let parsed = alternative(&mut input).and_then(|syntax| finish(&mut input).map(|()| syntax));
    parsed.map_err(|e| match e {
        ErrMode::Cut(wrong) | ErrMode::Backtrack(wrong) => wrong,
        ErrMode::Incomplete(_) => Wrong::new(place.end..place.end, "this cannot be read", "it ends early"),
    })
}

/// The next token's bytes, or the end of the text.
fn here(input: &Input<'_, '_>) -> Range<usize> {
    input.first().map_or(input.state.end..input.state.end, |token| token.span.clone())
}

fn cut<O>(span: Range<usize>, title: impl Into<String>, label: impl Into<String>) -> Parsed<O> {
    Err(ErrMode::Cut(Wrong::new(span, title, label)))
}

fn lexeme<'t: 's, 's>(wanted: Lexeme<'static>) -> impl Parser<Input<'t, 's>, &'s Token<'t>, ErrMode<Wrong>> {
    any.verify(move |token: &&Token<'_>| token.lexeme == wanted)
}

fn keyword<'t: 's, 's>(word: &'static str) -> impl Parser<Input<'t, 's>, &'s Token<'t>, ErrMode<Wrong>> {
    lexeme(Lexeme::Word(word))
}

fn alternative<'t>(input: &mut Input<'t, '_>) -> Parsed<Syntax<'t>> {
    let parts: Vec<_> = separated(1.., conjunction, keyword("or")).parse_next(input)?;
    Ok(joined(parts, Form::Any))
}

fn conjunction<'t>(input: &mut Input<'t, '_>) -> Parsed<Syntax<'t>> {
    let parts: Vec<_> = separated(1.., term, keyword("and")).parse_next(input)?;
    Ok(joined(parts, Form::All))
}

fn joined<'t>(mut parts: Vec<Syntax<'t>>, form: impl Fn(Vec<Syntax<'t>>) -> Form<'t>) -> Syntax<'t> {
    match (parts.len(), parts.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            parts.extend(last);
            let start = parts.first().map_or(0, |part| part.span.start);
            let end = parts.last().map_or(0, |part| part.span.end);
            Syntax { span: start..end, form: form(parts) }
        }
    }
}

fn term<'t>(input: &mut Input<'t, '_>) -> Parsed<Syntax<'t>> {
    let inner = atom(input)?;
    let within = opt(preceded(keyword("within"), duration)).parse_next(input)?;
    let transaction = opt(preceded(keyword("for"), transaction)).parse_next(input)?;
    if within.is_none() && transaction.is_none() {
        return Ok(inner);
    }
    let end = transaction.or(within.as_ref().map(|(_, end)| *end)).unwrap_or(inner.span.end);
    Ok(Syntax {
        span: inner.span.start..end,
        form: Form::Bound {
            inner: Box::new(inner),
            within: within.map(|(duration, _)| duration),
            for_transaction: transaction.is_some(),
        },
    })
}

fn duration(input: &mut Input<'_, '_>) -> Parsed<(Duration, usize)> {
    let at = here(input);
    match opt(any).parse_next(input)? {
        Some(Token { lexeme: Lexeme::Duration(duration), span }) => Ok((*duration, span.end)),
        Some(Token { lexeme: Lexeme::Number(0), .. }) => {
            cut(at, "nothing can be done within `0`", "at least one second, 1s")
        }
        Some(Token { lexeme: Lexeme::Number(count), .. }) => cut(
            at,
            "a duration needs a unit",
            format!("write `{count}s`, `{count}m`, `{count}h` or `{count}d`"),
        ),
        _ => cut(at, "`within` needs a duration", "like 90s, 15m, 12h or 30d"),
    }
}

fn transaction(input: &mut Input<'_, '_>) -> Parsed<usize> {
    let at = here(input);
    match opt(keyword("transaction")).parse_next(input)? {
        Some(token) => Ok(token.span.end),
        None => cut(
            at,
            "`for` is followed by `transaction`",
            "write `for transaction`, or `within` with a duration",
        ),
    }
}

fn atom<'t>(input: &mut Input<'t, '_>) -> Parsed<Syntax<'t>> {
    let at = here(input);
    match input.first().map(|token| token.lexeme) {
        Some(Lexeme::Open) => {
            let (inner, span) = bracketed(input, alternative)?;
            Ok(Syntax { span, form: inner.form })
        }
        Some(Lexeme::Word("distinct")) => {
            any.void().parse_next(input)?;
            let (parts, span) = listed(input, "distinct")?;
            Ok(Syntax { span: at.start..span.end, form: Form::Distinct(parts) })
        }
        Some(Lexeme::Number(count)) => {
            any.void().parse_next(input)?;
            let next = here(input);
            if opt(keyword("of")).parse_next(input)?.is_none() {
                return cut(next, "a number is followed by `of`", format!("write `{count} of (…, …)`"));
            }
            let (parts, span) = listed(input, "of")?;
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            if count == 0 || count > parts.len() {
                let title = format!("{count} of {} cannot be asked for", parts.len());
                return cut(at, title, format!("from 1 to {}", parts.len()));
            }
            Ok(Syntax { span: at.start..span.end, form: Form::AtLeast(count, parts) })
        }
        _ => selector(input),
    }
}

/// What stands in brackets, and the place of the brackets.
fn bracketed<'t, 's, O>(
    input: &mut Input<'t, 's>,
    mut inner: impl FnMut(&mut Input<'t, 's>) -> Parsed<O>,
) -> Parsed<(O, Range<usize>)> {
    let open = here(input);
    lexeme(Lexeme::Open).void().parse_next(input)?;
    if input.state.depth == DEPTH_MAX {
        let title = format!("brackets are nested more than {DEPTH_MAX} deep");
        return cut(open, title, "give the inner part a name of its own");
    }
    input.state.depth += 1;
    let value = inner(input)?;
    input.state.depth -= 1;
    let at = here(input);
    match opt(lexeme(Lexeme::Close)).parse_next(input)? {
        Some(close) => Ok((value, open.start..close.span.end)),
        None if input.is_empty() => cut(open, "a bracket is not closed", "opened here, and `)` is missing"),
        None => unexpected(input, at),
    }
}

/// Two or more alternatives in brackets.
fn listed<'t>(input: &mut Input<'t, '_>, what: &str) -> Parsed<(Vec<Syntax<'t>>, Range<usize>)> {
    let at = here(input);
    if input.first().map(|token| token.lexeme) != Some(Lexeme::Open) {
        return cut(
            at,
            format!("`{what}` is followed by a list in brackets"),
            format!("write `{what} (…, …)`"),
        );
    }
    let (parts, span): (Vec<_>, _) =
        bracketed(input, |input| separated(1.., alternative, lexeme(Lexeme::Comma)).parse_next(input))?;
    if parts.len() < 2 {
        return cut(span, format!("`{what}` needs two or more to choose from"), "separated by commas");
    }
    Ok((parts, span))
}

fn selector<'t>(input: &mut Input<'t, '_>) -> Parsed<Syntax<'t>> {
    let names: Vec<_> = separated(1.., name, lexeme(Lexeme::With)).parse_next(input)?;
    let start = names.first().map_or(0, |name: &Name<'_>| name.span.start);
    let end = names.last().map_or(0, |name| name.span.end);
    Ok(Syntax { span: start..end, form: Form::Names(names) })
}

fn name<'t>(input: &mut Input<'t, '_>) -> Parsed<Name<'t>> {
    let not = opt(keyword("not")).parse_next(input)?.map(|token| token.span.start);
    let at = here(input);
    match input.first().map(|token| token.lexeme) {
        Some(Lexeme::Word(text)) if !KEYWORDS.contains(&text) => {
            any.void().parse_next(input)?;
            Ok(Name { text, negated: not.is_some(), span: not.unwrap_or(at.start)..at.end })
        }
        None if at.end == 0 => cut(at, "nothing is asked for", "write `any` where any evidence will do"),
        _ if not.is_some() => {
            cut(at, "`not` is followed by a property", "only `not recovery` and `not restricted_channel`")
        }
        Some(Lexeme::With) => cut(
            at,
            "`&` stands between two properties of one piece of evidence",
            "once; elsewhere write `and`",
        ),
        Some(_) => cut(at, "a method, a property or a requirement belongs here", "instead of this"),
        None => cut(at, "a method, a property or a requirement belongs here", "it ends too early"),
    }
}

/// Nothing may be left.
fn finish(input: &mut Input<'_, '_>) -> Parsed<()> {
    if input.is_empty() {
        return Ok(());
    }
    let at = here(input);
    unexpected(input, at)
}

fn unexpected<O>(input: &Input<'_, '_>, at: Range<usize>) -> Parsed<O> {
    let inside = input.state.depth > 0;
    match input.first().map(|token| token.lexeme) {
        Some(Lexeme::Word("within")) => cut(
            at,
            "`within` is out of place",
            "once, directly after what it bounds, and before `for transaction`",
        ),
        Some(Lexeme::Word("for")) => cut(at, "`for transaction` is here twice", "once will do"),
        Some(Lexeme::Word(word @ ("AND" | "OR" | "And" | "Or" | "WITHIN" | "FOR" | "OF"))) => {
            cut(at, "keywords are written in lower case", format!("write `{}`", word.to_lowercase()))
        }
        Some(Lexeme::With) => {
            cut(at, "`&` joins properties of one piece of evidence", "write `and` between requirements")
        }
        Some(Lexeme::Close) if !inside => {
            cut(at, "a bracket is closed that was never opened", "leave it out")
        }
        Some(Lexeme::Comma) if !inside => {
            cut(at, "a comma has its place in `of (…)` and `distinct(…)`", "write `and` or `or`")
        }
        Some(Lexeme::Duration(_)) => cut(at, "a duration follows `within`", "write `within` before it"),
        _ => cut(at, "two requirements stand side by side", "join them by `and` or `or`"),
    }
}
