//! Broken requirements, each with the message that a person reads. A file in `tests/golden/requirements`
//! holds lines `name = text` (or `methods.name`), a line of dashes, and the message. To write the messages
//! anew: `cargo test --lib rewrite_the_messages -- --ignored`, and read what changed.

use std::path::{Path, PathBuf};

use crate::assurance::requirement::set::Requirements;
use crate::assurance::tests::worlds::VOCABULARY;
use crate::assurance::vocabulary::Vocabulary;
use crate::domain::strength::Strength;

const RULE: &str = "\n----\n";

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/requirements");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn message(input: &str) -> String {
    let input = input.replace("\\n", "\n").replace("\\u001b", "\u{1b}");
    if let Some(name) = input.strip_prefix("methods.") {
        return Vocabulary::parse(crate::kinds::infos(), &[(name, Strength::default())])
            .unwrap_err()
            .to_string();
    }
    // A line that starts with a space goes on with the text before it.
    let mut texts: Vec<(&str, String)> = Vec::new();
    for line in input.split('\n') {
        match line.split_once(" =") {
            Some((name, text)) if !line.starts_with(' ') => texts.push((name, text.trim_start().to_owned())),
            _ => texts.last_mut().unwrap().1.push_str(&format!("\n{line}")),
        }
    }
    let texts: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (*name, text.as_str())).collect();
    Requirements::parse(&texts, VOCABULARY.clone()).unwrap_err().to_string()
}

#[test]
fn every_mistake_has_a_message_that_shows_the_place_and_what_would_be_right() {
    let files = files();
    assert!(files.len() >= 40, "{} files", files.len());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let (input, expected) = text.split_once(RULE).unwrap();
        assert_eq!(message(input).trim_end(), expected.trim_end(), "{}", file.display());
    }
}

#[test]
#[ignore = "writes the messages anew"]
fn rewrite_the_messages() {
    for file in files() {
        let text = std::fs::read_to_string(&file).unwrap();
        let (input, _) = text.split_once(RULE).unwrap();
        std::fs::write(&file, format!("{input}{RULE}{}\n", message(input).trim_end())).unwrap();
    }
}
