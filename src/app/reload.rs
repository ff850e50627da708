//! Methods, requirements and rules are read again when their file changes.
//!
//! Its content is looked at, and nothing else: a ConfigMap exchanges a directory behind a symlink, an editor
//! moves another file into its place, a script writes into it. From here all of these look alike.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::assurance::feasible::infeasible;
use crate::assurance::rulebook::Rulebook;
use crate::config::{BookFile, ConfigError};
use crate::service::Service;

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a file held, or why it could not be read.
type Content = Result<String, ConfigError>;

/// Keeps a server's rules as their file says.
pub(super) async fn keep_up(service: Arc<Service>, file: BookFile, stop: CancellationToken) {
    let mut every = tokio::time::interval(LOOK_EVERY);
    let mut watch = Watch::default();
    while stop.run_until_cancelled(every.tick()).await.is_some() {
        let Some(content) = read(&file).await else { continue };
        if let Some(content) = watch.settled(content) {
            watch.is_bad = !take(&service, &file, content, watch.is_bad).await;
        }
    }
}

/// What was seen of a file.
#[derive(Debug, Default)]
struct Watch {
    seen: Option<Content>,
    settled: Option<Content>,
    is_bad: bool,
}

impl Watch {
    /// Gives a content that is new and was the same at two looks in a row, once. A file that is just being
    /// written may well be whole TOML, with the half of its requirements.
    fn settled(&mut self, content: Content) -> Option<Content> {
        let is_settled = self.seen.as_ref() == Some(&content);
        if is_settled && self.settled.as_ref() != Some(&content) {
            self.settled = Some(content.clone());
            return Some(content);
        }
        self.seen = Some(content);
        None
    }
}

async fn read(file: &BookFile) -> Option<Content> {
    let file = file.clone();
    tokio::task::spawn_blocking(move || file.text()).await.ok()
}

async fn parse(file: &BookFile, content: Content) -> Result<Rulebook, ConfigError> {
    let (file, text) = (file.clone(), content?);
    let parsed = tokio::task::spawn_blocking(move || file.parse(&text)).await;
    parsed.unwrap_or_else(|_| Err(ConfigError::default()))
}

/// Puts what a file says in force, if it is right. Says which it is, once.
async fn take(service: &Service, file: &BookFile, content: Content, was_bad: bool) -> bool {
    let path = file.path.display();
    match parse(file, content).await {
        Ok(book) => {
            let warnings = infeasible(&book);
            let changes = service.replace_rulebook(book);
            if !changes.is_empty() || was_bad {
                tracing::info!(file = %path, "the requirements were read again: {changes}");
                for warning in warnings {
                    tracing::warn!(file = %path, "{warning}");
                }
            }
            true
        }
        Err(error) => {
            tracing::warn!("the requirements were not taken; those from before stay in force\n{error}");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_still_being_written_is_left_alone_and_what_is_whole_is_given_once() {
        let mut watch = Watch::default();
        let mut look = |text: &str| watch.settled(Ok(text.to_owned())).map(|content| content.unwrap());
        assert_eq!(look("a"), None);
        assert_eq!(look("a").as_deref(), Some("a"));
        assert_eq!(look("a"), None);
        assert_eq!(look(""), None);
        assert_eq!(look("b"), None);
        assert_eq!(look("b").as_deref(), Some("b"));
        // Half written, and as it was again.
        assert_eq!(look("x"), None);
        assert_eq!(look("b"), None);
        assert_eq!(look("b"), None);
        assert_eq!(look("a"), None);
        assert_eq!(look("a").as_deref(), Some("a"));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_told_once() {
        let mut watch = Watch::default();
        let missing = || Err(ConfigError::default());
        assert_eq!(watch.settled(missing()), None);
        assert_eq!(watch.settled(missing()), Some(missing()));
        assert_eq!(watch.settled(missing()), None);
    }
}
