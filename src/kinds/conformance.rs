//! What every kind must do, run over each kind of the registry.

mod joined;
mod malformed;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::fixture::{Room, typed};
use super::oath::Generator;
use super::oath::uri::{Factor, Otpauth};
use super::state::Decoded;
use super::*;
use crate::domain::device::{self, Device, Failures, Sealed, State};
use crate::domain::ids::DeviceId;
use crate::domain::ids::{DeviceName, Tenant};
use crate::domain::kind::Kind;
use crate::domain::moment::Moment;
use crate::domain::proof::Reject;
use crate::domain::secret::Secret;

const NOW: Moment = Moment::from_secs(1_800_000_000);

/// What is known of a kind beyond its frame. A new kind has a line in each.
fn setup(kind: &Kind) -> AnySetup {
    match kind.as_str() {
        "totp" => AnySetup::of::<totp::Totp>(totp::Setup::default()),
        "hotp" => AnySetup::of::<hotp::Hotp>(hotp::Setup::default()),
        "recovery_codes" => AnySetup::of::<recovery_codes::RecoveryCodes>(Default::default()),
        other => panic!("{other} has no setup here"),
    }
}

/// The stored form of every version, oldest first, with the detail that each must still be read as.
fn stored(kind: &Kind) -> &'static [&'static str] {
    match kind.as_str() {
        "totp" => &[
            r#"{"v":1,"alg":"sha1","digits":6,"period":30,"tol":1,"t0":0,"drift":0}"#,
            r#"{"v":1,"alg":"sha512","digits":8,"period":60,"tol":0,"t0":-7,"drift":-3,"last":58000000}"#,
            concat!(
                r#"{"v":2,"alg":"sha1","digits":6,"period":30,"tol":1,"t0":0,"drift":0,"last":58000000,"#,
                r#""acc":[57990000,3,9997,0,2880,0],"back":1}"#,
            ),
        ],
        "hotp" => &[
            r#"{"v":1,"alg":"sha1","digits":6,"counter":0,"ahead":5}"#,
            r#"{"v":1,"alg":"sha256","digits":7,"counter":9007199254740992,"ahead":20}"#,
        ],
        "recovery_codes" => &[
            r#"{"v":1,"at":1800000000000000,"codes":[]}"#,
            concat!(
                r#"{"v":1,"at":1800000000000000,"codes":[{"m":"f","k":"k1","s":"AAAAAAAAAAAAAAAAAAAAAA","#,
                r#""h":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}],"#,
                r#""used":[{"m":"x","k":"k1","s":"AAAAAAAAAAAAAAAAAAAAAA","#,
                r#""h":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}"#,
            ),
        ],
        other => panic!("{other} has no stored forms here"),
    }
}

