use proptest::prelude::*;

use super::*;
use crate::env::SystemEntropy;

/// Bytes that count up from a seed, so that what is sealed is the same every time.
struct Counting(u8);

impl Entropy for Counting {
    fn fill(&self, out: &mut [u8]) {
        for (byte, value) in out.iter_mut().zip(0u8..) {
            *byte = self.0.wrapping_add(value);
        }
    }
}

const BOTH: &str = r#"
active = "new"
[keys]
new = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
old = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="
"#;
const OLD: &str = r#"
active = "old"
[keys]
old = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="
"#;

fn ring(text: &str) -> Keyring {
    Keyring::parse(text).unwrap()
}

fn slices(parts: &[Vec<u8>]) -> Vec<&[u8]> {
    parts.iter().map(Vec::as_slice).collect()
}

fn place() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 0..5), 0..5)
}

proptest! {
    #[test]
    fn what_is_sealed_opens_in_its_place_and_in_no_other(
        plain in prop::collection::vec(any::<u8>(), 0..200), here in place(), there in place(),
    ) {
        let ring = ring(BOTH);
        let sealed = ring.seal(&plain, &slices(&here), &SystemEntropy);
        let opened = ring.open(&sealed, &slices(&here)).unwrap();
        prop_assert_eq!(opened.expose(), &plain);
        if here != there {
            prop_assert_eq!(ring.open(&sealed, &slices(&there)), Err(OpenError::Broken));
        }
    }

    #[test]
    fn one_bit_flipped_anywhere_never_opens(
        plain in prop::collection::vec(any::<u8>(), 0..40), here in place(), at in any::<prop::sample::Index>(),
        bit in 0u32..8,
    ) {
        let ring = ring(BOTH);
        let mut sealed = ring.seal(&plain, &slices(&here), &SystemEntropy);
        let at = at.index(sealed.len());
        sealed[at] ^= 1 << bit;
        prop_assert!(ring.open(&sealed, &slices(&here)).is_err());
    }

    #[test]
    fn what_was_never_sealed_does_not_open(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let mut envelope = header("new");
        envelope.extend_from_slice(&bytes);
        prop_assert!(ring(BOTH).open(&bytes, &[]).is_err());
        prop_assert!(ring(BOTH).open(&envelope, &[]).is_err());
    }

    #[test]
    fn lists_of_parts_that_differ_hash_to_other_values(a in place(), b in place()) {
        let ring = ring(BOTH);
        let (hash_a, hash_b) =
            (ring.hash(Purpose::Codes, &slices(&a)), ring.hash(Purpose::Codes, &slices(&b)));
        prop_assert_eq!(a == b, hash_a == hash_b);
    }
}

#[test]
fn every_prefix_of_what_is_sealed_stays_shut() {
    let ring = ring(BOTH);
    let sealed = ring.seal(b"secret", &[b"row"], &SystemEntropy);
    for len in 0..sealed.len() {
        assert_eq!(ring.open(&sealed[..len], &[b"row"]), Err(OpenError::Broken), "{len} bytes");
    }
}

#[test]
fn a_place_does_not_run_together_with_its_neighbour() {
    let ring = ring(BOTH);
    let sealed = ring.seal(b"secret", &[b"ab", b"c"], &SystemEntropy);
    assert!(ring.open(&sealed, &[b"a", b"bc"]).is_err());
    assert!(ring.open(&sealed, &[b"abc"]).is_err());
    assert!(ring.open(&sealed, &[b"ab", b"c", b""]).is_err());
}

#[test]
fn the_same_value_is_never_sealed_to_the_same_bytes() {
    let ring = ring(BOTH);
    assert_ne!(ring.seal(b"x", &[], &SystemEntropy), ring.seal(b"x", &[], &SystemEntropy));
}

