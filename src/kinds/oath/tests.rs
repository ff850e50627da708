use proptest::prelude::*;

use super::*;
use crate::domain::moment::Moment;
use crate::kinds::fixture::{hex, rows};
use crate::kinds::oath::parameters::Period;
use crate::kinds::totp;

const RFC4226: &str = include_str!("../../../tests/vectors/hotp-rfc4226.csv");
const RFC6238: &str = include_str!("../../../tests/vectors/totp-rfc6238.csv");
const DJANGO_OTP: &str = include_str!("../../../tests/vectors/oath-django-otp.csv");

fn digits(count: &str) -> Digits {
    Digits::try_from(count.parse::<u32>().unwrap()).unwrap()
}

#[test]
fn the_values_of_rfc_4226_are_generated() {
    for [secret, counter, count, code] in
        rows(RFC4226, "# RFC 4226 appendix D: secret (hex), counter, digits, code")
    {
        let generator = Generator::new(Algorithm::Sha1, &hex(secret), digits(count));
        assert_eq!(generator.code(counter.parse().unwrap()).expose(), code, "counter {counter}");
    }
}

#[test]
fn the_values_of_rfc_6238_are_generated() {
    for [algorithm, secret, time, period, count, code] in
        rows(RFC6238, "# RFC 6238 appendix B: algorithm, secret (hex), unix time, period, digits, code")
    {
        let algorithm = Algorithm::from_name(algorithm).unwrap();
        let generator = Generator::new(algorithm, &hex(secret), digits(count));
        let period = Period::try_from(period.parse::<u32>().unwrap()).unwrap();
        let step = totp::step(Moment::from_secs(time.parse().unwrap()), 0, period);
        assert_eq!(generator.code(step.try_into().unwrap()).expose(), code, "{algorithm:?} at {time}");
    }
}

#[test]
fn the_codes_that_django_otp_tests_with_are_generated() {
    for [kind, secret, counter, code] in rows(
        DJANGO_OTP,
        "# the fixtures that django-otp tests with: kind, secret (hex), step or counter, code",
    ) {
        let generator = Generator::new(Algorithm::Sha1, &hex(secret), Digits::default());
        assert_eq!(generator.code(counter.parse().unwrap()).expose(), code, "{kind} {counter}");
    }
}

#[test]
fn a_secret_longer_than_a_block_is_hashed_first() {
    // RFC 2104, 2: a key longer than the block of the hash stands for its own hash.
    let long = Secret::new(vec![0x61; 65]);
    let hashed = Secret::new(Sha1::digest(long.expose()).to_vec());
    let [long, hashed] = [long, hashed].map(|s| Generator::new(Algorithm::Sha1, &s, Digits::MAX).value(9));
    assert_eq!(long, hashed);
}

#[test]
fn a_run_is_right_only_if_every_code_of_it_is() {
    let generator = Generator::new(Algorithm::Sha256, &Secret::new(vec![5; 32]), Digits::default());
    let code = |counter| Code::read(generator.code(counter).expose(), Digits::default()).unwrap();
    assert!(generator.produces_run(4, &[code(4), code(5), code(6)]));
    assert!(!generator.produces_run(4, &[code(5), code(5), code(6)]));
    assert!(!generator.produces_run(4, &[code(4), code(5), code(5)]));
    assert!(!generator.produces_run(u64::MAX, &[code(4), code(5)]), "and the end of counters is no panic");
}

#[test]
fn spaces_and_dashes_are_ignored_and_nothing_else_is() {
    let six = Digits::default();
    for right in ["154567", "154 567", "154-567", " 1-5 4-5 6-7 "] {
        assert!(Code::read(right, six).is_some(), "{right:?}");
    }
    for malformed in [
        "",
        " ",
        "15456",
        "1545678",
        "0154567",
        "+154567",
        "-154567x",
        "154_567",
        "154567.0",
        "1.5e5",
        "0x25bc7",
        "15456７",
        "١٥٤٥٦٧",
        "154567\t",
        "\u{200b}154567",
        "154\u{a0}567",
        "154–567",
        "154567\0",
        "b'154567'",
    ] {
        assert!(Code::read(malformed, six).is_none(), "{malformed:?}");
    }
    assert!(Code::read("45675", six).is_none(), "a missing leading zero makes another code");
    assert!(Code::read("154567", Digits::MAX).is_none(), "six digits are no code of a device with eight");
}

#[test]
fn eight_nines_are_a_code_and_no_overflow() {
    assert!(Code::read("99999999", Digits::MAX).is_some_and(|code| code.is(99_999_999).into()));
    assert!(Code::read(&"9".repeat(100_000), Digits::MAX).is_none());
}

#[test]
fn nothing_of_a_code_or_a_generator_is_printed() {
    let generator = Generator::new(Algorithm::Sha1, &Secret::new(vec![9; 20]), Digits::default());
    let code = Code::read("154567", Digits::default());
    assert_eq!(format!("{generator:?} {code:?}"), "Generator Some(Code)");
}

proptest! {
    #[test]
    fn a_code_is_read_if_and_only_if_it_is_so_many_digits(text in "(?s).{0,64}|[0-9 -]{0,12}", count in 6..=8u32) {
        let bare: String = text.chars().filter(|c| !" -".contains(*c)).collect();
        let is_code = bare.len() == count as usize && bare.bytes().all(|byte| byte.is_ascii_digit());
        let code = Code::read(&text, Digits::try_from(count).unwrap());
        prop_assert_eq!(code.is_some(), is_code);
        prop_assert!(code.is_none_or(|code| code.is(bare.parse().unwrap()).into()));
    }

    #[test]
    fn a_generated_code_is_read_as_itself(secret in prop::collection::vec(any::<u8>(), 16..=64), counter: u64, count in 6..=8u32) {
        let digits = Digits::try_from(count).unwrap();
        for algorithm in Algorithm::ALL {
            let generator = Generator::new(algorithm, &Secret::new(secret.clone()), digits);
            let code = generator.code(counter);
            prop_assert_eq!(code.expose().len(), count as usize);
            prop_assert!(generator.produces(counter, Code::read(code.expose(), digits).unwrap()));
        }
    }
}

proptest! {
    /// HMAC pads its key with zeros to a block (RFC 2104, 2). The longest secret is as long as the shortest block, so no
    /// secret is hashed first, and fingerprints may leave out zeros at the end.
    #[test]
    fn zeros_at_the_end_of_a_secret_change_no_code(
        secret in prop::collection::vec(any::<u8>(), 1..=64),
        zeros in 0..64usize,
        counter in any::<u64>(),
    ) {
        let padded: Vec<u8> = secret.iter().copied().chain(std::iter::repeat_n(0, zeros)).take(64).collect();
        for algorithm in [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512] {
            let value = |secret: &[u8]| Generator::new(algorithm, &Secret::new(secret.to_vec()), Digits::MAX).value(counter);
            prop_assert_eq!(value(&secret), value(&padded));
        }
    }
}
