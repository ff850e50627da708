//! Codes as users paste them into a form, with the white space that the clipboard added.

use crate::domain::secret::SecretText;

/// White space that pages and clipboards put into and around codes: tab, line ends, no-break space, figure space,
/// narrow no-break space. Other white space is kept, and makes a code malformed.
const PASTED: [char; 7] = [' ', '\t', '\n', '\r', '\u{a0}', '\u{2007}', '\u{202f}'];

/// A code without white space at its ends, and with plain spaces inside. Generated codes ignore these like dashes; a
/// code that an operator chose may hold them.
pub(in crate::kinds) fn plain(text: SecretText) -> SecretText {
    if text.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
        return text;
    }
    let trimmed = trimmed(text.expose());
    // `SecretText` wipes this one buffer: it must not grow and leave copies behind.
    let mut plain = String::with_capacity(trimmed.len());
    plain.extend(trimmed.chars().map(|c| if PASTED.contains(&c) { ' ' } else { c }));
    SecretText::new(plain)
}

/// Text without white space at its ends.
pub(in crate::kinds) fn trimmed(text: &str) -> &str {
    text.trim_matches(PASTED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pasted_white_space_is_plain_and_other_odd_characters_stay() {
        let same = |text: &str| plain(SecretText::new(text.to_owned())).expose().to_owned();
        for (pasted, is) in [
            ("123456", "123456"),
            ("123456\r\n", "123456"),
            ("\t123\u{a0}456\n", "123 456"),
            ("123\u{202f}\u{2007}456", "123  456"),
            ("open sesame ", "open sesame"),
            (" \n", ""),
            ("123\u{2003}456", "123\u{2003}456"),
            ("\u{feff}123456\0", "\u{feff}123456\0"),
        ] {
            assert_eq!(same(pasted), is, "{pasted:?}");
        }
    }
}
