//! Which items of other rooms a file names.

use super::source::Source;

/// Every path from the root of the crate that the code names, with its place: `domain::ids::Tenant`.
pub(super) fn named(source: &Source) -> Vec<(usize, String)> {
    let code = source.code();
    let depth = source.in_src().map_or(0, modules_deep);
    let mut paths = Vec::new();
    for start in ["crate::", "countersign::"] {
        for at in words(code, start) {
            let mut found = Vec::new();
            spread(&code[at + start.len()..], "", &mut found);
            paths.extend(found.into_iter().map(|path| (at, path)));
        }
    }
    // The first of each chain of `super::`; those that follow belong to it.
    for at in words(code, "super::").filter(|at| !code[..*at].ends_with("super::")) {
        let mut rest = &code[at..];
        let mut up = 0;
        while let Some(further) = rest.strip_prefix("super::") {
            rest = further;
            up += 1;
        }
        if up >= depth {
            let mut found = Vec::new();
            spread(rest, "", &mut found);
            paths.extend(found.into_iter().map(|path| (at, path)));
        }
    }
    paths.sort();
    paths
}

/// Every mention of a crate, or of one whose name begins with it and an underscore.
pub(super) fn mentions(source: &Source, name: &str) -> Vec<usize> {
    let code = source.code();
    words(code, name)
        .filter(|at| {
            let rest = &code[at + name.len()..];
            let rest = rest.strip_prefix('_').map_or(rest, |more| more.trim_start_matches(is_word));
            let before = code[..*at].trim_end();
            let before = before.strip_suffix("use ::").map_or(before, |_| "use");
            // `tonic::…`, `use tonic;`, `use ::tonic;`; and not `self::tonic::…`.
            before.ends_with("use") || rest.starts_with("::") && !before.ends_with("::")
        })
        .collect()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The places where that begins, not in the middle of a word.
fn words<'a>(code: &'a str, needle: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(needle).map(|(at, _)| at).filter(|at| !code[..*at].ends_with(is_word))
}

/// How many modules deep the code of a file is: 1 for `error.rs` and `kinds/mod.rs`, 2 for `kinds/wire.rs`.
fn modules_deep(path: &str) -> usize {
    match path {
        "lib.rs" | "main.rs" => 0,
        _ => path.split('/').filter(|part| *part != "mod.rs").count(),
    }
}

/// Spreads `a::{b, c::{d, e}}` out into `a::b`, `a::c::d`, `a::c::e`. Returns what follows it.
fn spread<'a>(code: &'a str, before: &str, found: &mut Vec<String>) -> &'a str {
    let code = code.trim_start();
    if let Some(mut rest) = code.strip_prefix('{') {
        loop {
            rest = rest.trim_start();
            if let Some(after) = rest.strip_prefix('}') {
                return after;
            }
            let left = rest.len();
            rest = spread(rest, before, found).trim_start();
            if let Some(renamed) = rest.strip_prefix("as ") {
                rest = renamed.trim_start().trim_start_matches(is_word).trim_start();
            }
            rest = rest.strip_prefix(',').unwrap_or(rest);
            if rest.is_empty() || rest.len() == left {
                return rest;
            }
        }
    }
    let end = code.find(|c| !is_word(c)).unwrap_or(code.len());
    let (name, rest) = if code.starts_with('*') { code.split_at(1) } else { code.split_at(end) };
    if name.is_empty() {
        return rest;
    }
    let path = if before.is_empty() { name.to_owned() } else { format!("{before}::{name}") };
    match rest.trim_start().strip_prefix("::") {
        // `path::<T>` ends here.
        Some(deeper) if !deeper.trim_start().starts_with('<') => spread(deeper, &path, found),
        _ => {
            found.push(path);
            rest
        }
    }
}
