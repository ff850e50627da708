//! When the content of a file has settled.

use crate::config::ConfigError;

/// What a file held, or why it could not be read.
pub(super) type Content = Result<String, ConfigError>;

/// What was seen of a file.
#[derive(Debug, Default)]
pub(super) struct Watch {
    seen: Option<Content>,
    settled: Option<Content>,
    /// Whether what was given last was refused.
    pub(super) is_bad: bool,
}

impl Watch {
    /// Gives a content that is new and was the same at two looks in a row, once. A file that is just being
    /// written may well be whole TOML, with the half of its requirements.
    pub(super) fn settled(&mut self, content: Content) -> Option<Content> {
        let is_settled = self.seen.as_ref() == Some(&content);
        if is_settled && self.settled.as_ref() != Some(&content) {
            self.settled = Some(content.clone());
            return Some(content);
        }
        self.seen = Some(content);
        None
    }

    /// Takes a content as settled: somebody says that the file is whole.
    pub(super) fn settle(&mut self, content: Content) -> Content {
        self.seen = Some(content.clone());
        self.settled = Some(content.clone());
        content
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
