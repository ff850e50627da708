//! What every kind must do, run over each kind of the registry.

mod joined;
mod malformed;

use super::fixture::{Room, typed};
use super::oath::Generator;
use super::oath::uri::{Factor, Otpauth};
use super::registry::kind;
use super::*;
use crate::domain::device::{Device, Failures, Sealed, State};
use crate::domain::ids::{DeviceName, Tenant};

const NOW: Moment = Moment::from_secs(1_800_000_000);

/// What is known of a kind beyond its frame. A new kind does not compile without its line in each.
fn setup(kind: Kind) -> AnySetup {
    match kind {
        Kind::Totp => AnySetup::of::<totp::Totp>(totp::Setup::default()),
        Kind::Hotp => AnySetup::of::<hotp::Hotp>(hotp::Setup::default()),
        Kind::RecoveryCodes => AnySetup::of::<recovery_codes::RecoveryCodes>(Default::default()),
    }
}

/// The stored form of every version, oldest first, with the detail that each must still be read as.
fn stored(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Totp => &[
            r#"{"v":1,"alg":"sha1","digits":6,"period":30,"tol":1,"t0":0,"drift":0}"#,
            r#"{"v":1,"alg":"sha512","digits":8,"period":60,"tol":0,"t0":-7,"drift":-3,"last":58000000}"#,
            concat!(
                r#"{"v":2,"alg":"sha1","digits":6,"period":30,"tol":1,"t0":0,"drift":0,"last":58000000,"#,
                r#""acc":[57990000,3,9997,0,2880,0],"back":1}"#,
            ),
        ],
        Kind::Hotp => &[
            r#"{"v":1,"alg":"sha1","digits":6,"counter":0,"ahead":5}"#,
            r#"{"v":1,"alg":"sha256","digits":7,"counter":9007199254740992,"ahead":20}"#,
        ],
        Kind::RecoveryCodes => &[
            r#"{"v":1,"at":1800000000000000,"codes":[]}"#,
            concat!(
                r#"{"v":1,"at":1800000000000000,"codes":[{"m":"f","k":"k1","s":"AAAAAAAAAAAAAAAAAAAAAA","#,
                r#""h":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}],"#,
                r#""used":[{"m":"x","k":"k1","s":"AAAAAAAAAAAAAAAAAAAAAA","#,
                r#""h":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}"#,
            ),
        ],
    }
}

/// A right code, from what the user was shown.
fn right_code(shown: &Shown) -> String {
    match shown {
        Shown::Codes(codes) => codes[0].expose().to_owned(),
        Shown::Oath(material) => {
            let uri = Otpauth::parse(material.uri.expose()).unwrap();
            let counter = match uri.factor {
                Factor::Time(period) => totp::step(NOW, 0, period).try_into().unwrap(),
                Factor::Counter(counter) => counter,
            };
            let generator = Generator::new(uri.algorithm, &uri.secret, uri.digits);
            generator.code(counter).expose().to_owned()
        }
    }
}

/// A code of the same form that is not right.
fn wrong_code(right: &str) -> String {
    let flip = |c: char| {
        if c == '0' {
            '2'
        } else if c == '-' {
            c
        } else {
            '0'
        }
    };
    right.chars().map(flip).collect()
}

struct Enrolled {
    room: Room,
    device: Device,
    secret: Secret,
    shown: Shown,
}

fn enrolled(of: Kind) -> Enrolled {
    let room = Room::new();
    let Made { state, secret, shown } = kind(of).make(&setup(of), &room.making(NOW)).unwrap();
    let device = Device {
        id: room.device.clone(),
        tenant: Tenant::trusted("default"),
        subject: room.subject.clone(),
        kind: of,
        name: DeviceName::trusted(kind(of).label()),
        state: State::Active,
        preferred: false,
        detail: state,
        secret: Sealed::default(),
        version: 1,
        epoch: 0,
        failures: Failures::default(),
        created_at: NOW,
        confirmed_at: None,
        used_at: None,
        expires_at: None,
    };
    Enrolled { room, device, secret, shown }
}

impl Enrolled {
    fn judge(&self, code: &str) -> Judged {
        let cx = self.room.judging(NOW);
        kind(self.device.kind).judge(&self.device, &self.secret, &typed(code), &cx).unwrap()
    }
}

#[test]
fn a_kind_is_what_the_registry_says() {
    for of in Kind::ALL {
        assert_eq!(kind(of).kind(), of);
        assert!(DeviceName::parse(kind(of).label()).is_ok());
    }
    assert!(!kind(Kind::RecoveryCodes).is_confirmed_by_proof());
}

#[test]
fn another_kinds_setup_is_a_fault() {
    let room = Room::new();
    assert!(kind(Kind::Totp).make(&setup(Kind::Hotp), &room.making(NOW)).is_err());
}

