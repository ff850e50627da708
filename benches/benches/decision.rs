//! Decisions in memory, and how their cost grows with leaves, devices and evidence; and the parsing of what they
//! decide.

use std::hint::black_box;
use std::time::Duration;

use countersign::assurance::candidate::Candidate;
use countersign::assurance::counting::Asked;
use countersign::assurance::decide::{Situation, decide};
use countersign::assurance::rulebook::{Rulebook, Source};
use countersign::domain::device::Kind;
use countersign::domain::evidence::{Binding, Evidence, Scope};
use countersign::domain::ids::{DeviceId, EvidenceId, SessionId};
use countersign::domain::method::{Method, MethodName};
use countersign::domain::moment::Moment;
use countersign::domain::strength::{FactorType, Strength};
use divan::Bencher;

fn main() {
    divan::main();
}

const NOW: Moment = Moment::from_secs(1_700_000_010);
/// The most that a requirement may have.
const LEAVES: usize = 16;
const DEVICES: usize = 12;
/// As a subject has it after a day of work.
const FACTS: usize = 4;

/// A requirement of so many leaves: each way asks for a password of its own kind and a code.
fn any_of(leaves: usize) -> String {
    let ways: Vec<_> =
        (0..leaves.div_ceil(2)).map(|n| format!("(method_{n} and {} within {}m)", code(n), n + 1)).collect();
    if leaves == 1 { "totp within 10m".to_owned() } else { ways.join(" or ") }
}

/// 16 leaves that can be had in 64 ways, the most that a requirement may have.
fn in_many_ways() -> String {
    let choices = (0..6).map(|n| format!("(method_{n} or {} within {}m)", code(n), n + 1));
    let all: Vec<_> = choices.chain((6..10).map(|n| format!("method_{n}"))).collect();
    all.join(" and ")
}

fn code(n: usize) -> &'static str {
    if n.is_multiple_of(2) { "totp" } else { "hotp" }
}

fn source(text: String) -> Source {
    let knowledge = Strength { factor_types: vec![FactorType::Knowledge], ..Strength::default() };
    Source {
        methods: (0..LEAVES).map(|n| (format!("method_{n}"), knowledge.clone())).collect(),
        requirements: vec![("login".to_owned(), text)],
        rules: Vec::new(),
    }
}

/// A subject with so many devices and so many facts, and a requirement.
struct World {
    book: Rulebook,
    evidence: Vec<Evidence>,
    candidates: Vec<Candidate>,
    active: Vec<DeviceId>,
    session: SessionId,
}

impl World {
    fn of(text: String, devices: usize, facts: usize) -> Option<Self> {
        let book = Rulebook::parse(&source(text)).ok()?;
        let session = SessionId::trusted("session-of-alice-0123456789abcdef");
        let kind = |n: usize| if n.is_multiple_of(2) { Kind::Totp } else { Kind::Hotp };
        let id = |n: usize| {
            DeviceId::from_entropy(std::array::from_fn(|byte| if byte == 0 { n as u8 } else { 7 }))
        };
        let active: Vec<_> = (0..devices).map(id).collect();
        let mut candidates: Vec<_> =
            (0..devices).map(|n| Candidate::device(kind(n), Method::device(kind(n), id(n)))).collect();
        candidates.extend(Candidate::externals(book.vocabulary()));
        let evidence = (0..facts)
            .map(|n| Evidence {
                id: EvidenceId::from_entropy(std::array::from_fn(|byte| (n >> (8 * byte.min(2))) as u8)),
                // A fact of a device, then one of something else, and so on.
                method: match n.is_multiple_of(2) {
                    true => Method::device(kind(n / 2 % devices), id(n / 2 % devices)),
                    false => Method::External(MethodName::trusted(format!("method_{}", n / 2 % LEAVES))),
                },
                verified_at: NOW,
                expires_at: NOW.plus(Duration::from_secs(3600)),
                scope: Scope::Session,
                binding: Binding { session: Some(session.clone()), client: None },
                epoch: 0,
                revoked: false,
                used_up: false,
                strength: Strength::of(kind(n / 2 % devices)),
                source: None,
            })
            .collect();
        Some(Self { book, evidence, candidates, active, session })
    }

    fn bench(&self, bencher: Bencher<'_, '_>) {
        let asked = Asked {
            session: Some(&self.session),
            client: None,
            transaction: None,
            now: NOW,
            epoch: 0,
            active_devices: &self.active,
        };
        let Self { evidence, candidates, book, .. } = self;
        let situation = Situation { asked, evidence, candidates, vocabulary: book.vocabulary() };
        let Some(requirement) = book.named("login") else { return };
        bencher.bench_local(|| decide(black_box(requirement), black_box(&situation)));
    }
}

fn bench(bencher: Bencher<'_, '_>, text: String, devices: usize, facts: usize) {
    if let Some(world) = World::of(text, devices, facts) {
        world.bench(bencher);
    }
}

/// Nothing is proved: there are plans to be made.
#[divan::bench]
fn plan_16_leaves_12_devices(bencher: Bencher<'_, '_>) {
    bench(bencher, any_of(LEAVES), DEVICES, 0);
}

/// The same, of a requirement that can be met in the most ways.
#[divan::bench]
fn plan_16_leaves_in_64_ways_12_devices(bencher: Bencher<'_, '_>) {
    bench(bencher, in_many_ways(), DEVICES, 0);
}

/// Enough is proved.
#[divan::bench]
fn satisfied_16_leaves_12_devices(bencher: Bencher<'_, '_>) {
    bench(bencher, any_of(LEAVES), DEVICES, FACTS);
}

#[divan::bench(args = [1, 2, 4, 8, 16])]
fn plan_by_leaves(bencher: Bencher<'_, '_>, leaves: usize) {
    bench(bencher, any_of(leaves), DEVICES, 0);
}

#[divan::bench(args = [1, 2, 4, 8, 16, 32])]
fn plan_by_devices(bencher: Bencher<'_, '_>, devices: usize) {
    bench(bencher, any_of(LEAVES), devices, 0);
}

#[divan::bench(args = [4, 16, 64, 256])]
fn satisfied_by_evidence(bencher: Bencher<'_, '_>, facts: usize) {
    bench(bencher, any_of(LEAVES), DEVICES, facts);
}

#[divan::bench(args = [1, 2, 4, 8, 16])]
fn parse_by_leaves(bencher: Bencher<'_, '_>, leaves: usize) {
    let source = source(any_of(leaves));
    bencher.bench_local(|| Rulebook::parse(black_box(&source)));
}
