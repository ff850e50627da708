use proptest::prelude::*;

use super::*;
use crate::kinds::fixture::{hex, rows};
use crate::kinds::oath::uri::Factor;

const GOLDEN: &str = include_str!("../../../../tests/vectors/otpauth-golden.csv");
const SECRET: &str = "FIV3XIIJF765EWRSRLI2BJPV2YOXVLGE";

fn alice() -> Otpauth {
    Otpauth {
        issuer: None,
        account: "alice".to_owned(),
        secret: hex("2a2bbba1092ffdd25a328ad1a0a5f5d61d7aacc4"),
        algorithm: Algorithm::Sha1,
        digits: Digits::default(),
        factor: Factor::Time(Period::default()),
        image: None,
    }
}

#[test]
fn uris_are_the_golden_ones_byte_for_byte() {
    for [kind, issuer, account, secret, digits, moving, uri] in rows(
        GOLDEN,
        "# what a URI is built to, byte for byte: kind, issuer, account, secret (hex), digits, period or counter, uri",
    ) {
        let moving: u32 = moving.parse().unwrap();
        let built = Otpauth {
            issuer: (!issuer.is_empty()).then(|| issuer.to_owned()),
            account: account.to_owned(),
            secret: hex(secret),
            digits: digits.parse::<u32>().unwrap().try_into().unwrap(),
            factor: match kind {
                "totp" => Factor::Time(moving.try_into().unwrap()),
                "hotp" => Factor::Counter(moving.into()),
                _ => panic!("{kind} is no kind"),
            },
            ..alice()
        };
        assert_eq!(built.print().expose(), uri);
        let read = Otpauth { account: account.replace(':', "-"), ..built };
        assert_eq!(Otpauth::parse(uri).unwrap(), read);
    }
}

#[test]
fn the_image_is_the_last_parameter_and_keeps_its_colon_and_slashes() {
    let uri = Otpauth {
        issuer: Some("Example".to_owned()),
        image: Some("https://example.com/a logo.png?size=1&x=%".to_owned()),
        ..alice()
    };
    let end = "&issuer=Example&image=https://example.com/a%20logo.png%3Fsize%3D1%26x%3D%25";
    assert!(uri.print().expose().ends_with(end));
    assert_eq!(Otpauth::parse(uri.print().expose()).unwrap(), uri);
}

#[test]
fn a_label_has_one_colon_at_most_and_keeps_its_slashes() {
    let uri = Otpauth { issuer: Some("a:b/c".to_owned()), account: "d:e/f:".to_owned(), ..alice() }.print();
    assert!(uri.expose().starts_with("otpauth://totp/a-b/c%3Ad-e/f-?secret="));
    assert!(uri.expose().ends_with("&issuer=a-b/c"));
    let uri = Otpauth { account: "tenant:alice".to_owned(), ..alice() }.print();
    assert!(uri.expose().starts_with("otpauth://totp/tenant-alice?secret="));
}

#[test]
fn what_apps_and_services_write_is_read() {
    for uri in [
        format!("otpauth://totp/alice?secret={SECRET}"),
        format!("OTPAUTH://TOTP/alice?secret={}", SECRET.to_lowercase()),
        format!("otpauth://totp/alice?digits=6&secret={SECRET}&algorithm=sha1&period=30&issuer="),
    ] {
        assert_eq!(Otpauth::parse(&uri).unwrap(), alice(), "{uri}");
    }
    for label in ["My%20Co:alice", "My%20Co%3Aalice", "My%20Co:%20%20alice"] {
        for issuer in ["", "&issuer=My%20Co", "&issuer=My+Co"] {
            let parsed = Otpauth::parse(&format!("otpauth://totp/{label}?secret={SECRET}{issuer}")).unwrap();
            assert_eq!(parsed, Otpauth { issuer: Some("My Co".to_owned()), ..alice() }, "{label} {issuer}");
        }
    }
    let padded =
        Otpauth::parse("otpauth://totp/a?secret=AAAAAAAAAAAAAAAAAAAAAAAAAA%3D%3D%3D%3D%3D%3D").unwrap();
    assert_eq!(padded.secret, Secret::new(vec![0; 16]));
}

