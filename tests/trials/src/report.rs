//! What a trial came to.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write as _;
use std::time::Duration;

use crate::checker::Violation;
use crate::history::Call;

/// Violations that are told in full.
const MOST: usize = 20;

/// What a trial came to.
#[derive(Debug, Default)]
pub struct Report {
    lines: Vec<String>,
    violations: Vec<String>,
}

impl Report {
    /// One about that.
    #[must_use]
    pub fn of(what: impl Into<String>) -> Self {
        Self { lines: vec![what.into()], violations: Vec::new() }
    }

    /// Says something.
    pub fn say(&mut self, line: impl Into<String>) {
        self.lines.push(format!("  {}", line.into()));
    }

    /// Says what was answered how often, and how long that took.
    pub fn count(&mut self, calls: &[Call]) {
        let mut words: BTreeMap<String, usize> = BTreeMap::new();
        for call in calls {
            *words.entry(call.answer.word()).or_default() += 1;
        }
        let words: Vec<String> = words.iter().map(|(word, count)| format!("{count} {word}")).collect();
        self.say(format!("{} calls: {}", calls.len(), words.join(", ")));
        let mut took: Vec<Duration> = calls.iter().map(|call| call.end.since(call.begin)).collect();
        took.sort_unstable();
        if let (Some(median), Some(most)) = (took.get(took.len() / 2), took.last()) {
            self.say(format!("a call took {median:.1?} (median), {most:.1?} (at most)"));
        }
    }

    /// Takes what another has to say after it.
    pub fn add(&mut self, other: Self) {
        self.lines.extend(other.lines);
        self.violations.extend(other.violations);
    }

    /// Something is not as it must be.
    pub fn violation(&mut self, what: impl Into<String>) {
        self.violations.push(what.into());
    }

    /// What a checker found, with the calls that make it.
    pub fn violations(&mut self, found: &[Violation], calls: &[Call]) {
        for violation in found {
            let calls = violation.calls.iter().filter_map(|at| calls.get(*at));
            let calls: String = calls.take(10).map(|call| format!("\n      {call:?}")).collect();
            self.violation(format!("{:?}: {}{calls}", violation.promise, violation.says));
        }
    }

    /// Whether every promise was kept.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.violations.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            writeln!(f, "{line}")?;
        }
        writeln!(f, "  {} violations", self.violations.len())?;
        for violation in self.violations.iter().take(MOST) {
            writeln!(f, "    {violation}")?;
        }
        Ok(())
    }
}

/// Says on standard error how far a long trial is.
pub fn progress(line: &str) {
    // Nobody may be there to read it.
    let _ = writeln!(std::io::stderr(), "{line}");
}
