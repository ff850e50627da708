use std::collections::HashSet;

use super::*;
use crate::env::SystemEntropy;

#[test]
fn a_token_is_its_prefix_and_256_bits_of_base64url() {
    let token = generate(&SystemEntropy);
    let bits = token.expose().strip_prefix("cs_").unwrap();
    assert_eq!(bits.len(), 43);
    assert_eq!(BASE64URL_NOPAD.decode(bits.as_bytes()).unwrap().len(), 32);
    assert_ne!(token.expose(), generate(&SystemEntropy).expose());
    assert_eq!(format!("{token:?}"), "SecretText");
}

/// FIPS 180-4's own example.
#[test]
fn a_hash_is_the_sha_256_of_the_text() {
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(TokenHash::of("abc").to_string(), abc);
    assert_eq!(TokenHash::parse(abc).unwrap(), TokenHash::of("abc"));
    assert_eq!(TokenHash::parse(&abc.to_uppercase()).unwrap(), TokenHash::of("abc"));
    assert_ne!(TokenHash::of("abc"), TokenHash::of("abd"));
    assert!(HashSet::from([TokenHash::of("abc")]).contains(&TokenHash::parse(abc).unwrap()));
}

#[test]
fn what_is_no_hash_is_refused_without_repeating_it() {
    let token = generate(&SystemEntropy);
    for text in
        ["", "abc", &"0".repeat(63), &"0".repeat(65), &"0".repeat(66), &"g".repeat(64), token.expose()]
    {
        let problem = TokenHash::parse(text).unwrap_err();
        assert!(text.is_empty() || !problem.text().contains(text), "{problem}");
    }
    assert!(TokenHash::parse(token.expose()).unwrap_err().text().contains("not the token"));
}

#[test]
fn the_hash_of_the_empty_text_is_no_credential() {
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(TokenHash::of("").to_string(), empty);
    for hex in [empty.to_owned(), empty.to_uppercase()] {
        assert!(TokenHash::parse(&hex).unwrap_err().text().contains("that of the empty text"));
    }
}
