//! The rules, as functions from sources to what is wrong with them.

use std::collections::BTreeSet;

use super::paths;
use super::source::Source;
use super::table::{CRATES, IMPORTS, LONG, LONGEST, fits};

/// What breaks a rule, a line each: where, and what would be right.
pub(super) fn broken(sources: &[Source]) -> Vec<String> {
    let tests: Vec<_> = sources.iter().flat_map(Source::test_modules).collect();
    let mut broken = Vec::new();
    for source in sources {
        if source.lines() > LONGEST {
            let lines = source.lines();
            broken.push(format!("{}: {lines} lines; at {LONGEST} a file is two files", source.path()));
        }
        if !is_test(source.path(), &tests) {
            broken.extend(imports(source));
            broken.extend(crates(source));
            broken.extend(panics(source));
            broken.extend(contracts(source));
        }
    }
    broken
}

/// Files that are long and not yet too long.
pub(super) fn long_files(sources: &[Source]) -> Vec<String> {
    let long = sources.iter().filter(|source| (LONG + 1..=LONGEST).contains(&source.lines()));
    long.map(|source| format!("{}: {} lines", source.path(), source.lines())).collect()
}

/// Whether a file is compiled for tests only.
fn is_test(path: &str, modules: &[String]) -> bool {
    path.starts_with("tests/")
        || modules.iter().any(|module| {
            path.strip_prefix(module.as_str()).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        })
}

/// Imports that the table does not allow.
fn imports(source: &Source) -> Vec<String> {
    let Some(path) = source.in_src() else { return Vec::new() };
    let rows: Vec<_> = IMPORTS.iter().filter(|(pattern, _)| fits(pattern, path)).collect();
    if rows.is_empty() {
        return vec![format!("{}: no row of the table says what it may import", source.path())];
    }
    let room = room_of(path);
    let allowed = |named: &str| {
        rows.iter().flat_map(|(_, may)| *may).any(|may| {
            *may == "*"
                || named.strip_prefix(may).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        })
    };
    let mut wrong = BTreeSet::new();
    for (at, named) in paths::named(source) {
        let first = named.split("::").next().unwrap_or_default();
        if first != room && (is_room(first) || first == "*") && !allowed(&named) {
            wrong.insert((source.line(at), named));
        }
    }
    let may = rows.iter().flat_map(|(_, may)| may.iter().copied()).collect::<Vec<_>>().join(", ");
    let say = |(line, named)| format!("{}:{line}: {named}; may import: {may}", source.path());
    wrong.into_iter().map(say).collect()
}

/// Mentions of crates that are known elsewhere only.
fn crates(source: &Source) -> Vec<String> {
    let Some(path) = source.in_src() else { return Vec::new() };
    let mut wrong = Vec::new();
    for (name, homes) in CRATES.iter().filter(|(_, homes)| !homes.iter().any(|home| fits(home, path))) {
        for at in paths::mentions(source, name) {
            let (line, homes) = (source.line(at), homes.join(", "));
            wrong.push(format!("{}:{line}: {name}; it is known only in {homes}", source.path()));
        }
    }
    wrong
}

/// Calls that end the program on bad luck.
fn panics(source: &Source) -> Vec<String> {
    let calls = [".unwrap()", ".expect("].into_iter().flat_map(|call| source.code().match_indices(call));
    calls.map(|(at, call)| format!("{}:{}: {call}; handle it", source.path(), source.line(at))).collect()
}

/// The files in `src/` whose code names a kind, its own folder and what it shares with others left out. Comments and
/// tests may name it.
pub(super) fn naming_kind<'s>(sources: &'s [Source], kind: &str, own: &[&str]) -> Vec<&'s str> {
    let tests: Vec<_> = sources.iter().flat_map(Source::test_modules).collect();
    let names = |source: &&Source| {
        let is_own = |path: &str| own.iter().any(|folder| path.starts_with(folder));
        source.in_src().is_some_and(|path| !is_own(path))
            && !is_test(source.path(), &tests)
            && source.with_literals().to_lowercase().contains(kind)
    };
    sources.iter().filter(names).map(Source::path).collect()
}

/// A migration that takes something away, and does not say in its name which programs run on what is left.
fn contracts(source: &Source) -> Option<String> {
    let name = source.path().strip_prefix("migrations/src/m")?;
    let up = source.code().split("async fn down").next().unwrap_or_default();
    let takes = ["drop_", "rename", "modify_column"].into_iter().find(|word| up.contains(word))?;
    let says = "a migration that drops, renames or narrows is named for the programs that run on it: m0012_…_from_m0011";
    (!name.contains("_from_m")).then(|| format!("{}: {takes}; {says}", source.path()))
}

/// The room of a file: the first folder, or the name of a file that is alone.
fn room_of(path: &str) -> &str {
    path.split('/').next().unwrap_or_default().trim_end_matches(".rs")
}

/// Whether the table has a room of that name. Other names are items of an inner module.
fn is_room(name: &str) -> bool {
    IMPORTS.iter().any(|(pattern, _)| room_of(pattern) == name)
}
