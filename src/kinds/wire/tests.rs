use super::*;
use crate::domain::moment::Moment;
use crate::kinds::fixture::Room;
use crate::kinds::registry::kind;
use crate::kinds::{hotp, totp};

fn problems(violations: &Violations) -> Vec<String> {
    violations.iter().map(|v| format!("{} {}", v.field, v.problem)).collect()
}

fn proof(code: &str) -> Option<pb::Proof> {
    Some(pb::Proof { proof: Some(pb::proof::Proof::Code(code.to_owned())) })
}

#[test]
fn a_proof_is_taken_as_it_came_but_for_pasted_white_space() {
    let longest = "0".repeat(1024);
    let same = |code| (code, code);
    for (code, taken) in
        [same("154567"), same("１５４５６７"), same(&longest), (" ", ""), ("\t154\u{a0}567\r\n", "154 567")]
    {
        let mut violations = Violations::default();
        let Some(Offered::Code(offered)) = offered(proof(code), &mut violations) else { panic!("{code:?}") };
        assert_eq!(offered.expose(), taken);
        assert!(violations.is_empty());
    }
}

#[test]
fn an_absent_an_empty_and_an_endless_proof_are_violations() {
    for (proof, right) in [
        (None, "proof must be given"),
        (Some(pb::Proof { proof: None }), "proof must be given"),
        (proof(""), "proof.code must not be empty"),
        (proof(&"0".repeat(1025)), "proof.code must be at most 1024 bytes, and has 1025"),
    ] {
        let mut violations = Violations::default();
        assert!(offered(proof, &mut violations).is_none());
        assert_eq!(problems(&violations), [right]);
    }
}

#[test]
fn consecutive_codes_are_two_or_three() {
    let codes = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>();
    let mut violations = Violations::default();
    assert_eq!(consecutive(codes(&["1", "2"]), &mut violations).unwrap().len(), 2);
    assert_eq!(consecutive(codes(&["1", "2", "3"]), &mut violations).unwrap().len(), 3);
    assert!(violations.is_empty());
    assert!(consecutive(codes(&["1"]), &mut violations).is_none());
    assert!(consecutive(codes(&["1"; 4]), &mut violations).is_none());
    assert!(consecutive(codes(&["", "2", ""]), &mut violations).is_none());
    assert_eq!(
        problems(&violations),
        [
            "codes must be two or three codes, and there are 1",
            "codes must be two or three codes, and there are 4",
            "codes[0] must not be empty",
            "codes[2] must not be empty",
        ]
    );
}

#[test]
fn a_setup_becomes_the_kind_that_it_names_and_is_shown_in_every_form() {
    use pb::enroll_device_request::Setup;
    let room = Room::new();
    for (message, of) in [
        (Setup::Totp(pb::TotpSetup::default()), totp::KIND),
        (Setup::Hotp(pb::HotpSetup::default()), hotp::KIND),
        (Setup::RecoveryCodes(pb::RecoveryCodesSetup::default()), recovery_codes::KIND),
    ] {
        let parsed = setup(Some(message), &mut Violations::default()).unwrap();
        assert_eq!(parsed.kind, of);
        let made = kind(&of).unwrap().make(&parsed, &room.making(Moment::from_secs(0))).unwrap();
        match shown(&made.shown).unwrap().material.unwrap() {
            pb::enrollment::Material::Oath(oath) => {
                assert_ne!(of, recovery_codes::KIND);
                assert!(oath.otpauth_uri.starts_with(&format!("otpauth://{}/alice?secret=", of.as_str())));
                assert!(oath.otpauth_uri.contains(&format!("={}&", oath.secret_base32)));
                assert!(oath.qr_svg.starts_with("<svg ") && oath.qr_svg.ends_with("</svg>"));
                assert!(oath.qr_png.starts_with(b"\x89PNG\r\n"));
            }
            pb::enrollment::Material::RecoveryCodes(list) => {
                assert_eq!((of, list.codes.len()), (recovery_codes::KIND, 10));
            }
        }
    }
}

#[test]
fn a_setup_that_is_wrong_is_none_and_says_where() {
    let mut violations = Violations::default();
    let message = pb::HotpSetup { digits: 5, secret: vec![0; 15], ..Default::default() };
    assert!(setup(Some(pb::enroll_device_request::Setup::Hotp(message)), &mut violations).is_none());
    let right = ["hotp.digits must be 6, 7 or 8", "hotp.secret must be 16 to 64 bytes, and has 15"];
    assert_eq!(problems(&violations), right);
}
