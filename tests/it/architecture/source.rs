//! One source file: its text, and its code without comments, literals and tests.

use std::fs;
use std::ops::Range;
use std::path::Path;

/// A source file.
#[derive(Debug, Clone)]
pub(super) struct Source {
    path: String,
    text: String,
    code: String,
    with_literals: String,
}

impl Source {
    /// A file at that path from the root of the project, with slashes.
    pub(super) fn new(path: &str, text: &str) -> Self {
        let is_rust = path.ends_with(".rs");
        let code = if is_rust { code_of(text) } else { String::new() };
        let tests = tests_in(&code);
        let with_literals = if is_rust { blanked(text, |part| part.starts_with('/')) } else { String::new() };
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code: without(&code, &tests),
            with_literals: without(&with_literals, &tests),
        }
    }

    /// Every source file in a place, in the order of their paths.
    pub(super) fn read(root: &Path, place: &str) -> Vec<Self> {
        let at = root.join(place);
        if at.is_file() {
            return vec![Self::new(place, &fs::read_to_string(&at).unwrap())];
        }
        let mut names: Vec<_> = fs::read_dir(&at)
            .unwrap_or_else(|error| panic!("{place}: {error}"))
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let ends = [".rs", ".py", ".go", ".sh"];
        let mut sources = Vec::new();
        for name in names {
            if at.join(&name).is_dir() || ends.iter().any(|end| name.ends_with(end)) {
                sources.extend(Self::read(root, &format!("{place}/{name}")));
            }
        }
        sources
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The path below `src/`, for a file that is there.
    pub(super) fn in_src(&self) -> Option<&str> {
        self.path.strip_prefix("src/").filter(|path| path.ends_with(".rs"))
    }

    pub(super) fn lines(&self) -> usize {
        self.text.lines().count()
    }

    /// The code without comments, literals and what is compiled for tests only. Each character is where it is
    /// in the text, counted in bytes.
    pub(super) fn code(&self) -> &str {
        &self.code
    }

    /// The code with its literals, without comments and what is compiled for tests only.
    pub(super) fn with_literals(&self) -> &str {
        &self.with_literals
    }

    /// The line of a place in the code.
    pub(super) fn line(&self, at: usize) -> usize {
        self.code.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1
    }

    /// The modules that this file declares for tests only, as paths of the files that they may be in.
    pub(super) fn test_modules(&self) -> Vec<String> {
        let folder = match self.path.rsplit_once('/') {
            Some((folder, "mod.rs" | "lib.rs" | "main.rs")) => folder.to_owned(),
            _ => self.path.trim_end_matches(".rs").to_owned(),
        };
        let code = code_of(&self.text);
        code.match_indices("#[cfg(test)]")
            .filter_map(|(at, attribute)| {
                let item = code[at + attribute.len()..].trim_start();
                let (head, _) = item.split_once(';')?;
                let name = head.split_once("mod ")?.1.trim();
                name.chars().all(|c| c.is_alphanumeric() || c == '_').then(|| format!("{folder}/{name}"))
            })
            .collect()
    }
}

/// Blanks out comments and literals.
fn code_of(text: &str) -> String {
    blanked(text, |_| true)
}

/// Blanks out those comments and literals.
fn blanked(text: &str, which: impl Fn(&str) -> bool) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = match literal_or_comment(bytes, at) {
            Some(end) => end,
            None => {
                at += 1;
                continue;
            }
        };
        if which(&text[at..end]) {
            blank(&mut code[at..end]);
        }
        at = end;
    }
    // Only whole literals and comments were replaced, so what is left is text still.
    String::from_utf8(code).unwrap()
}

/// The end of the comment or literal that begins here.
fn literal_or_comment(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = &bytes[at..];
    let after = |needle: &[u8], from: usize| {
        (from..rest.len())
            .find(|i| rest[*i..].starts_with(needle))
            .map_or(bytes.len(), |i| at + i + needle.len())
    };
    let in_word = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    match rest {
        [b'/', b'/', ..] => Some(after(b"\n", 2) - usize::from(rest.contains(&b'\n'))),
        [b'/', b'*', ..] => {
            let (mut depth, mut i) = (1, 2);
            while depth > 0 && i < rest.len() {
                let step = match &rest[i..] {
                    [b'/', b'*', ..] => (1, 2),
                    [b'*', b'/', ..] => (-1, 2),
                    _ => (0, 1),
                };
                depth += step.0;
                i += step.1;
            }
            Some(at + i)
        }
        [b'"', ..] => Some(at + quoted(rest, b'"')),
        [b'r', ..] if !in_word || bytes[at - 1] == b'b' || bytes[at - 1] == b'c' => {
            let hashes = rest[1..].iter().take_while(|byte| **byte == b'#').count();
            let opens = rest.get(1 + hashes) == Some(&b'"');
            opens.then(|| after(&[b"\"", vec![b'#'; hashes].as_slice()].concat(), 2 + hashes))
        }
        // A character, and not a lifetime.
        [b'\'', b'\\', ..] => Some(at + quoted(rest, b'\'')),
        [b'\'', first, ..] => {
            let length = match first {
                0..=0x7f => 1,
                0x80..=0xdf => 2,
                0xe0..=0xef => 3,
                _ => 4,
            };
            (rest.get(1 + length) == Some(&b'\'')).then_some(at + length + 2)
        }
        _ => None,
    }
}

/// The length of what begins with a quote, up to the same quote.
fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut i = 1;
    while i < rest.len() && rest[i] != quote {
        i += if rest[i] == b'\\' { 2 } else { 1 };
    }
    (i + 1).min(rest.len())
}

/// Each item that is compiled for tests only.
fn tests_in(code: &str) -> Vec<Range<usize>> {
    let item_from = |at: usize| {
        let mut depth = 0_usize;
        let end = code[at..].bytes().position(|byte| {
            match byte {
                b'{' => depth += 1,
                b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && (byte == b'}' || byte == b';')
        });
        at..end.map_or(code.len(), |length| at + length + 1)
    };
    code.match_indices("#[cfg(test)]").map(|(at, _)| item_from(at)).collect()
}

/// The text with those places blanked out.
fn without(text: &str, places: &[Range<usize>]) -> String {
    let mut left = text.as_bytes().to_vec();
    for place in places {
        blank(&mut left[place.clone()]);
    }
    // Only whole items were replaced, so what is left is text still.
    String::from_utf8(left).unwrap()
}

fn blank(bytes: &mut [u8]) {
    bytes.iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
}
