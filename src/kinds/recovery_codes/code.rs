//! What a recovery code looks like, and how one is typed.

use crate::domain::secret::SecretText;
use crate::domain::violation::Problem;
use crate::env::Entropy;
use crate::kinds::typed::trimmed;

/// Crockford's base32: digits and letters that nobody takes for one another, in the lower case.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// The characters of a code that was made here, of five bits each.
const LENGTH: usize = 16;
/// The characters between two dashes.
const GROUP: usize = 4;

/// The characters of a code that an operator chooses.
pub const CHOSEN_CHARS: std::ops::RangeInclusive<usize> = 6..=64;

/// A code as it is compared: what was typed, read in the ways in which it could be right.
#[derive(Debug, Clone)]
pub struct Typed {
    /// As a code that was made here: without spaces and dashes, in lower case, look-alikes replaced.
    pub(super) folded: Option<SecretText>,
    /// As a code that was chosen: exactly so.
    pub(super) exact: Option<SecretText>,
}

impl Typed {
    /// Reads what was typed, for a list that holds chosen codes or does not. `None`: it cannot be one.
    #[must_use]
    pub fn read(typed: &SecretText, has_chosen: bool) -> Option<Self> {
        let folded = fold(typed.expose());
        let fits = has_chosen && (1..=*CHOSEN_CHARS.end()).contains(&typed.expose().chars().count());
        let exact = fits.then(|| typed.clone());
        (folded.is_some() || exact.is_some()).then_some(Self { folded, exact })
    }
}

/// Folds a code that was made here to how it is hashed. `None`: no such code looks like that.
pub(super) fn fold(typed: &str) -> Option<SecretText> {
    let mut folded = String::with_capacity(LENGTH);
    for byte in typed.bytes().filter(|byte| !matches!(byte, b' ' | b'-')) {
        let byte = match byte.to_ascii_lowercase() {
            b'o' => b'0',
            b'i' | b'l' => b'1',
            other => other,
        };
        if !ALPHABET.contains(&byte) || folded.len() == LENGTH {
            return None;
        }
        folded.push(char::from(byte));
    }
    (folded.len() == LENGTH).then(|| SecretText::new(folded))
}

/// Makes a code of 80 random bits, and shows it as four groups of four.
pub(super) fn generate(entropy: &dyn Entropy) -> SecretText {
    let bytes = zeroize::Zeroizing::new(entropy.bytes::<10>());
    let bits = bytes.iter().fold(0, |bits: u128, byte| bits << 8 | u128::from(*byte));
    let mut shown = String::with_capacity(LENGTH + LENGTH / GROUP);
    for place in 0..LENGTH {
        if place > 0 && place % GROUP == 0 {
            shown.push('-');
        }
        let digit = (bits >> (5 * (LENGTH - 1 - place))) & 31;
        shown.extend(
            usize::try_from(digit).ok().and_then(|digit| ALPHABET.get(digit)).map(|b| char::from(*b)),
        );
    }
    SecretText::new(shown)
}

/// Parses a code that an operator chose: 6 to 64 printable ASCII characters. White space around it is dropped.
///
/// # Errors
/// Says what would be right.
pub fn chosen(text: String) -> Result<SecretText, Problem> {
    let text = SecretText::new(text);
    let text = SecretText::new(trimmed(text.expose()).to_owned());
    let count = text.expose().chars().count();
    if !CHOSEN_CHARS.contains(&count) {
        return Err(Problem::new(format!("must be 6 to 64 characters, and has {count}")));
    }
    // Letters beyond ASCII can be typed in more than one way, and only one of them would match.
    if !text.expose().bytes().all(|b| b == b' ' || b.is_ascii_graphic()) {
        return Err(Problem::new("must hold only printable ASCII characters"));
    }
    Ok(text)
}
