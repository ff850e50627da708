//! Secrets, codes and tokens are in no database file, no log line and no error, whatever form they are
//! written in.

mod canaries;
mod contexts;
mod finder;

use std::fs;
use std::path::Path;

use countersign::crypto::data_dir;
use countersign::env::{Clock as _, SystemClock};
use countersign::wire::pb;
use countersign::wire::pb::enroll_device_request::Setup;
use countersign::wire::pb::enrollment::Material;
use sea_orm::{ConnectionTrait as _, DatabaseConnection};
use tonic::Status;

use self::canaries::Canaries;
use self::finder::Finder;
use crate::harness::Client;
use crate::harness::databases::TestDatabase;
use crate::harness::served::Served;

/// Subjects, each with a device of every kind.
const SUBJECTS: usize = 40;

/// Every call with canaries in it, and the errors that were heard.
struct Flight {
    client: Client,
    canaries: Canaries,
    /// What is kept as it is, and is in no log and no error all the same.
    sessions: Canaries,
    errors: Vec<String>,
}

#[tokio::test]
async fn no_secret_is_found_in_files_logs_or_errors() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let server = Served::start_talkative(dir.path(), &log);
    let client = server.client(dir.path()).await;
    let (canaries, sessions) = Default::default();
    let mut flight = Flight { client, canaries, sessions, errors: Vec::new() };
    flight.canaries.made(data_dir::read_token(dir.path()).unwrap().unwrap().expose().as_bytes());
    for number in 0..SUBJECTS {
        flight.totp(&format!("totp {number}")).await;
        flight.hotp(&format!("hotp {number}")).await;
        flight.recovery_codes(&format!("codes {number}")).await;
        flight.what_is_refused(&format!("refused {number}")).await;
        flight.tokens(&server).await;
        if number % 5 == 0 {
            flight.contexts(&format!("contexts {number}")).await;
        }
    }
    let Flight { canaries, sessions, errors, .. } = flight;
    assert!(canaries.len() >= 1000, "{} canaries", canaries.len());
    assert!(errors.len() >= SUBJECTS * 10, "{} errors", errors.len());
    let finder = Finder::of(&canaries);

    // While it runs, its last writes are in the log that SQLite keeps.
    let while_it_runs = files(dir.path());
    assert!(while_it_runs.iter().any(|(name, content)| name == "test.db-wal" && !content.is_empty()));
    server.end();
    let logged = fs::read(&log).unwrap();
    assert!(logged.windows(7).any(|window| window == b"\"TRACE\""), "the log is not at its most talkative");
    for (place, content) in while_it_runs.into_iter().chain(files(dir.path())) {
        assert_eq!(finder.find(&content), Vec::<String>::new(), "in {place}");
    }
    assert_eq!(finder.find(&logged), Vec::<String>::new(), "in the log");
    assert_eq!(finder.find(errors.join("\n").as_bytes()), Vec::<String>::new(), "in errors");
    let of_sessions = Finder::of(&sessions);
    let kept = files(dir.path()).iter().flat_map(|(_, content)| of_sessions.find(content)).count();
    assert!(kept > 0, "sessions are kept as they are: where they stand, they are found");
    assert_eq!(of_sessions.find(&logged), Vec::<String>::new(), "sessions in the log");
    assert_eq!(of_sessions.find(errors.join("\n").as_bytes()), Vec::<String>::new(), "sessions in errors");

    control(dir.path(), &canaries, &finder).await;
}

/// The control: what was sealed or hashed is put into the same files as it is, and is found, all of it.
async fn control(dir: &Path, canaries: &Canaries, finder: &Finder) {
    let database = TestDatabase::in_file(&dir.join("test.db"));
    let db: DatabaseConnection = database.raw(1).await;
    for (number, canary) in canaries.iter().enumerate() {
        let sql = format!(
            "INSERT INTO request (tenant, caller, id, digest_key, digest, answer, expires_at) \
             VALUES ('default', 'control', x'{number:032x}', '', x'ff', x'{}', -1)",
            data_encoding::HEXLOWER.encode(canary)
        );
        db.execute_unprepared(&sql).await.unwrap();
    }
    let mut found = Vec::new();
    for (_, content) in files(dir) {
        found.extend(finder.find(&content));
    }
    found.sort();
    found.dedup();
    assert_eq!(found.len(), canaries.len(), "what lies open is found");
    db.close().await.unwrap();
}

/// The files of the database.
fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(dir).unwrap().map(Result::unwrap);
    let names = entries.map(|entry| entry.file_name().into_string().unwrap());
    let names = names.filter(|name| name.starts_with("test.db"));
    names.map(|name| (name.clone(), fs::read(dir.join(name)).unwrap())).collect()
}

impl Flight {
    /// Keeps what an error says, in every form.
    fn heard<T>(&mut self, answer: Result<T, Status>) -> Option<T> {
        match answer {
            Ok(answer) => Some(answer),
            Err(status) => {
                let details = String::from_utf8_lossy(status.details()).into_owned();
                self.errors.push(format!("{status} {status:?} {details}"));
                None
            }
        }
    }

    async fn enroll(&mut self, subject: &str, setup: Setup) -> Option<(String, Option<Material>)> {
        let request = pb::EnrollDeviceRequest {
            subject: subject.to_owned(),
            setup: Some(setup),
            request_id: canaries::request_id(),
            ..Default::default()
        };
        let answer = self.client.devices.clone().enroll_device(request).await;
        let answer = self.heard(answer)?.into_inner();
        Some((answer.device.unwrap().id, answer.enrollment.and_then(|enrollment| enrollment.material)))
    }