/// A right code, from what the user was shown.
fn right_code(shown: &Shown) -> String {
    match shown {
        Shown::Codes(codes) => codes[0].expose().to_owned(),
        Shown::Oath(otpauth) => {
            let uri = Otpauth::parse(otpauth.print().expose()).unwrap();
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

/// The state of a device, which this release knows.
fn decoded(device: &Device) -> &dyn AnyState {
    state(device).unwrap().unwrap()
}

struct Enrolled {
    room: Room,
    device: Device,
    secret: Secret,
    shown: Shown,
}

fn enrolled(of: &Kind) -> Enrolled {
    let room = Room::new();
    let of_kind = kind(of).unwrap();
    let Made { state, secret, shown } = of_kind.make(&setup(of), &room.making(NOW)).unwrap();
    let device = Device {
        id: room.device.clone(),
        tenant: Tenant::trusted("default"),
        subject: room.subject.clone(),
        kind: of.clone(),
        name: DeviceName::trusted(of_kind.info().label),
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
    fn judge(&self, code: &str) -> Judgement<device::Detail> {
        let cx = self.room.judging(NOW);
        decoded(&self.device).judge(&self.secret, &typed(code), &cx).unwrap()
    }
}

#[test]
fn a_kind_is_what_the_registry_says() {
    for of in infos().iter().map(|info| &info.kind) {
        let info = kind(of).unwrap().info();
        assert_eq!(info.kind, *of);
        assert!(DeviceName::parse(info.label).is_ok());
    }
    assert!(kind(&Kind::named("pigeon")).is_err());
}

#[test]
fn another_kinds_setup_is_a_fault() {
    let room = Room::new();
    assert!(kind(&totp::KIND).unwrap().make(&setup(&hotp::KIND), &room.making(NOW)).is_err());
}

#[test]
fn a_right_proof_is_accepted_once() {
    for of in infos().iter().map(|info| &info.kind) {
        let mut enrolled = enrolled(of);
        let code = right_code(&enrolled.shown);
        assert!(decoded(&enrolled.device).could_accept(&typed(&code)));
        let Judgement::Accepted(detail) = enrolled.judge(&code) else {
            panic!("{of:?} rejects its own code")
        };
        enrolled.device.detail = detail;
        assert_eq!(enrolled.judge(&code), Judgement::Rejected(Reject::Replayed), "{of:?}");
    }
}

#[test]
fn judging_is_pure() {
    for of in infos().iter().map(|info| &info.kind) {
        let enrolled = enrolled(of);
        let code = right_code(&enrolled.shown);
        assert_eq!(enrolled.judge(&code), enrolled.judge(&code), "{of:?}");
    }
}

#[test]
fn a_wrong_proof_is_a_mismatch() {
    for of in infos().iter().map(|info| &info.kind) {
        let enrolled = enrolled(of);
        let wrong = wrong_code(&right_code(&enrolled.shown));
        assert!(decoded(&enrolled.device).could_accept(&typed(&wrong)));
        assert_eq!(enrolled.judge(&wrong), Judgement::Rejected(Reject::Mismatch), "{of:?}");
    }
}

#[test]
fn a_right_proof_with_another_devices_secret_is_a_mismatch() {
    for of in infos().iter().map(|info| &info.kind) {
        let mut enrolled = enrolled(of);
        let code = right_code(&enrolled.shown);
        enrolled.secret = Secret::new(vec![0xa5; 20]);
        enrolled.room.device = DeviceId::from_entropy([0xa5; 16]);
        assert_eq!(enrolled.judge(&code), Judgement::Rejected(Reject::Mismatch), "{of:?}");
    }
}

#[test]
fn the_stored_state_of_every_version_is_read() {
    for of in infos().iter().map(|info| &info.kind) {
        for detail in stored(of) {
            assert!(kind(of).unwrap().decode(detail).is_ok(), "{of:?}: {detail}");
        }
        let newest = match of.as_str() {
            "totp" => again::<totp::State>(of),
            "hotp" => again::<hotp::State>(of),
            "recovery_codes" => again::<recovery_codes::State>(of),
            other => panic!("{other} has no state here"),
        };
        // TOTP writes form 2, which leaves fields out that form 1 does not have.
        let form = if *of == totp::KIND { "\"v\":2" } else { "\"v\":1" };
        let expected: Vec<_> = stored(of).iter().map(|detail| detail.replacen("\"v\":1", form, 1)).collect();
        assert_eq!(newest, expected, "{of:?} is not written as it is read: that is a new version");
    }
}

/// What is read, written again.
fn again<S: Serialize + DeserializeOwned>(of: &Kind) -> Vec<String> {
    stored(of).iter().map(|detail| encode(&decode::<S>(detail).unwrap()).unwrap()).collect()
}

#[test]
fn a_state_that_this_program_did_not_write_is_a_fault() {
    for of in infos().iter().map(|info| &info.kind) {
        let none = stored(of)[0].replacen("\"v\":1,", "", 1);
        let zero = stored(of)[0].replacen("\"v\":1", "\"v\":0", 1);
        for detail in ["", "null", "{}", "[]", r#"{"v":1}"#, &none, &zero] {
            let detail = device::Detail::stored(detail.to_owned());
            let device = Device { detail, ..enrolled(of).device };
            assert!(state(&device).is_err(), "{device:?}");
            assert!(can_be_guessed(&device), "{device:?}");
        }
    }
}

#[test]
fn nothing_secret_is_printed() {
    for of in infos().iter().map(|info| &info.kind) {
        let Enrolled { room, device, secret, shown } = enrolled(of);
        let mut secrets = vec![right_code(&shown)];
        match &shown {
            Shown::Codes(codes) => secrets.extend(codes.iter().map(|code| code.expose().to_owned())),
            Shown::Oath(otpauth) => {
                secrets.push(otpauth.print().expose().to_owned());
                secrets.push(data_encoding::BASE32_NOPAD.encode(secret.expose()));
                secrets.push(data_encoding::HEXLOWER.encode(secret.expose()));
                secrets.push(format!("{:?}", secret.expose()));
            }
        }
        let judged = decoded(&device).judge(&secret, &typed(&secrets[0]), &room.judging(NOW)).unwrap();
        let made = Made { state: device.detail.clone(), secret, shown };
        let told = format!("{made:?} {made:#?} {device:?} {judged:?} {:?}", wire::shown(&made.shown));
        for secret in secrets {
            assert!(!told.contains(&secret), "{of:?}");
        }
    }
}

#[test]
fn a_state_is_decoded_once_and_one_that_was_accepted_never() {
    for of in infos().iter().map(|info| &info.kind) {
        let enrolled = enrolled(of);
        let text = enrolled.device.detail.text().to_owned();
        let read = Device { detail: device::Detail::stored(text), ..enrolled.device.clone() };
        let copy = read.clone();
        assert!(read.detail.decoded::<Decoded>().is_none());
        let address = |device| std::ptr::from_ref(decoded(device)).cast::<u8>();
        assert_eq!(address(&read), address(&copy), "{of:?}");
        let Judgement::Accepted(detail) = enrolled.judge(&right_code(&enrolled.shown)) else {
            panic!("{of:?} rejects its own code")
        };
        assert!(detail.decoded::<Decoded>().is_some(), "{of:?}");
        assert!(enrolled.device.detail.decoded::<Decoded>().is_some(), "{of:?}: a new device");
    }
}

#[test]
fn a_form_or_a_kind_of_a_newer_release_is_known_by_nothing_but_its_name() {
    for of in infos().iter().map(|info| &info.kind) {
        let device = enrolled(of).device;
        let newer = kind(of).unwrap().info().form + 1;
        for text in [format!("{{\"v\":{newer}}}"), stored(of)[0].replacen("\"v\":1", "\"v\":255", 1)] {
            let device = Device { detail: device::Detail::stored(text), ..device.clone() };
            assert!(state(&device).unwrap().is_none() && can_be_guessed(&device), "{device:?}");
        }
        let device = Device { kind: Kind::named("pigeon"), ..device };
        let device = Device { detail: device::Detail::stored("whatever".to_owned()), ..device };
        assert!(state(&device).unwrap().is_none() && can_be_guessed(&device), "{device:?}");
    }
}
