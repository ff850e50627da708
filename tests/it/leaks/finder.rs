//! Finds canaries in whatever form bytes are written.

use std::collections::HashMap;

use data_encoding::{BASE32_NOPAD, BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};

use super::canaries::Canaries;

/// Knows every canary in every form.
pub(super) struct Finder {
    by_start: HashMap<[u8; 4], Vec<(usize, Vec<u8>)>>,
    /// Whether a form begins with these two bytes: most places are passed by without a look into the map.
    begins: Vec<bool>,
    names: Vec<String>,
}

impl Finder {
    pub(super) fn of(canaries: &Canaries) -> Self {
        let mut finder = Self { by_start: HashMap::new(), begins: vec![false; 1 << 16], names: Vec::new() };
        for (number, canary) in canaries.iter().enumerate() {
            finder.names.push(canary.escape_ascii().to_string());
            for form in forms(canary) {
                finder.begins[usize::from(u16::from_be_bytes([form[0], form[1]]))] = true;
                let start = form[..4].try_into().unwrap();
                finder.by_start.entry(start).or_default().push((number, form));
            }
        }
        finder
    }

    /// The canaries that are in there.
    pub(super) fn find(&self, content: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        for (at, start) in content.windows(4).enumerate() {
            if !self.begins[usize::from(u16::from_be_bytes([start[0], start[1]]))] {
                continue;
            }
            let here = &content[at..];
            for (number, form) in self.by_start.get(start).into_iter().flatten() {
                if here.starts_with(form) && stands_alone(content, at, form) {
                    found.push(self.names[*number].clone());
                }
            }
        }
        found.sort();
        found.dedup();
        found
    }
}

/// Eight digits inside a longer number, a moment or a length, are not a code.
fn stands_alone(content: &[u8], at: usize, form: &[u8]) -> bool {
    let is_digit = |place: Option<&u8>| place.is_some_and(u8::is_ascii_digit);
    let before = at.checked_sub(1).and_then(|before| content.get(before));
    !form.iter().all(u8::is_ascii_digit) || !(is_digit(before) || is_digit(content.get(at + form.len())))
}

/// What a canary looks like: as it is, encoded, and as Rust and JSON print it. What is in the middle of
/// other bytes that were encoded together is not looked for.
fn forms(canary: &[u8]) -> Vec<Vec<u8>> {
    let list: Vec<String> = canary.iter().map(u8::to_string).collect();
    let escaped = canary.escape_ascii().to_string();
    let mut forms = vec![
        HEXLOWER.encode(canary),
        HEXUPPER.encode(canary),
        BASE32_NOPAD.encode(canary),
        BASE32_NOPAD.encode(canary).to_lowercase(),
        BASE64_NOPAD.encode(canary),
        BASE64URL_NOPAD.encode(canary),
        list.join(", "),
        list.join(","),
        escaped.replace('\\', "\\\\"),
        escaped,
    ]
    .into_iter()
    .map(String::into_bytes)
    .collect::<Vec<_>>();
    forms.push(canary.to_vec());
    forms.push(canary.to_ascii_uppercase());
    // What is cut off shows most of it: a line of a log has an end.
    let start = canary.len().min(24);
    forms.push(canary[..start].to_vec());
    forms.sort();
    forms.dedup();
    forms
}

#[test]
fn every_form_is_found_and_what_only_looks_like_one_is_not() {
    let mut canaries = Canaries::default();
    canaries.secret(20);
    let code = canaries.digits("27182818".to_owned());
    let finder = Finder::of(&canaries);
    for canary in canaries.iter() {
        for form in forms(canary) {
            let line = [b"{\"code\":\"", form.as_slice(), b"\"}"].concat();
            assert_eq!(finder.find(&line).len(), 1, "{}", line.escape_ascii());
        }
    }
    for other in ["no canary", "127182818", "271828182", "2718281"] {
        assert_eq!(finder.find(other.as_bytes()), Vec::<String>::new());
    }
    assert_eq!(finder.find(format!("{code}\n").as_bytes()), [code]);
}
