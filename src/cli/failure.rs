//! Why a command has no answer, and how that is told: what went wrong, what would be right, and the exit
//! status.

#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::time::Duration;

use serde_json::{Value, json};
use tonic::Status;
use tonic_types::StatusExt as _;

use super::print;
use crate::config::ConfigError;
use crate::wire::{json, pb, status};

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The arguments do not fit together.
    Usage(String),
    /// The server refused, or broke.
    Refused(Box<Refused>),
    /// Settings or requirements that are wrong.
    Settings(ConfigError),
    /// Anything else.
    Error(String),
    /// The demonstration saw something else than it promised.
    Surprise(String),
    /// The answer cannot be written.
    Output(io::Error),
}

/// An error as gRPC brought it.
#[derive(Debug)]
pub(super) struct Refused {
    code: tonic::Code,
    message: String,
    reason: Option<String>,
    violations: Vec<(String, String)>,
    retry_after: Option<Duration>,
    request: Option<String>,
    decision: Option<pb::Decision>,
    hint: Option<String>,
}

impl Failure {
    /// Something went wrong that says itself what would be right.
    pub(super) fn error(error: impl fmt::Display) -> Self {
        Self::Error(error.to_string())
    }

    /// What the server said.
    pub(super) fn refused(status: &Status) -> Self {
        let details = status.get_error_details();
        let violations = details.bad_request().map(|bad| bad.field_violations.as_slice()).unwrap_or_default();
        Self::Refused(Box::new(Refused {
            code: status.code(),
            message: status.message().to_owned(),
            reason: details.error_info().map(|info| info.reason.clone()),
            violations: violations.iter().map(|v| (v.field.clone(), v.description.clone())).collect(),
            retry_after: details.retry_info().and_then(|retry| retry.retry_delay),
            request: details.request_info().map(|request| request.request_id.clone()),
            decision: status::decision_of(status),
            hint: None,
        }))
    }

    /// The reason that the server gave.
    pub(super) fn reason(&self) -> Option<&str> {
        match self {
            Self::Refused(refused) => refused.reason.as_deref(),
            _ => None,
        }
    }

    /// Adds what would help, if the server did not know who was asking.
    pub(super) fn with_hint_for_unknown_caller(mut self, hint: &str) -> Self {
        if let Self::Refused(refused) = &mut self
            && refused.code == tonic::Code::Unauthenticated
        {
            refused.hint = Some(hint.to_owned());
        }
        self
    }

    /// The exit status.
    pub(super) fn status(&self) -> u8 {
        match self {
            Self::Usage(_) => super::USAGE,
            Self::Surprise(_) => 1,
            Self::Refused(_) | Self::Settings(_) | Self::Error(_) | Self::Output(_) => 2,
        }
    }

    /// As a JSON object, for scripts.
    pub(super) fn json(&self) -> Value {
        let refused = match self {
            Self::Refused(refused) => refused,
            Self::Settings(error) => {
                let mistakes = error.mistakes.iter();
                let mistakes = mistakes.map(|one| json!({ "place": one.place, "problem": one.problem }));
                let mistakes: Vec<_> = mistakes.collect();
                return json!({ "error": { "message": self.message(), "mistakes": mistakes } });
            }
            _ => return json!({ "error": { "message": self.message() } }),
        };
        let violations: Vec<_> = refused
            .violations
            .iter()
            .map(|(field, description)| json!({ "field": field, "description": description }))
            .collect();
        let mut error = json!({
            "code": name(refused.code),
            "message": refused.message,
            "field_violations": violations,
        });
        let optional: [(_, Option<Value>); 4] = [
            ("reason", refused.reason.clone().map(Into::into)),
            ("retry_after", refused.retry_after.map(|wait| format!("{}s", wait.as_secs_f64()).into())),
            ("request_id", refused.request.clone().map(Into::into)),
            ("decision", refused.decision.as_ref().and_then(|decision| json::of(decision).ok())),
        ];
        for (key, value) in optional {
            if let (Some(value), Some(object)) = (value, error.as_object_mut()) {
                object.insert(key.to_owned(), value);
            }
        }
        json!({ "error": error })
    }

    fn message(&self) -> String {
        match self {
            Self::Usage(message) | Self::Error(message) | Self::Surprise(message) => message.clone(),
            Self::Refused(refused) => refused.message.clone(),
            Self::Settings(error) => error.to_string(),
            Self::Output(error) => format!("the answer cannot be written: {error}"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) => write!(f, "error: {message}\n\nFor more information, try '--help'."),
            Self::Refused(refused) => refused.fmt(f),
            Self::Settings(_) | Self::Error(_) | Self::Surprise(_) | Self::Output(_) => {
                write!(f, "error: {}", self.message())
            }
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The message of a malformed request says no more than its violations, which get a line each.
        if self.violations.is_empty() {
            write!(f, "error: {}", self.message)?;
        } else {
            f.write_str("error: the request is not right")?;
            for (field, description) in &self.violations {
                write!(f, "\n  {field}: {description}")?;
            }
        }
        for line in self.decision.iter().flat_map(|decision| print::decided(decision).0) {
            write!(f, "\n  {line}")?;
        }
        match &self.reason {
            Some(reason) => write!(f, "\n  reason: {reason} ({})", name(self.code))?,
            None => write!(f, "\n  code: {}", name(self.code))?,
        }
        if let Some(wait) = self.retry_after {
            write!(f, "\n  try again in {}s", wait.as_secs_f64())?;
        }
        if let Some(request) = &self.request {
            write!(f, "\n  in the server's log: request {request}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// A code as the specification of gRPC spells it: `NOT_FOUND`.
fn name(code: tonic::Code) -> String {
    let spelled = format!("{code:?}");
    let mut name = String::new();
    for letter in spelled.chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(letter.to_uppercase());
    }
    name
}
