//! The devices that are verified: HOTP, because each of its codes can be known long before it is due. All
//! that is particular to one follows from its number, so that every process knows all of them.

use countersign::assurance::rulebook::{Rulebook, Source};
use countersign::domain::device::{Device, Failures, Kind, Sealed, State};
use countersign::domain::ids::{DeviceId, DeviceName, Subject, Tenant};
use countersign::domain::moment::Moment;
use countersign::domain::secret::{Secret, SecretText};
use countersign::domain::strength::{FactorType, Strength};
use countersign::kinds::oath::Generator;
use countersign::kinds::oath::algorithm::Algorithm;
use countersign::kinds::oath::parameters::{Digits, LookAhead};
use countersign::kinds::{self, hotp};
use sha2::{Digest as _, Sha256};

use crate::Failed;

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
        subject: Subject::trusted(&format!("subject-{number:08}")),
        secret: Secret::new(bits("secret")[..20].to_vec()),
    }
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
    let look_ahead = LookAhead::try_from(5).map_err(|problem| problem.to_string())?;
    let state = hotp::State::new(Algorithm::Sha1, Digits::MIN, 0, look_ahead);
    Ok(Device {
        id: member.id.clone(),
        tenant: tenant(),
        subject: member.subject.clone(),
        kind: Kind::Hotp,
        name: DeviceName::trusted("Token"),
        state: State::Active,
        preferred: false,
        detail: kinds::encode(&state)?,
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

/// What decisions go by.
pub fn rulebook() -> Result<Rulebook, Failed> {
    let password = Strength { factor_types: vec![FactorType::Knowledge], ..Strength::default() };
    Ok(Rulebook::parse(&Source {
        methods: vec![("password".to_owned(), password)],
        requirements: vec![("login".to_owned(), "password and hotp within 12h".to_owned())],
        rules: Vec::new(),
    })?)
}
