//! Small worlds: methods of every strength, evidence, devices, and requirements over them.

use std::sync::LazyLock;
use std::time::Duration;

use proptest::prelude::*;

use super::oracle::Fact;
use crate::assurance::budget::REQUEST_STEPS_MAX;
use crate::assurance::candidate::{Availability, Candidate};
use crate::assurance::counting::{Asked, counts};
use crate::assurance::decide::Situation;
use crate::assurance::steps::Steps;
use crate::assurance::vocabulary::{Entry, Vocabulary};
use crate::domain::evidence::{Binding, Evidence, Scope, TransactionDigest};
use crate::domain::ids::{ClientId, DeviceId, EvidenceId, SessionId};
use crate::domain::kind::Effort;
use crate::domain::method::{Method, MethodName};
use crate::domain::moment::Moment;
use crate::domain::strength::{FactorType, Strength};

pub(crate) const NOW: Moment = Moment::from_secs(1_800_000_000);
pub(crate) const TRANSACTION: TransactionDigest = TransactionDigest([7; 32]);
const MINUTE: i64 = 60_000_000;

pub(crate) fn passkey(user_verified: bool, hardware_bound: bool) -> Strength {
    let mut factor_types = vec![FactorType::Possession];
    factor_types.extend(user_verified.then_some(FactorType::Inherence));
    let base = Strength { phishing_resistant: true, user_verified, hardware_bound, ..Strength::default() };
    Strength { factor_types, ..base }
}

pub(crate) fn held() -> Strength {
    Strength { factor_types: vec![FactorType::Possession], ..Strength::default() }
}

pub(crate) fn known() -> Strength {
    Strength { factor_types: vec![FactorType::Knowledge], ..Strength::default() }
}

pub(crate) fn name(text: &'static str) -> MethodName {
    MethodName::trusted(text)
}

/// Kinds and methods with everything that a strength can have.
pub(crate) static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(|| {
    Vocabulary::of(vec![
        Entry::kind(
            name("webauthn"),
            vec![passkey(true, true), passkey(true, false), passkey(false, false), passkey(false, true)],
        ),
        Entry::kind(name("totp"), vec![held()]),
        Entry::kind(name("sms"), vec![Strength { restricted_channel: true, ..held() }]),
        Entry::kind(name("recovery_codes"), vec![Strength { recovery: true, ..held() }]),
        Entry::kind(name("email"), vec![Strength::default()]),
        Entry::external(name("password"), known()),
        Entry::external(name("sso"), Strength { phishing_resistant: true, ..known() }),
    ])
});

/// Something that can be proved: two devices of each kind, and the external methods.
pub(crate) fn methods() -> impl Strategy<Value = (Method, Strength)> {
    let entries: Vec<Entry> = VOCABULARY.iter().cloned().collect();
    (prop::sample::select(entries), 0..2_u8, any::<prop::sample::Index>()).prop_map(
        |(entry, number, index)| {
            let strength = index.get(&entry.strengths).clone();
            (method(&entry, number), strength)
        },
    )
}

fn method(entry: &Entry, number: u8) -> Method {
    let name = entry.sort.name().clone();
    match entry.sort {
        crate::domain::method::Sort::Kind(_) => {
            let device = DeviceId::trusted(&format!("{name}-{number}"));
            Method::Device { kind: name, device }
        }
        crate::domain::method::Sort::External(_) => Method::External(name),
    }
}

/// Everything about a subject at a moment.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) evidence: Vec<Evidence>,
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) session: SessionId,
    pub(crate) client: ClientId,
    pub(crate) active: Vec<DeviceId>,
    pub(crate) transaction: bool,
}

impl World {
    pub(crate) fn situation(&self) -> Situation<'_> {
        self.at(NOW)
    }

    pub(crate) fn at(&self, now: Moment) -> Situation<'_> {
        // Lives as long as the tests: the situation of a world is made anew for each decision.
        self.within(Box::leak(Box::new(Steps::new(REQUEST_STEPS_MAX))), now)
    }

    pub(crate) fn within<'a>(&'a self, steps: &'a Steps, now: Moment) -> Situation<'a> {
        let asked = Asked {
            session: Some(&self.session),
            client: Some(&self.client),
            transaction: self.transaction.then_some(TRANSACTION),
            now,
            epoch: 1,
            active_devices: &self.active,
        };
        let Self { evidence, candidates, .. } = self;
        Situation { asked, evidence, candidates, vocabulary: &VOCABULARY, steps }
    }

    /// The evidence that counts, as facts.
    pub(crate) fn facts(&self) -> Vec<Fact> {
        let situation = self.situation();
        self.evidence.iter().filter(|e| counts(e, &situation.asked).is_ok()).map(fact).collect()
    }

    /// What the candidates would prove.
    pub(crate) fn steps(&self) -> Vec<Fact> {
        let step = |candidate: &Candidate| Fact {
            method: candidate.method.clone(),
            strength: candidate.strength.clone(),
            age: 0,
            left: i64::MAX,
            for_transaction: self.transaction,
        };
        self.candidates.iter().map(step).collect()
    }
}