    async fn confirm(&mut self, subject: &str, device: &str, code: &str) {
        let answer = self.client.confirm(subject, device, code).await;
        self.heard(answer);
    }

    async fn verify(&mut self, subject: &str, device: &str, code: &str) {
        let answer = self.client.verify_once(subject, device, code, &canaries::request_id()).await;
        self.heard(answer);
    }

    /// A secret that was brought, its codes of eight digits, and wrong ones.
    async fn hotp(&mut self, subject: &str) {
        let secret = self.canaries.secret(20);
        let setup = pb::HotpSetup { secret: secret.clone(), digits: 8, ..Default::default() };
        let (device, material) = self.enroll(subject, Setup::Hotp(setup)).await.unwrap();
        self.shown(material);
        for counter in 0..3 {
            let code = self.canaries.digits(canaries::hotp8(&secret, counter));
            match counter {
                0 => self.confirm(subject, &device, &code).await,
                _ => self.verify(subject, &device, &code).await,
            }
            self.verify(subject, if counter == 1 { "" } else { &device }, &code).await;
        }
        let codes = vec![self.canaries.wrong_digits(), self.canaries.digits(canaries::hotp8(&secret, 9))];
        let request = pb::ResyncDeviceRequest {
            subject: subject.to_owned(),
            device_id: device,
            codes,
            request_id: canaries::request_id(),
        };
        let answer = self.client.devices.clone().resync_device(request).await;
        self.heard(answer);
    }

    /// A secret that was made here.
    async fn totp(&mut self, subject: &str) {
        let setup = pb::TotpSetup { digits: 8, ..Default::default() };
        let (device, material) = self.enroll(subject, Setup::Totp(setup)).await.unwrap();
        let secret = self.shown(material).unwrap();
        let step = u64::try_from(SystemClock.now().secs() / 30).unwrap();
        let code = self.canaries.digits(canaries::hotp8(&secret, step));
        self.confirm(subject, &device, &code).await;
        self.verify(subject, &device, &code).await;
        for _ in 0..2 {
            let wrong = self.canaries.wrong_digits();
            self.verify(subject, &device, &wrong).await;
        }
    }

    /// A list that was made here, and a code that was chosen.
    async fn recovery_codes(&mut self, subject: &str) {
        let setup = Setup::RecoveryCodes(pb::RecoveryCodesSetup { count: 4 });
        let (device, material) = self.enroll(subject, setup).await.unwrap();
        let Some(Material::RecoveryCodes(shown)) = material else { panic!("codes are shown") };
        for code in &shown.codes {
            self.canaries.recovery_code(code);
        }
        let chosen = self.canaries.text(30);
        let request = pb::IssueRecoveryCodesRequest {
            subject: subject.to_owned(),
            device_id: device.clone(),
            code: chosen.clone(),
            request_id: canaries::request_id(),
            ..Default::default()
        };
        let answer = self.client.devices.clone().issue_recovery_codes(request).await;
        assert!(self.heard(answer).is_some());
        for code in [&shown.codes[0], &shown.codes[0], &chosen, &chosen] {
            self.verify(subject, &device, code).await;
        }
        self.verify(subject, "", &shown.codes[1].to_uppercase()).await;
    }

    /// Every field that takes a secret, with one that it does not take.
    async fn what_is_refused(&mut self, subject: &str) {
        for length in [15, 65] {
            let secret = self.canaries.secret(length);
            let totp = pb::TotpSetup { secret: secret.clone(), ..Default::default() };
            let hotp = pb::HotpSetup { secret, digits: 5, ..Default::default() };
            assert!(self.enroll(subject, Setup::Totp(totp)).await.is_none());
            assert!(self.enroll(subject, Setup::Hotp(hotp)).await.is_none());
        }
        for length in [7, 40, 65, 5000] {
            let code = self.canaries.text(length.max(12));
            let broken = format!("{code}\u{0}\n");
            for code in [&code, &broken] {
                self.verify(subject, "nodevice", code).await;
                self.verify(subject, "", code).await;
                self.verify("", "", code).await;
                self.confirm(subject, "nodevice", code).await;
                let request = pb::IssueRecoveryCodesRequest {
                    subject: subject.to_owned(),
                    code: code.clone(),
                    count: 99,
                    ..Default::default()
                };
                let answer = self.client.devices.clone().issue_recovery_codes(request).await;
                self.heard(answer);
                let request = pb::ResyncDeviceRequest {
                    subject: subject.to_owned(),
                    codes: vec![code.clone(); 9],
                    ..Default::default()
                };
                let answer = self.client.devices.clone().resync_device(request).await;
                self.heard(answer);
            }
        }
    }

    /// Tokens that nobody has, and one that is no token.
    async fn tokens(&mut self, server: &Served) {
        for prefix in ["cs_", ""] {
            let token = format!("{prefix}{}", self.canaries.text(40));
            let stranger = server.client_with(&token).await;
            let answer = stranger.verify("alice", "", "123456").await;
            assert!(self.heard(answer).is_none());
        }
    }

    /// What an enrollment shows of an OATH secret. Gives the secret.
    fn shown(&mut self, material: Option<Material>) -> Option<Vec<u8>> {
        let Some(Material::Oath(shown)) = material else { return None };
        let secret = data_encoding::BASE32_NOPAD.decode(shown.secret_base32.as_bytes()).unwrap();
        self.canaries.made(&secret);
        Some(secret)
    }
}
