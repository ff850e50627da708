//! Histories that keep the promises: a server that does everything right, on one device, with callers whose
//! answers are lost now and then and who ask again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use countersign::domain::device::Failures;
use countersign::domain::moment::Moment;
use proptest::prelude::*;

use super::super::{Aftermath, CODES, Noted, Seen, What};
use super::rules;
use crate::history::{Answer, Asked, Call, Code, Sort};

/// How long a call takes.
const TAKES: Duration = Duration::from_millis(20);

/// A device, what was asked of it, and what is there.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) calls: Vec<Call>,
    pub(super) after: Aftermath,
    pub(super) sort: Sort,
    used: Vec<u64>,
    failures: Failures,
    told: BTreeMap<String, Answer>,
}

/// Something that happens.
#[derive(Debug, Clone)]
enum Step {
    /// A code is offered; the answer may be lost, and be asked for again.
    Offer { code: Code, is_named: bool, is_lost: bool, is_again: bool },
    /// Time passes.
    Wait(u64),
}

impl World {
    pub(super) fn device() -> Arc<str> {
        "device".into()
    }

    /// Nothing was asked.
    pub(super) fn empty() -> Self {
        let after = Aftermath {
            at: Moment::from_secs(1_000),
            devices: BTreeMap::new(),
            events: Vec::new(),
            broken: None,
        };
        let (calls, used, told) = (Vec::new(), Vec::new(), BTreeMap::new());
        Self { calls, after, sort: Sort::Counter, used, failures: Failures::default(), told }
    }

    /// A device was enrolled, and is confirmed with code 0 where it must be.
    pub(super) fn new(sort: Sort) -> Self {
        let mut world = Self::empty();
        world.enroll(sort);
        if sort != Sort::List {
            let answer = world.judge(Code::Right(0));
            world.note(None, Asked::Confirm(Self::device(), Code::Right(0)), answer);
            world.seen().is_confirmed = true;
        }
        world
    }

    pub(super) fn enroll(&mut self, sort: Sort) {
        self.sort = sort;
        let is_list = sort == Sort::List;
        let seen = Seen { is_confirmed: is_list, next: if is_list { CODES } else { 0 } };
        self.after.devices.insert(Self::device(), seen);
        self.note(None, Asked::Enroll(sort), Answer::Enrolled(Self::device()));
    }

    /// The device as it is.
    pub(super) fn seen(&mut self) -> &mut Seen {
        self.after.devices.get_mut(&Self::device()).unwrap()
    }

    pub(super) fn wait(&mut self, span: Duration) {
        self.after.at = self.after.at.plus(span);
    }

    /// Writes an event, now.
    pub(super) fn event(&mut self, what: What) {
        self.after.events.push(Noted { device: Self::device(), at: self.after.at, what });
    }

    /// Offers a code, and hears what becomes of it.
    pub(super) fn offer(&mut self, id: Option<&str>, code: Code) {
        let answer = self.answer(id, code);
        self.note(id, Asked::Verify(Self::device(), code), answer);
    }

    fn answer(&mut self, id: Option<&str>, code: Code) -> Answer {
        if let Some(told) = id.and_then(|id| self.told.get(id)) {
            return told.clone();
        }
        let answer = self.judge(code);
        if let Some(id) = id.filter(|_| answer.is_judged()) {
            self.told.insert(id.to_owned(), answer.clone());
        }
        answer
    }

    fn judge(&mut self, code: Code) -> Answer {
        let now = self.after.at;
        if rules().throttle.retry_at(self.failures, now).is_some() {
            return Answer::NotJudged("throttled");
        }
        let highest = self.used.iter().max().copied();
        let is_good = match (code, self.sort) {
            (Code::Wrong, _) => false,
            (Code::Right(number), Sort::List) => number < CODES && !self.used.contains(&number),
            (Code::Right(number), _) => highest.is_none_or(|highest| number > highest),
        };
        if let (true, Code::Right(number)) = (is_good, code) {
            self.used.push(number);
            self.failures = Failures::default();
            let next = if self.sort == Sort::List { CODES - self.used.len() as u64 } else { number + 1 };
            self.seen().next = next;
            self.event(What::Accepted);
            return Answer::Accepted;
        }
        self.failures = rules().throttle.failed(self.failures, now);
        self.event(What::Rejected(self.failures.count));
        let retry_at = rules().throttle.retry_at(self.failures, now);
        Answer::Rejected { failures: self.failures.count, retry_at }
    }

    /// Notes a call that was begun a moment ago and ends in a moment.
    fn note(&mut self, id: Option<&str>, asked: Asked, answer: Answer) {
        let (begin, end) = (self.after.at.minus(TAKES), self.after.at.plus(TAKES));
        self.calls.push(Call { begin, end, process: 0, id: id.map(Arc::from), asked, answer });
        self.wait(2 * TAKES);
    }

    fn step(&mut self, number: usize, step: &Step) {
        match step {
            Step::Wait(millis) => self.wait(Duration::from_millis(*millis)),
            Step::Offer { code, is_named, is_lost, is_again } => {
                let id = format!("request {number}");
                let id = is_named.then_some(id.as_str());
                let answer = self.answer(id, *code);
                let told = if *is_lost { Answer::Lost("cut".to_owned()) } else { answer };
                self.note(id, Asked::Verify(Self::device(), *code), told);
                // Who has no request id asks anew, which is another attempt.
                if *is_again {
                    self.offer(id, *code);
                }
            }
        }
    }
}

/// Histories of any length and shape.
pub(super) fn histories() -> impl Strategy<Value = World> {
    let sort = prop_oneof![Just(Sort::Counter), Just(Sort::Step), Just(Sort::List)];
    let code = prop_oneof![3 => (0..12u64).prop_map(Code::Right), 1 => Just(Code::Wrong)];
    let offer = (code, any::<bool>(), any::<bool>(), any::<bool>())
        .prop_map(|(code, is_named, is_lost, is_again)| Step::Offer { code, is_named, is_lost, is_again });
    let step = prop_oneof![3 => offer, 2 => (0..4_000u64).prop_map(Step::Wait)];
    (sort, proptest::collection::vec(step, 0..40)).prop_map(|(sort, steps)| {
        let mut world = World::new(sort);
        for (number, step) in steps.iter().enumerate() {
            world.step(number, step);
        }
        world
    })
}
