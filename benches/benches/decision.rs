//! Decisions in memory, and how their cost grows with leaves, devices and evidence; and the parsing of what they
//! decide.

use std::hint::black_box;
use std::time::Duration;

use countersign::assurance::budget::{Budget, DECISION_STEPS_MAX};
use countersign::assurance::candidate::Candidate;
use countersign::assurance::counting::Asked;
use countersign::assurance::decide::{Situation, decide, decide_all};
use countersign::assurance::requirement::Requirement;
use countersign::assurance::rulebook::{Rulebook, Source};
use countersign::assurance::steps::Steps;
use countersign::domain::evidence::{Binding, Evidence, Scope};
use countersign::domain::ids::{DeviceId, EvidenceId, SessionId};
use countersign::domain::kind::Effort;
use countersign::domain::method::{Method, MethodName};
use countersign::domain::moment::Moment;
use countersign::domain::strength::{FactorType, Strength};
use countersign::kinds::{hotp, totp};
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
        let book = Rulebook::parse(countersign::kinds::infos(), &source(text)).ok()?;
        let session = SessionId::trusted("session-of-alice-0123456789abcdef");
        let kind = |n: usize| if n.is_multiple_of(2) { totp::KIND } else { hotp::KIND };
        let id = |n: usize| {
            DeviceId::from_entropy(std::array::from_fn(|byte| if byte == 0 { n as u8 } else { 7 }))
        };
        let active: Vec<_> = (0..devices).map(id).collect();
        let mut candidates: Vec<_> = (0..devices)
            .map(|n| {
                let method = Method::device(kind(n), id(n));
                Candidate::new(method, Strength::one_time_code(), Effort::Code)
            })
            .collect();
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
                strength: Strength::one_time_code(),
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
        let Some(requirement) = book.named("login") else { return };
        bencher.bench_local(|| {
            let steps = Steps::new(DECISION_STEPS_MAX);
            let asked = asked.clone();
            let situation =
                Situation { asked, evidence, candidates, vocabulary: book.vocabulary(), steps: &steps };
            decide(black_box(requirement), black_box(&situation))
        });
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
    bencher.bench_local(|| Rulebook::parse(countersign::kinds::infos(), black_box(&source)));
}

/// Requirements over 28 external methods, each worth another set of properties.
struct Many {
    book: Rulebook,
    candidates: Vec<Candidate>,
}

impl Many {
    fn of(requirements: &[String]) -> Option<Self> {
        use FactorType::{Inherence, Knowledge, Possession};
        let worth = |n: usize| Strength {
            factor_types: [Knowledge, Possession, Inherence]
                .into_iter()
                .enumerate()
                .filter_map(|(bit, factor)| (n >> bit & 1 == 1).then_some(factor))
                .collect(),
            phishing_resistant: n >> 3 & 1 == 1,
            hardware_bound: n >> 4 & 1 == 1,
            user_verified: n.is_multiple_of(3),
            ..Strength::default()
        };
        let source = Source {
            methods: (0..28).map(|n| (format!("m{n}"), worth(n))).collect(),
            requirements: (0..)
                .zip(requirements)
                .map(|(n, text): (u32, _)| (format!("r{n}"), text.clone()))
                .collect(),
            rules: Vec::new(),
        };
        let book = Rulebook::parse(countersign::kinds::infos(), &source).ok()?;
        let candidates = Candidate::externals(book.vocabulary());
        Some(Self { book, candidates })
    }

    /// All requirements together, in so many steps.
    fn bench(&self, bencher: Bencher<'_, '_>, most: u64) {
        let asked =
            Asked { session: None, client: None, transaction: None, now: NOW, epoch: 0, active_devices: &[] };
        let Self { book, candidates } = self;
        let all: Vec<_> = book.requirements().iter().filter(|one| one.name().starts_with('r')).collect();
        bencher.bench_local(|| {
            let steps = Steps::new(most);
            let asked = asked.clone();
            let situation =
                Situation { asked, evidence: &[], candidates, vocabulary: book.vocabulary(), steps: &steps };
            decide_all(black_box(&all), &situation)
        });
    }
}

fn pairs_of_properties() -> Vec<String> {
    let names =
        ["knowledge", "possession", "inherence", "phishing_resistant", "hardware_bound", "user_verified"];
    (0..6).flat_map(|a| (a + 1..6).map(move |b| format!("{} & {}", names[a], names[b]))).collect()
}

/// What one request may take at most: 16 requirements that each ask 12 times for other properties, one by one and
/// together, in the steps of a request.
#[divan::bench]
fn all_steps_of_a_request(bencher: Bencher<'_, '_>) {
    let pairs = pairs_of_properties();
    let one = |n: usize| pairs.iter().cycle().skip(n).take(12).cloned().collect::<Vec<_>>().join(" and ");
    let Some(Many { book, candidates }) = Many::of(&(0..16).map(one).collect::<Vec<_>>()) else { return };
    let all: Vec<_> = book.requirements().iter().filter(|one| one.name().starts_with('r')).collect();
    let asked =
        Asked { session: None, client: None, transaction: None, now: NOW, epoch: 0, active_devices: &[] };
    bencher.bench_local(|| {
        let mut budget = Budget::of(all.len() + 1);
        let decide = |requirements: &[&Requirement], steps: &Steps| {
            let (asked, candidates) = (asked.clone(), candidates.as_slice());
            let situation =
                Situation { asked, evidence: &[], candidates, vocabulary: book.vocabulary(), steps };
            decide_all(black_box(requirements), &situation)
        };
        for one in &all {
            black_box(budget.decide(|steps| decide(&[one], steps)));
        }
        budget.decide(|steps| decide(&all, steps))
    });
}

fn out_of_steps(bencher: Bencher<'_, '_>, requirements: &[String]) {
    if let Some(many) = Many::of(requirements) {
        many.bench(bencher, DECISION_STEPS_MAX);
    }
}

/// 16 requirements, each met by seven of 28 methods: the steps run out.
#[divan::bench]
fn all_steps_of_16_requirements(bencher: Bencher<'_, '_>) {
    let one = |n: usize| (0..7).map(|k| format!("m{}", (n * 5 + k * k * 3 + k * n) % 28)).collect::<Vec<_>>();
    out_of_steps(bencher, &(0..16).map(|n| one(n).join(" or ")).collect::<Vec<_>>());
}

/// One requirement that asks 15 times for other properties: the steps run out.
#[divan::bench]
fn all_steps_of_15_properties(bencher: Bencher<'_, '_>) {
    out_of_steps(bencher, &[pairs_of_properties().join(" and ")]);
}

/// A `distinct` of parts that ask for several pieces each.
#[divan::bench]
fn all_steps_of_a_packed_distinct(bencher: Bencher<'_, '_>) {
    let text = "distinct(knowledge and possession and inherence, phishing_resistant and hardware_bound and \
                user_verified, knowledge, possession)";
    out_of_steps(bencher, &[text.to_owned()]);
}

/// A `distinct` of 16 parts.
#[divan::bench]
fn all_steps_of_a_wide_distinct(bencher: Bencher<'_, '_>) {
    let parts = ["knowledge & possession", "possession & inherence", "phishing_resistant & knowledge", "any"];
    let parts: Vec<_> = parts.iter().flat_map(|part| vec![*part; 4]).collect();
    out_of_steps(bencher, &[format!("distinct({})", parts.join(", "))]);
}
