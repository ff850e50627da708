//! A code written in other ways: dashes and the white space of forms and clipboards are ignored, and nothing else is.

use crate::harness::answers::said;
use crate::harness::fixture::{OTHER, SECRET};
use crate::harness::{Harness, START, code, hotp};

/// Ways to write a code of six digits that mean the code itself.
fn same(code: &str) -> Vec<String> {
    let (head, tail) = code.split_at(3);
    vec![
        code.to_owned(),
        format!("{head} {tail}"),
        format!("{head}-{tail}"),
        format!(" {code}"),
        format!("{code} "),
        format!("  {head}  {tail}  "),
        format!("-{code}"),
        format!("{code}-"),
        format!("{head}- {tail}"),
        code.chars().map(|digit| format!("{digit} ")).collect(),
        code.chars().map(|digit| format!("-{digit}")).collect(),
        format!("{}-{}-{}", &code[..2], &code[2..4], &code[4..]),
        // As they are pasted.
        format!("{code}\n"),
        format!("{code}\r\n"),
        format!("\t{code}"),
        format!("{head}\u{a0}{tail}"),
        format!("{head}\u{2007}{tail}"),
        format!("{head}\u{202f}{tail}\n"),
        format!("{head}\r\n{tail}"),
    ]
}

/// Each digit moved to where another script has its zero.
fn script(code: &str, zero: char) -> String {
    let digit = |c: char| char::from_u32(zero as u32 + c.to_digit(10).unwrap()).unwrap();
    code.chars().map(digit).collect()
}

/// Ways to write a code of six digits that are none: other software takes some of them.
fn malformed(code: &str) -> Vec<String> {
    let (head, tail) = code.split_at(3);
    let mut ways = vec![
        // What Python's int() takes, and with it django-otp.
        format!("+{code}"),
        format!("{head}_{tail}"),
        format!("0{code}"),
        format!("000{code}"),
        format!("{code}.0"),
        format!("{code}e0"),
        // Spaces and dashes that are not ASCII's.
        format!("{head}\u{2003}{tail}"),
        format!("{head}\u{2009}{tail}"),
        format!("{head}\u{3000}{tail}"),
        format!("{head}\u{2010}{tail}"),
        format!("{head}\u{2011}{tail}"),
        format!("{head}\u{2013}{tail}"),
        format!("{head}\u{2212}{tail}"),
        // What is not seen.
        format!("{head}\u{200b}{tail}"),
        format!("{head}\u{200d}{tail}"),
        format!("\u{feff}{code}"),
        format!("\u{202e}{code}"),
        format!("{code}\0"),
        format!("\0{code}"),
        format!("{code}\u{301}"),
        format!("{code}\u{fe0f}\u{20e3}"),
        // More, less, other.
        code[1..].to_owned(),
        format!("{code}0"),
        format!("{code}{code}"),
        format!("{head}.{tail}"),
        format!("{head},{tail}"),
        format!("'{code}'"),
        format!("0x{code}"),
        format!("{code}L"),
        format!("{head}/{tail}"),
        format!("{code};"),
        format!("{code}%20"),
    ];
    // Full-width, Arabic-Indic, its Persian form, Devanagari, mathematical, superscript-like.
    ways.extend(
        ['\u{ff10}', '\u{660}', '\u{6f0}', '\u{966}', '\u{1d7ce}', '\u{1d7d8}']
            .map(|zero| script(code, zero)),
    );
    ways
}

#[tokio::test]
async fn none_of_the_ways_to_write_a_used_code_is_accepted() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let totp = client.active_totp("alice", SECRET, START).await;
    let token = client.active_hotp("bob", "token", SECRET).await;
    let cases = [("alice", totp, code(SECRET, START, 0)), ("bob", token, hotp(SECRET, 0))];
    for (subject, device, used) in cases {
        let ways = [same(&used), malformed(&used)].concat();
        assert!(ways.len() >= 40);
        for way in ways {
            for id in [device.id.as_str(), ""] {
                let answer = client.says(subject, id, &way).await;
                assert!(answer.starts_with("rejected"), "{way:?}: {answer}");
                client.unlock(&device).await.unwrap();
            }
        }
    }
    harness.stop().await;
}

#[tokio::test]
async fn spaces_and_dashes_in_a_code_are_ignored() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    // Accepted here and refused by django-otp.
    let device = client.active_hotp("alice", "token", SECRET).await;
    let count = same("123456").len();
    for (counter, which) in (1..).zip(0..count) {
        let code = hotp(SECRET, counter);
        let way = same(&code).swap_remove(which);
        let id = if counter % 2 == 0 { device.id.as_str() } else { "" };
        assert_eq!(client.says("alice", id, &way).await, "accepted", "{way:?}");
        assert_eq!(client.says("alice", &device.id, &code).await, "rejected replayed");
        client.unlock(&device).await.unwrap();
    }
    harness.stop().await;
}

#[tokio::test]
async fn other_ways_to_write_an_unused_code_are_malformed_and_not_counted() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    // Accepted by django-otp, some of them, and refused here.
    let totp = client.active_totp("alice", SECRET, START).await;
    let token = client.active_hotp("alice", "token", OTHER).await;
    for (device, unused) in [(totp, code(SECRET, START, 1)), (token, hotp(OTHER, 1))] {
        let before = harness.dump().await;
        for way in malformed(&unused) {
            let answer = client.verify("alice", &device.id, &way).await.unwrap();
            assert_eq!(said(answer.verdict.as_ref()), "rejected malformed", "{way:?}");
            assert_eq!(answer.verdict.unwrap().retry_time, None);
            assert_eq!(answer.device.unwrap().throttle.unwrap().failure_count, 0);
        }
        assert_eq!(harness.dump().await, before);
        assert_eq!(client.says("alice", &device.id, &unused).await, "accepted");
    }
    harness.stop().await;
}

#[tokio::test]
async fn a_code_that_begins_with_a_zero_needs_it() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.active_hotp("alice", "token", SECRET).await;
    let (counter, zero) = (1..)
        .map(|counter| (counter, hotp(SECRET, counter)))
        .find(|(_, code)| code.starts_with('0'))
        .unwrap();
    for counter in 1..counter {
        assert_eq!(client.says("alice", &device.id, &hotp(SECRET, counter)).await, "accepted");
    }
    assert_eq!(client.says("alice", &device.id, zero.trim_start_matches('0')).await, "rejected malformed");
    assert_eq!(client.says("alice", &device.id, &format!("0{zero}")).await, "rejected malformed");
    assert_eq!(client.says("alice", &device.id, &zero).await, "accepted");
    harness.stop().await;
}

#[tokio::test]
async fn codes_of_0_to_64_characters_and_any_character_never_fail() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let device = client.active_hotp("alice", "token", SECRET).await;
    let (list, _) = client.list_of_codes("alice", 3).await;
    for length in 1..=64 {
        for character in ['1', ' ', '-', 'a', 'é', '\u{10ffff}', '\u{1}', '\u{661}'] {
            let code: String = std::iter::repeat_n(character, length).collect();
            for id in [device.id.as_str(), list.id.as_str(), ""] {
                let answer = client.says("alice", id, &code).await;
                assert!(answer.starts_with("rejected") || answer == "throttled", "{code:?}: {answer}");
            }
        }
    }
    harness.stop().await;
}