#[test]
fn an_older_key_still_opens_and_no_longer_seals() {
    let before = ring(OLD).seal(b"secret", &[b"row"], &SystemEntropy);
    let both = ring(BOTH);
    assert_eq!(both.open(&before, &[b"row"]).unwrap().expose(), b"secret");
    let after = both.seal(b"secret", &[b"row"], &SystemEntropy);
    assert_eq!(ring(OLD).open(&after, &[b"row"]), Err(OpenError::KeyMissing));
}

#[test]
fn a_key_under_another_name_does_not_open() {
    let sealed = ring(OLD).seal(b"secret", &[], &SystemEntropy);
    let renamed = ring(&OLD.replace("old", "odd"));
    let mut moved = sealed.clone();
    moved[2..5].copy_from_slice(b"odd");
    assert_eq!(renamed.open(&sealed, &[]), Err(OpenError::KeyMissing));
    assert_eq!(renamed.open(&moved, &[]), Err(OpenError::Broken));
}

#[test]
fn each_purpose_and_each_key_hashes_to_a_value_of_its_own() {
    let ring = ring(BOTH);
    let mut seen = std::collections::HashSet::new();
    for key in ["new", "old"] {
        for purpose in [Purpose::Codes, Purpose::Requests, Purpose::Audit] {
            assert!(seen.insert(ring.hash_with(key, purpose, &[b"x"]).unwrap()));
        }
    }
    let active = ring.hash(Purpose::Codes, &[b"x"]);
    assert_eq!(active.key, "new");
    assert_eq!(Some(active.hash), ring.hash_with("new", Purpose::Codes, &[b"x"]));
    assert_eq!(ring.hash_with("gone", Purpose::Codes, &[b"x"]), None);
}

/// What one release seals and hashes, every later one must open and find again. The expected bytes were
/// computed from RFC 5869, RFC 8439 and the XChaCha draft by another implementation.
#[test]
fn the_format_stays_as_it_is() {
    let ring = ring(BOTH);
    let sealed = ring.seal(b"secret", &[b"tenant", b"row"], &Counting(7));
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    assert_eq!(hex(&sealed), GOLDEN_SEALED);
    assert_eq!(hex(&ring.hash(Purpose::Codes, &[b"a", b"bc"]).hash), GOLDEN_CODES);
    assert_eq!(hex(&ring.hash(Purpose::Requests, &[b"a", b"bc"]).hash), GOLDEN_REQUESTS);
    assert_eq!(hex(&ring.hash(Purpose::Audit, &[b"a", b"bc"]).hash), GOLDEN_AUDIT);
}
const GOLDEN_SEALED: &str =
    "01036e65770708090a0b0c0d0e0f101112131415161718191a1b1c1d1e2f73a146381b1d70fe9c4aa87ac2d6b4f8162224c030";
const GOLDEN_CODES: &str = "4587406b19b5edf04fdf4bb7f14aee451749b41bd2d560caa57961e2d6b1cefa";
const GOLDEN_REQUESTS: &str = "5ae33e3745b9e201707e53cf6409ed3646eee51548111068e35e7e7b323247e6";
const GOLDEN_AUDIT: &str = "e36ae55741d6e5e3742b0ff13e974bfafc4d9d4a5e83a24c5110d2111750b1ba";

#[test]
fn a_check_value_opens_for_rings_that_have_its_key_only() {
    let value = ring(OLD).check_value(&SystemEntropy);
    assert!(ring(BOTH).opens_check_value(&value));
    let other = Keyring::generate(&SystemEntropy);
    assert!(!other.opens_check_value(&value));
    assert!(!ring(OLD).opens_check_value(b""));
    let impostor = ring(OLD).seal(CHECK, &[b"elsewhere"], &SystemEntropy);
    assert!(!ring(OLD).opens_check_value(&impostor));
}