pub(crate) fn fact(evidence: &Evidence) -> Fact {
    Fact {
        method: evidence.method.clone(),
        strength: evidence.strength.clone(),
        age: NOW.micros() - evidence.verified_at.micros(),
        left: evidence.expires_at.micros() - NOW.micros(),
        for_transaction: evidence.is_for_transaction(),
    }
}

/// Good evidence, given now in the session of every world.
pub(crate) fn evidence(id: &str, method: Method, strength: Strength) -> Evidence {
    Evidence {
        id: EvidenceId::trusted(id),
        method,
        verified_at: NOW,
        expires_at: NOW.plus(Duration::from_secs(3600)),
        scope: Scope::Session,
        binding: Binding { session: Some(SessionId::trusted("s")), client: Some(ClientId::trusted("c")) },
        epoch: 1,
        revoked: false,
        used_up: false,
        strength,
        source: None,
    }
}

/// Good evidence of any age.
pub(crate) fn good_evidence() -> impl Strategy<Value = Evidence> {
    let scope = prop_oneof![2 => Just(Scope::Session), 1 => Just(Scope::Client),
        2 => Just(Scope::Transaction(TRANSACTION))];
    (methods(), 0..25_i64, 1..25_i64, 0..3_i64, scope).prop_map(
        |((method, strength), age, left, odd, scope)| Evidence {
            verified_at: Moment::from_micros(NOW.micros() - age * MINUTE - odd),
            expires_at: Moment::from_micros(NOW.micros() + left * MINUTE + odd),
            scope,
            ..evidence("", method, strength)
        },
    )
}

/// Evidence that does not always count.
pub(crate) fn any_evidence() -> impl Strategy<Value = Evidence> {
    (good_evidence(), 0..24_u8).prop_map(|(mut evidence, flaw)| {
        match flaw {
            0 => evidence.revoked = true,
            1 => evidence.used_up = true,
            2 => evidence.epoch = 0,
            3 => evidence.expires_at = NOW,
            4 => evidence.binding.session = Some(SessionId::trusted("other")),
            5 => evidence.binding.client = None,
            6 => evidence.scope = Scope::Transaction(TransactionDigest([8; 32])),
            _ => {}
        }
        evidence
    })
}

pub(crate) fn numbered(mut evidence: Vec<Evidence>) -> Vec<Evidence> {
    for (number, one) in evidence.iter_mut().enumerate() {
        one.id = EvidenceId::trusted(&format!("e{number}"));
    }
    evidence
}

fn candidates(most: usize) -> impl Strategy<Value = Vec<Candidate>> {
    let availability = prop_oneof![
        8 => Just(Availability::Now),
        1 => Just(Availability::Throttled { until: NOW.plus(Duration::from_secs(60)) }),
        1 => Just(Availability::Locked),
    ];
    let used = prop::option::of((0..3_i64).prop_map(Moment::from_secs));
    let one = (methods(), any::<bool>(), used, availability).prop_map(
        |((method, strength), preferred, used_at, availability)| {
            let unverified =
                (method.name().as_str() == "webauthn").then(|| passkey(false, strength.hardware_bound));
            let effort = effort(&method);
            Candidate {
                unverified,
                preferred,
                used_at,
                availability,
                ..Candidate::new(method, strength, effort)
            }
        },
    );
    proptest::collection::vec(one, 0..=most).prop_map(|mut all| {
        all.sort_by(|a, b| a.method.cmp(&b.method));
        all.dedup_by(|a, b| a.method == b.method);
        all
    })
}

pub(crate) fn effort(method: &Method) -> Effort {
    match method.name().as_str() {
        "webauthn" => Effort::Touch,
        "totp" => Effort::Code,
        "sms" | "email" => Effort::Message,
        "recovery_codes" => Effort::Recovery,
        _ => Effort::Elsewhere,
    }
}

/// Worlds with up to so much evidence and so many candidates.
pub(crate) fn worlds(evidence: usize, most: usize) -> impl Strategy<Value = World> {
    let evidence = proptest::collection::vec(any_evidence(), 0..=evidence).prop_map(numbered);
    (evidence, candidates(most), any::<bool>(), 0..10_u8).prop_map(
        |(evidence, candidates, transaction, gone)| {
            let mut active: Vec<DeviceId> = Vec::new();
            for entry in VOCABULARY.kinds() {
                active.extend((0..2).filter_map(|number| method(entry, number).device_id().cloned()));
            }
            if gone == 0 {
                active.retain(|id| id.as_str() != "totp-0");
            }
            World {
                evidence,
                candidates,
                session: SessionId::trusted("s"),
                client: ClientId::trusted("c"),
                active,
                transaction,
            }
        },
    )
}
