//! What an expression may hold: comparisons, `&&`, `||`, `!`, `?:`, `in` a list, and a few functions of
//! texts. No loops, no maps, and no arithmetic, in which CEL does not mix whole numbers and fractions. Its attributes and their types follow from it.

use std::collections::BTreeMap;
use std::ops::Range;

use cel::common::ast::operators as op;
use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue};
use cel::{ParseErrors, Program};

use super::super::requirement::mistake::Wrong;
use super::types::Type;

/// How deep an expression may be nested: evaluating it takes stack.
const DEPTH_MAX: usize = 24;

/// What is wrong with an expression that is no CEL.
pub(super) fn misread(text: &str, errors: &ParseErrors) -> Wrong {
    let Some(first) = errors.errors.first() else {
        return Wrong::new(0..text.len(), "this is no CEL expression", "here");
    };
    let (line, column) = (whole(first.pos.0), whole(first.pos.1));
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = text.get(start..).unwrap_or("");
    let offset =
        rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.trim_end().len(), |(at, _)| at);
    let at = (start + offset).min(text.len());
    let said = first.msg.strip_prefix("Syntax error: ").unwrap_or(&first.msg);
    let said = said.split(" expecting").next().unwrap_or(said);
    Wrong::new(at..at, "this is no CEL expression", said.replace("'<EOF>'", "end"))
}

fn whole(number: isize) -> usize {
    usize::try_from(number).unwrap_or(0)
}

/// The attributes that an expression asks for.
///
/// # Errors
/// What it may not hold.
pub(super) fn attributes(text: &str, program: &Program) -> Result<BTreeMap<String, Type>, Wrong> {
    let mut checker = Checker { text, program, types: BTreeMap::new(), is_final: false, is_settled: true };
    let root = program.expression();
    // What two attributes are that are compared with each other may be known only from elsewhere in the
    // expression, so it is read until nothing new is learned; then such a pair is of numbers if it is put in
    // order, and of texts if not.
    loop {
        let known = checker.types.len();
        checker.is_settled = true;
        checker.demand(root, Type::Truth, 0)?;
        if checker.is_settled {
            return Ok(checker.types);
        }
        if checker.types.len() == known {
            checker.is_final = true;
        }
    }
}

struct Checker<'a> {
    text: &'a str,
    program: &'a Program,
    types: BTreeMap<String, Type>,
    /// What is not known yet is settled by how it is compared.
    is_final: bool,
    /// Nothing was left open.
    is_settled: bool,
}