#[test]
fn a_new_ring_is_read_back_as_it_was_written() {
    let made = Keyring::generate(&SystemEntropy);
    let read = ring(made.to_text().expose());
    assert_eq!(made.active_id(), read.active_id());
    assert!(read.has_key(made.active_id()) && !read.has_key("k"));
    let sealed = made.seal(b"secret", &[], &SystemEntropy);
    assert_eq!(read.open(&sealed, &[]).unwrap().expose(), b"secret");
    assert_eq!(ring(BOTH).to_text().expose().matches(" = ").count(), 3);
}

#[test]
fn no_two_new_rings_are_alike() {
    let (a, b) = (Keyring::generate(&SystemEntropy), Keyring::generate(&SystemEntropy));
    assert_ne!(a.to_text().expose(), b.to_text().expose());
    assert_ne!(a.active_id(), b.active_id());
}

#[test]
fn a_ring_prints_no_key() {
    assert_eq!(format!("{:?}", ring(BOTH)), r#"Keyring { active: "new", ids: ["new", "old"] }"#);
}

#[test]
fn each_ring_that_must_not_be_used_is_refused_by_its_name() {
    let key = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
    let id = |id: &str| id.to_owned();
    let with = |value: &str| format!("active = \"k1\"\n[keys]\nk1 = \"{value}\"\n");
    let cases = [
        ("", RingError::NoKeys),
        ("active = \"k1\"\n", RingError::NoKeys),
        ("active = \"k1\"\n[keys]\n", RingError::NoKeys),
        (&format!("[keys]\nk1 = \"{key}\"\n"), RingError::NoActive),
        (&with(key).replace("active = \"k1\"", "active = \"k2\""), RingError::ActiveMissing { id: id("k2") }),
        (&with(&key[..40]), RingError::Length { id: id("k1"), length: 30 }),
        (&with(""), RingError::Length { id: id("k1"), length: 0 }),
        (&with("AAAAAAAAAAAAAAAAAAAAAA=="), RingError::Length { id: id("k1"), length: 16 }),
        (&with("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), RingError::Trivial { id: id("k1") }),
        (
            &with("/////////////////////////////////////////w=="),
            RingError::Length { id: id("k1"), length: 31 },
        ),
        (&with("not base64"), RingError::NotBase64 { id: id("k1") }),
        (&with(key).replace(&format!("\"{key}\""), "7"), RingError::NotBase64 { id: id("k1") }),
        (&with(key).replace("\nk1", "\nK_1"), RingError::Id { id: id("K_1") }),
        (&format!("{}k2 = \"{key}\"\n", with(key)), RingError::Twice { first: id("k1"), second: id("k2") }),
        (&format!("salt = 1\n{}", with(key)), RingError::Unknown { name: id("salt") }),
    ];
    for (text, expected) in cases {
        assert_eq!(Keyring::parse(text).err(), Some(expected), "{text}");
    }
}

#[test]
fn a_text_that_does_not_parse_names_its_line_and_not_what_stands_there() {
    let text = "active = \"k1\"\n[keys]\nk1 = AQIDBAUGBwgJ\n";
    let error = Keyring::parse(text).err().unwrap();
    assert!(matches!(error, RingError::NotToml { line: 3, .. }), "{error}");
    assert!(!error.to_string().contains("AQIDBAUGBwgJ"), "{error}");
    let twice = format!("{OLD}old = \"AAAA\"\n");
    assert!(matches!(Keyring::parse(&twice), Err(RingError::NotToml { line: 5, .. })));
}

#[test]
fn a_ring_in_a_file_is_loaded_or_its_problem_is_told_with_the_path() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keyring");
    let missing = Keyring::load(&path).err().unwrap().to_string();
    assert!(missing.contains("does not exist; make it with `countersign init`"), "{missing}");
    private_file::create(&path, &ring(BOTH).to_text()).unwrap();
    assert_eq!(Keyring::load(&path).unwrap().active_id(), "new");
    std::fs::write(&path, "active = \"x\"\n").unwrap();
    let broken = Keyring::load(&path).err().unwrap().to_string();
    assert!(broken.contains("keyring cannot be used: it has no keys"), "{broken}");
}
