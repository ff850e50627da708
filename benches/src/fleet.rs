//! The devices that are verified: HOTP, because each of its codes can be known long before it is due. All
//! that is particular to one follows from its number, so that every process knows all of them.

use std::time::Duration;

use countersign::assurance::rulebook::{Rulebook, Source};
use countersign::domain::device::{Device, Failures, Sealed, State};
use countersign::domain::evidence::{Binding, Evidence, Scope};
use countersign::domain::ids::{DeviceId, DeviceName, EvidenceId, SessionId, Subject, Tenant};
use countersign::domain::method::{Method, MethodName};
use countersign::domain::moment::Moment;
use countersign::domain::secret::{Secret, SecretText};
use countersign::domain::strength::{FactorType, Strength};
use countersign::env::{Entropy, SystemEntropy};
use countersign::kinds::oath::Generator;
use countersign::kinds::oath::algorithm::Algorithm;
use countersign::kinds::oath::parameters::{Digits, LookAhead};
use countersign::kinds::{self, hotp};
use sha2::{Digest as _, Sha256};

use crate::Failed;

/// How many codes may be lost in a row: under more load than a server can bear, some are never judged.
pub const LOOK_AHEAD: u32 = 20;

/// The tenant that they are in.
pub fn tenant() -> Tenant {
    Tenant::trusted("default")
}

/// One of them.
pub struct Member {
    /// Its id: spread over the key space as random ids are.
    pub id: DeviceId,
    /// Whose it is: each has a subject of its own.
    pub subject: Subject,
    /// Its secret.
    pub secret: Secret,
}

/// The one of that number.
pub fn member(number: usize) -> Member {
    let bits = |what: &str| Sha256::digest(format!("{what} {number}"));
    let mut id = [0; 16];
    id.copy_from_slice(&bits("id")[..16]);
    Member {
        id: DeviceId::from_entropy(id),
        subject: subject(number),
        secret: Secret::new(bits("secret")[..20].to_vec()),
    }
}

/// Whose the device of that number is.
pub fn subject(number: usize) -> Subject {
    Subject::trusted(&format!("subject-{number:08}"))
}

/// What makes its codes.
pub fn generator(member: &Member) -> Generator {
    Generator::new(Algorithm::Sha1, &member.secret, Digits::MIN)
}

/// Its code of that counter.
pub fn code(generator: &Generator, counter: u64) -> SecretText {
    generator.code(counter)
}

/// It as a device in use, to be sealed and kept.
pub fn device(member: &Member, now: Moment) -> Result<Device, Failed> {
    let look_ahead = LookAhead::try_from(LOOK_AHEAD).map_err(|problem| problem.to_string())?;
    let state = hotp::State::new(Algorithm::Sha1, Digits::MIN, 0, look_ahead);
    Ok(Device {
        id: member.id.clone(),
        tenant: tenant(),
        subject: member.subject.clone(),
        kind: hotp::KIND,
        name: DeviceName::trusted("Token"),
        state: State::Active,
        preferred: false,
        detail: kinds::stored::<hotp::Hotp>(state)?,
        secret: Sealed::default(),
        version: 1,
        epoch: 0,
        failures: Failures::default(),
        created_at: now,
        confirmed_at: Some(now),
        used_at: None,
        expires_at: None,
    })
}

/// The session that one's user is in: an opaque name, as long as such names are.
pub fn session(member: &Member) -> String {
    format!("session-of-{}-0123456789abcdef", member.subject)
}

/// What one's user has proved in their session: a password, and a code of this device.
pub fn evidence(member: &Member, now: Moment) -> Vec<Evidence> {
    let password = Method::External(MethodName::trusted("password".to_owned()));
    let code = Method::device(hotp::KIND, member.id.clone());
    let session = SessionId::trusted(&session(member));
    [(password, knowledge()), (code, Strength::one_time_code())]
        .into_iter()
        .map(|(method, strength)| Evidence {
            id: evidence_id(),
            method,
            verified_at: now,
            expires_at: now.plus(Duration::from_secs(12 * 3600)),
            scope: Scope::Session,
            binding: Binding { session: Some(session.clone()), client: None },
            epoch: 0,
            revoked: false,
            used_up: false,
            strength,
            source: None,
        })
        .collect()
}

/// An id for new evidence.
pub fn evidence_id() -> EvidenceId {
    let entropy: &dyn Entropy = &SystemEntropy;
    EvidenceId::from_entropy(entropy.bytes())
}

fn knowledge() -> Strength {
    Strength { factor_types: vec![FactorType::Knowledge], ..Strength::default() }
}

/// The requirement that is evaluated.
pub const REQUIREMENT: &str = "login";

/// What decisions go by.
pub fn rulebook() -> Result<Rulebook, Failed> {
    Ok(Rulebook::parse(
        countersign::kinds::infos(),
        &Source {
            methods: vec![("password".to_owned(), knowledge())],
            requirements: vec![(REQUIREMENT.to_owned(), "password and hotp within 12h".to_owned())],
            rules: Vec::new(),
        },
    )?)
}
