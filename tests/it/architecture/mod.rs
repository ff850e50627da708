//! The house holds to its plan: who imports whom, where foreign crates are known, how long a file is.
//!
//! The plan is in [`table`]. What is looked at is the text of the sources, without comments and literals.

mod paths;
mod rules;
mod source;
mod table;

#[cfg(test)]
mod tests;

use std::io::Write as _;
use std::path::Path;

use self::source::Source;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn the_sources_keep_to_the_plan_of_the_house() {
    let sources = ["src", "migrations/src", "tests", "deploy", "build.rs"]
        .iter()
        .flat_map(|place| Source::read(Path::new(ROOT), place))
        .collect::<Vec<_>>();
    assert!(
        sources.iter().any(|source| source.path() == "src/lib.rs"),
        "the sources are not where they were"
    );
    let long = rules::long_files(&sources);
    if !long.is_empty() {
        // Not an error, so it must be seen although the test passes: written past the capture.
        let _ = writeln!(std::io::stderr(), "these files are more than one room:\n  {}", long.join("\n  "));
    }
    // A kind is named where the kinds are listed, and where its enrollment is typed.
    let named = rules::naming_kind(&sources, "hotp", &["kinds/hotp/", "kinds/oath/"]);
    assert_eq!(named, ["src/cli/device/enroll.rs", "src/kinds/mod.rs", "src/kinds/registry.rs"]);
    let broken = rules::broken(&sources);
    assert!(broken.is_empty(), "{} rules are broken:\n{}", broken.len(), broken.join("\n"));
}