impl Checker<'_> {
    /// Where a part of the expression stands.
    fn place(&self, part: &IdedExpr) -> Range<usize> {
        let offsets = self.program.source_info().offset_for(part.id);
        let byte = |position: u32| {
            let position = usize::try_from(position).unwrap_or(usize::MAX);
            self.text.char_indices().nth(position).map_or(self.text.len(), |(at, _)| at)
        };
        offsets.map_or(0..self.text.len(), |(start, end)| byte(start)..byte(end.max(start) + 1))
    }

    fn refuse<T>(&self, part: &IdedExpr, title: impl Into<String>, label: &str) -> Result<T, Wrong> {
        Err(Wrong::new(self.place(part), title, label))
    }

    /// It must be of that type.
    fn demand(&mut self, part: &IdedExpr, wanted: Type, depth: usize) -> Result<(), Wrong> {
        if let Expr::Ident(name) = &part.expr {
            return match self.types.insert(name.clone(), wanted) {
                Some(other) if other != wanted => {
                    let title =
                        format!("`{name}` is {} here, and {} elsewhere", wanted.words(), other.words());
                    self.refuse(part, title, "an attribute is one of them")
                }
                _ => Ok(()),
            };
        }
        match self.infer(part, depth)? {
            Some(found) if found != wanted => {
                let title = format!("this is {}, and {} belongs here", found.words(), wanted.words());
                self.refuse(part, title, "here")
            }
            _ => Ok(()),
        }
    }

    /// What it is, as far as it is known.
    fn infer(&mut self, part: &IdedExpr, depth: usize) -> Result<Option<Type>, Wrong> {
        if depth > DEPTH_MAX {
            return self.refuse(part, "this is nested too deep", "make several rules of it");
        }
        match &part.expr {
            Expr::Ident(name) => Ok(self.types.get(name).copied()),
            Expr::Literal(LiteralValue::Boolean(_)) => Ok(Some(Type::Truth)),
            Expr::Literal(LiteralValue::String(_)) => Ok(Some(Type::Text)),
            Expr::Literal(LiteralValue::Int(_) | LiteralValue::Double(_)) => Ok(Some(Type::Number)),
            Expr::Call(call) => self.call(part, call, depth + 1).map(Some),
            Expr::Select(_) => self.refuse(part, "attributes have no fields", "name the attribute itself"),
            Expr::List(_) => self.refuse(part, "a list has its place after `in`", "compare single values"),
            _ => self.refuse(
                part,
                "this cannot be used in a rule",
                "comparisons, `&&`, `||`, `!`, `in` a list",
            ),
        }
    }

    fn call(&mut self, part: &IdedExpr, call: &CallExpr, depth: usize) -> Result<Type, Wrong> {
        let CallExpr { func_name, target, args } = call;
        match (func_name.as_str(), target.as_deref(), args.as_slice()) {
            (op::LOGICAL_AND | op::LOGICAL_OR, None, [one, two]) => {
                self.demand(one, Type::Truth, depth)?;
                self.demand(two, Type::Truth, depth)?;
                Ok(Type::Truth)
            }
            (op::LOGICAL_NOT, None, [one]) => self.demand(one, Type::Truth, depth).map(|()| Type::Truth),
            (op::CONDITIONAL, None, [one, two, three]) => {
                for part in [one, two, three] {
                    self.demand(part, Type::Truth, depth)?;
                }
                Ok(Type::Truth)
            }
            (op::EQUALS | op::NOT_EQUALS, None, [one, two]) => self.alike(&[one, two], Type::Text, depth),
            (op::LESS | op::LESS_EQUALS | op::GREATER | op::GREATER_EQUALS, None, [one, two]) => {
                self.alike(&[one, two], Type::Number, depth)
            }
            (op::ADD | op::SUBSTRACT | op::MULTIPLY | op::DIVIDE | op::MODULO, None, _) => self.refuse(
                part,
                "there is no arithmetic in rules",
                "send the sum as an attribute of its own",
            ),
            (op::NEGATE, None, [one]) => self.demand(one, Type::Number, depth).map(|()| Type::Number),
            (op::IN, None, [one, IdedExpr { expr: Expr::List(list), .. }]) => {
                let all: Vec<&IdedExpr> = [one].into_iter().chain(&list.elements).collect();
                self.alike(&all, Type::Text, depth)
            }
            ("startsWith" | "endsWith" | "contains", Some(one), [two]) => {
                self.demand(one, Type::Text, depth)?;
                self.demand(two, Type::Text, depth)?;
                Ok(Type::Truth)
            }
            ("size", None, [one]) | ("size", Some(one), []) => {
                self.demand(one, Type::Text, depth).map(|()| Type::Number)
            }
            _ => {
                let label = "there are `startsWith`, `endsWith`, `contains` and `size`";
                self.refuse(part, "this cannot be used in a rule", label)
            }
        }
    }

    /// All of one type, whichever it is.
    fn alike(&mut self, parts: &[&IdedExpr], otherwise: Type, depth: usize) -> Result<Type, Wrong> {
        let mut found = None;
        for part in parts {
            let inferred = self.infer(part, depth)?;
            found = found.or(inferred);
        }
        if found.is_none() && !self.is_final {
            self.is_settled = false;
            return Ok(Type::Truth);
        }
        for part in parts {
            self.demand(part, found.unwrap_or(otherwise), depth)?;
        }
        Ok(Type::Truth)
    }
}
