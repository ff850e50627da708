//! The parts that touch nothing: judging a proof, opening and sealing a secret.

use std::hint::black_box;

use countersign::crypto::keyring::{Keyring, Purpose};
use countersign::domain::device::{Device, Failures, Sealed, State};
use countersign::domain::ids::{DeviceId, DeviceName, Subject, Tenant};
use countersign::domain::moment::Moment;
use countersign::domain::policy::Policy;
use countersign::domain::proof::Offered;
use countersign::domain::secret::{Secret, SecretText};
use countersign::env::{Entropy, SystemEntropy};
use countersign::kinds::oath::algorithm::Algorithm;
use countersign::kinds::oath::parameters::{Digits, Period, Tolerance};
use countersign::kinds::{self, Authenticator, Judging, totp};

fn main() {
    divan::main();
}

const NOW: Moment = Moment::from_secs(1_700_000_010);

fn state() -> totp::State {
    let period = Period::try_from(30).unwrap_or(Period::MIN);
    let tolerance = Tolerance::try_from(1).unwrap_or(Tolerance::MAX);
    totp::State::new(Algorithm::Sha1, Digits::MIN, period, tolerance, 0)
}

fn secret() -> Secret {
    Secret::new(vec![7; 20])
}

/// A wrong code: every step of the window is tried.
#[divan::bench]
fn judge_one_totp_proof(bencher: divan::Bencher<'_, '_>) {
    let (state, secret, policy) = (state(), secret(), Policy::default());
    let keyring = Keyring::generate(&SystemEntropy);
    let id = DeviceId::from_entropy([1; 16]);
    let cx = Judging { device: &id, policy: &policy, keyring: &keyring, now: NOW };
    let Some(code) = totp::Totp::read(&state, &Offered::Code(SecretText::new("000000".to_owned()))) else {
        return;
    };
    bencher.bench_local(|| totp::Totp::judge(black_box(&state), &secret, black_box(&code), &cx));
}

/// The same through the erased kind, as the service does it: proof read. The state was decoded before.
#[divan::bench]
fn judge_one_totp_proof_of_a_stored_device(bencher: divan::Bencher<'_, '_>) {
    let (secret, policy) = (secret(), Policy::default());
    let keyring = Keyring::generate(&SystemEntropy);
    let Ok(detail) = kinds::stored::<totp::Totp>(state()) else { return };
    let device = Device {
        id: DeviceId::from_entropy([1; 16]),
        tenant: Tenant::trusted("default"),
        subject: Subject::trusted("alice"),
        kind: totp::KIND,
        name: DeviceName::trusted("phone"),
        state: State::Active,
        preferred: false,
        detail,
        secret: Sealed::default(),
        version: 1,
        epoch: 0,
        failures: Failures::default(),
        created_at: NOW,
        confirmed_at: Some(NOW),
        used_at: None,
        expires_at: None,
    };
    let cx = Judging { device: &device.id, policy: &policy, keyring: &keyring, now: NOW };
    let offered = Offered::Code(SecretText::new("000000".to_owned()));
    bencher.bench_local(|| {
        let state = kinds::state(black_box(&device)).ok().flatten()?;
        state.judge(&secret, black_box(&offered), &cx).ok()
    });
}

const PLACE: [&[u8]; 6] =
    [b"device", b"secret", b"default", b"alice", b"totp", b"aebagbafaydqqcikbmga2dqpca"];

#[divan::bench]
fn open_one_sealed_secret(bencher: divan::Bencher<'_, '_>) {
    let keyring = Keyring::generate(&SystemEntropy);
    let sealed = keyring.seal(&[7; 20], &PLACE, &SystemEntropy);
    bencher.bench_local(|| keyring.open(black_box(&sealed), &PLACE));
}

#[divan::bench]
fn seal_one_secret(bencher: divan::Bencher<'_, '_>) {
    let keyring = Keyring::generate(&SystemEntropy);
    let entropy: &dyn Entropy = &SystemEntropy;
    bencher.bench_local(|| keyring.seal(black_box(&[7; 20]), &PLACE, entropy));
}

#[divan::bench]
fn hash_one_event(bencher: divan::Bencher<'_, '_>) {
    let keyring = Keyring::generate(&SystemEntropy);
    let parts: [&[u8]; 11] = [
        &[b'w'; 26],
        &[0; 8],
        &[0; 4],
        &[7; 32],
        b"default",
        &[0; 8],
        b"proof.accepted",
        b"subject-00000001",
        &[b'd'; 26],
        b"app",
        br#"{"kind":"totp"}"#,
    ];
    bencher.bench_local(|| keyring.hash(Purpose::Audit, black_box(&parts)));
}