#[test]
fn a_right_proof_is_accepted_once() {
    for of in Kind::ALL {
        let mut enrolled = enrolled(of);
        let code = right_code(&enrolled.shown);
        assert!(kind(of).is_plausible(&enrolled.device, &typed(&code)).unwrap());
        let Judged::Accepted { detail } = enrolled.judge(&code) else {
            panic!("{of:?} rejects its own code")
        };
        enrolled.device.detail = detail;
        assert_eq!(enrolled.judge(&code), Judged::Rejected(Reject::Replayed), "{of:?}");
    }
}

#[test]
fn judging_is_pure() {
    for of in Kind::ALL {
        let enrolled = enrolled(of);
        let code = right_code(&enrolled.shown);
        assert_eq!(enrolled.judge(&code), enrolled.judge(&code), "{of:?}");
    }
}

#[test]
fn a_wrong_proof_is_a_mismatch() {
    for of in Kind::ALL {
        let enrolled = enrolled(of);
        let wrong = wrong_code(&right_code(&enrolled.shown));
        assert!(kind(of).is_plausible(&enrolled.device, &typed(&wrong)).unwrap());
        assert_eq!(enrolled.judge(&wrong), Judged::Rejected(Reject::Mismatch), "{of:?}");
    }
}

#[test]
fn a_right_proof_with_another_devices_secret_is_a_mismatch() {
    for of in Kind::ALL {
        let mut enrolled = enrolled(of);
        let code = right_code(&enrolled.shown);
        enrolled.secret = Secret::new(vec![0xa5; 20]);
        enrolled.room.device = DeviceId::from_entropy([0xa5; 16]);
        assert_eq!(enrolled.judge(&code), Judged::Rejected(Reject::Mismatch), "{of:?}");
    }
}

#[test]
fn the_stored_state_of_every_version_is_read() {
    for of in Kind::ALL {
        for detail in stored(of) {
            let device = Device { detail: (*detail).to_owned(), ..enrolled(of).device };
            assert!(kind(of).detail(&device).is_ok(), "{of:?}: {detail}");
            assert!(kind(of).is_plausible(&device, &typed("154567")).is_ok());
        }
        let newest = match of {
            Kind::Totp => again::<totp::State>(of),
            Kind::Hotp => again::<hotp::State>(of),
            Kind::RecoveryCodes => again::<recovery_codes::State>(of),
        };
        // TOTP writes form 2, which leaves fields out that form 1 does not have.
        let form = if of == Kind::Totp { "\"v\":2" } else { "\"v\":1" };
        let expected: Vec<_> = stored(of).iter().map(|detail| detail.replacen("\"v\":1", form, 1)).collect();
        assert_eq!(newest, expected, "{of:?} is not written as it is read: that is a new version");
    }
}

/// What is read, written again.
fn again<S: Serialize + DeserializeOwned>(of: Kind) -> Vec<String> {
    stored(of).iter().map(|detail| encode(&decode::<S>(detail).unwrap()).unwrap()).collect()
}

#[test]
fn a_state_that_this_program_did_not_write_is_a_fault() {
    for of in Kind::ALL {
        let newer = stored(of)[0].replacen("\"v\":1", "\"v\":9", 1);
        let none = stored(of)[0].replacen("\"v\":1,", "", 1);
        for detail in ["", "null", "{}", "[]", &newer, &none] {
            let device = Device { detail: detail.to_owned(), ..enrolled(of).device };
            assert!(kind(of).is_plausible(&device, &typed("154567")).is_err(), "{of:?}: {detail}");
            assert!(kind(of).remaining(detail).is_err());
        }
    }
}

#[test]
fn nothing_secret_is_printed() {
    for of in Kind::ALL {
        let Enrolled { room, device, secret, shown } = enrolled(of);
        let mut secrets = vec![right_code(&shown)];
        match &shown {
            Shown::Codes(codes) => secrets.extend(codes.iter().map(|code| code.expose().to_owned())),
            Shown::Oath(OathMaterial { uri, base32, .. }) => {
                secrets.extend([uri.expose().to_owned(), base32.expose().to_owned()]);
                secrets.push(data_encoding::HEXLOWER.encode(secret.expose()));
                secrets.push(format!("{:?}", secret.expose()));
            }
        }
        let judged = kind(of).judge(&device, &secret, &typed(&secrets[0]), &room.judging(NOW)).unwrap();
        let made = Made { state: device.detail.clone(), secret, shown };
        let told = format!("{made:?} {made:#?} {device:?} {judged:?} {:?}", wire::shown(&made.shown));
        for secret in secrets {
            assert!(!told.contains(&secret), "{of:?}");
        }
    }
}
