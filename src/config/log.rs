//! Logs: how lines look, and which are written.

use toml::Value;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::keys;
use super::take::{Take, text};

/// What is logged by default: this program's own lines, and of libraries what is wrong. h2 warns of what a peer does,
/// so that a stranger could fill the log.
const LEVEL: &str = "warn,h2=error,countersign=info";
/// What this program's own lines have as their target.
const OWN: &str = "countersign";

/// Logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// `auto`, `text` or `json`.
    pub format: String,
    /// A filter, like `info` or `warn,countersign=debug`.
    pub level: String,
}

/// Parses the settings of logs.
pub(super) fn log(take: &mut Take<'_>) -> Log {
    Log {
        format: take.parsed("log.format", "auto".to_owned(), |v| super::one_of(v, &["auto", "text", "json"])),
        level: take.parsed("log.level", LEVEL.to_owned(), level),
    }
}

/// Parses a filter: levels, and levels of targets, with commas between them.
///
/// tracing-subscriber also takes a target without a level. A level with a typo is such a target: one that no line has,
/// so that nothing would be logged. It is refused; `TARGET=trace` says the same.
fn level(value: &Value) -> Result<String, String> {
    let filter = text(value)?;
    let parts: Vec<&str> = filter.split(',').map(str::trim).collect();
    for part in &parts {
        let (target, level) = part.rsplit_once('=').map_or(("", *part), |(target, level)| (target, level));
        if level.is_empty() || level.parse::<LevelFilter>().is_err() {
            let near = keys::nearest(level, LEVELS.into_iter());
            let hint = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
            return Err(format!(
                "must be {}, or a filter like warn,{OWN}=debug; {part:?} is neither a level nor TARGET=LEVEL{hint}",
                LEVELS.join(", ")
            ));
        }
        let crate_name = target.split([':', '[']).next().unwrap_or_default();
        if crate_name != OWN && strsim::damerau_levenshtein(crate_name, OWN) <= 2 {
            return Err(format!("has the target {crate_name:?}, which logs nothing; did you mean {OWN}?"));
        }
    }
    // tracing-subscriber takes no white space around a comma.
    let filter = parts.join(",");
    match EnvFilter::try_new(&filter) {
        Ok(_) => Ok(filter),
        Err(problem) => Err(format!("must be a level or a filter, like info or warn,{OWN}=debug: {problem}")),
    }
}

/// From the fewest lines to the most.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(filter: &str) -> Result<String, String> {
        level(&Value::String(filter.to_owned()))
    }

    #[test]
    fn levels_and_levels_of_targets_are_filters() {
        for filter in [
            "off",
            "info",
            "WARN",
            LEVEL,
            "countersign=debug",
            "info,countersign::store=trace,h2=off",
            "warn,countersign[request]=debug",
            "countersign[request{caller=a}]=trace",
            "[{caller=\"a\"}]=debug",
        ] {
            assert_eq!(parse(filter), Ok(filter.to_owned()), "{filter}");
        }
        assert_eq!(parse(" warn , h2=off").as_deref(), Ok("warn,h2=off"));
    }

    #[test]
    fn what_would_silence_the_log_by_mistake_is_refused() {
        for (filter, said) in [
            ("inof", "\"inof\" is neither a level nor TARGET=LEVEL; did you mean info?"),
            (
                "verbose",
                "must be off, error, warn, info, debug, trace, or a filter like warn,countersign=debug",
            ),
            ("", "\"\" is neither a level nor TARGET=LEVEL"),
            ("countersign=debug,typo", "\"typo\" is neither a level nor TARGET=LEVEL"),
            ("countersign", "\"countersign\" is neither a level nor TARGET=LEVEL"),
            (
                "warn,countersign=inf",
                "\"countersign=inf\" is neither a level nor TARGET=LEVEL; did you mean info?",
            ),
            (
                "warn,countersing=debug",
                "has the target \"countersing\", which logs nothing; did you mean countersign?",
            ),
            ("countersign[request=debug", "must be a level or a filter"),
        ] {
            let problem = parse(filter).unwrap_err();
            assert!(problem.contains(said), "{filter:?}: {problem}");
        }
    }
}
