//! Golden files.

use std::path::Path;

/// Compares with a golden file of `tests/golden`. Where they differ, what was found is written beside the
/// build: look at the difference, and copy it over only if it is meant.
pub(crate) fn golden(name: &str, expected: &str, found: &str) {
    if expected == found {
        return;
    }
    let at = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&at, found).unwrap();
    let differs = |(a, b): &(&str, &str)| a != b;
    let first = expected.lines().zip(found.lines()).find(differs);
    panic!(
        "tests/golden/{name} has {} lines and {} were found; the first pair that differs: {first:#?}\n\
         if the change is meant: cp {} tests/golden/{name}",
        expected.lines().count(),
        found.lines().count(),
        at.display()
    );
}