#[test]
fn what_is_wrong_with_a_uri_is_said() {
    let cases = [
        ("", "must begin with otpauth://totp/ or otpauth://hotp/"),
        ("https://totp/alice?secret=S", "must begin with otpauth://totp/ or otpauth://hotp/"),
        ("otpauth://steam/alice?secret=S", "must begin with otpauth://totp/ or otpauth://hotp/"),
        ("otpauth://totp/alice", "secret must be there"),
        ("otpauth://totp/alice?", "secret must be there"),
        ("otpauth://hotp/alice?secret=S", "counter must be there"),
        (
            "otpauth://hotp/alice?secret=S&counter=0&period=30",
            "period must not be there: it belongs to the other type",
        ),
        (
            "otpauth://totp/alice?secret=S&counter=0",
            "counter must not be there: it belongs to the other type",
        ),
        ("otpauth://totp/?secret=S", "the account in the label must not be empty"),
        ("otpauth://totp/Example:?secret=S", "the account in the label must not be empty"),
        ("otpauth://totp/a:b?secret=S&issuer=c", "the issuer in the label must be the one in the parameter"),
        ("otpauth://totp/a?secret=S&issuer=b%3Ac", "issuer must not hold a colon"),
        ("otpauth://totp/alice?secret=S&secret=S", "secret must be there once, not twice"),
        ("otpauth://totp/alice?secret=S&digits=6&digits=8", "digits must be there once, not twice"),
        ("otpauth://totp/alice?secret=S&algorithm=MD5", "algorithm must be SHA1, SHA256 or SHA512"),
        ("otpauth://totp/alice?secret=S&period=0", "period must be 15 to 120 whole seconds"),
        (
            "otpauth://totp/alice?secret=S&period=9223372036854775808",
            "period must be 15 to 120 whole seconds",
        ),
        ("otpauth://totp/alice?secret=S&period=4294967326", "period must be 15 to 120 whole seconds"),
        ("otpauth://totp/alice?secret=S&digits=5", "digits must be 6, 7 or 8"),
        ("otpauth://totp/alice?secret=S&digits=11", "digits must be 6, 7 or 8"),
        ("otpauth://totp/alice?secret=S&digits=%2B6", NUMBER),
        ("otpauth://totp/alice?secret=S&digits=06", NUMBER),
        ("otpauth://totp/alice?secret=S&digits=", NUMBER),
        ("otpauth://hotp/alice?secret=S&counter=9007199254740993", "counter must be at most 2^53"),
        ("otpauth://totp/alice?secret=", "secret must be 16 to 64 bytes, and has 0"),
        ("otpauth://totp/alice?secret=0189", BASE32),
        ("otpauth://totp/alice?secret=S=", BASE32),
        ("otpauth://totp/alice?secret=SB", BASE32),
        ("otpauth://totp/alice?secret=MZXW6YTB", "secret must be 16 to 64 bytes, and has 5"),
        ("otpauth://totp/al ice?secret=S", ENCODING),
        ("otpauth://totp/aliceé?secret=S", ENCODING),
        ("otpauth://totp/alice%?secret=S", ENCODING),
        ("otpauth://totp/alice%2?secret=S", ENCODING),
        ("otpauth://totp/alice%ff?secret=S", ENCODING),
        ("otpauth://totp/alice%00?secret=S", ENCODING),
        ("otpauth://totp/alice?secret=S#x", ENCODING),
        ("otpauth://totp/alice?secret=S&encoder=steam", NAMES_ARE),
        ("otpauth://totp/alice?secret=S&", NAMES_ARE),
        ("otpauth://totp/alice?secret", NAMES_ARE),
    ];
    for (uri, right) in cases {
        // A lone S stands for a secret that is fine.
        let uri = uri.replacen("secret=S&", &format!("secret={SECRET}&"), 1);
        let uri = uri.strip_suffix("secret=S").map_or(uri.clone(), |head| format!("{head}secret={SECRET}"));
        let error = Otpauth::parse(&uri).unwrap_err().to_string();
        assert_eq!(error, right, "{uri}");
    }
}

const NUMBER: &str = "digits must be a decimal number without sign or leading zeros, below 2^64";
const BASE32: &str = "secret must be base32 of RFC 4648, whole bytes";
const ENCODING: &str =
    "must be printable ASCII, with all else percent-encoded as UTF-8, and no control characters";
const NAMES_ARE: &str = "parameters must be among secret, algorithm, digits, period, counter, issuer and image, each as name=value";

#[test]
fn a_megabyte_of_label_is_not_looked_at() {
    let uri = format!("otpauth://totp/{}?secret={SECRET}", "a".repeat(1 << 20));
    assert_eq!(Otpauth::parse(&uri), Err(UriError::TooLong(uri.len())));
    let account = format!("otpauth://totp/{}?secret={SECRET}", "a".repeat(256));
    let right = "the account in the label must be at most 255 bytes, and has 256";
    assert_eq!(Otpauth::parse(&account).unwrap_err().to_string(), right);
}

fn otpauth() -> impl Strategy<Value = Otpauth> {
    let secret = prop::collection::vec(any::<u8>(), 16..=64).prop_map(Secret::new);
    let factor = prop_oneof![
        (15..=120u32).prop_map(|seconds| Factor::Time(seconds.try_into().unwrap())),
        (0..=1u64 << 53).prop_map(Factor::Counter),
    ];
    // What cannot be written is left out: see `Otpauth`.
    let account = prop_oneof!["[^\\p{Cc}: ][^\\p{Cc}:]{0,30}", "[a-z0-9%&=?#+/@]{1,30}"];
    let text = prop_oneof!["[^\\p{Cc}:]{1,30}", "[a-z0-9%&=?#+/@]{1,30}"];
    (
        (prop::option::of(text.clone()), account, secret, factor),
        (prop::sample::select(&Algorithm::ALL), 6..=8u32, prop::option::of(text)),
    )
        .prop_map(|((issuer, account, secret, factor), (algorithm, digits, image))| Otpauth {
            issuer,
            account,
            secret,
            algorithm,
            digits: digits.try_into().unwrap(),
            factor,
            image,
        })
}

proptest! {
    #[test]
    fn what_was_printed_is_parsed_to_the_same(uri in otpauth()) {
        let printed = uri.print();
        let parsed = Otpauth::parse(printed.expose()).unwrap();
        prop_assert_eq!(&parsed, &uri);
        let again = parsed.print();
        prop_assert_eq!(again.expose(), printed.expose());
    }

    #[test]
    fn no_text_is_a_panic(text in "(?s).{0,64}", tail in "otpauth://[th]otp/[a%20:?&=secrtdigp1-9]{0,60}") {
        let _ = Otpauth::parse(&text);
        let _ = Otpauth::parse(&tail);
        let _ = Otpauth::parse(&format!("otpauth://totp/{text}?secret={text}"));
    }

    #[test]
    fn an_error_repeats_nothing_of_the_uri(secret in "[a-z]{8}0[a-z]{8}") {
        let error = Otpauth::parse(&format!("otpauth://totp/alice?secret={secret}")).unwrap_err();
        let told = format!("{error} {error:?}");
        prop_assert!(!told.contains(&secret));
    }
}
