//! What was asked, by whom and when, and what was answered.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use countersign::domain::moment::Moment;
use countersign::env::{Clock as _, SystemClock};

/// Every call of a trial.
pub struct History {
    began: Instant,
    began_at: Moment,
    calls: Mutex<Vec<Call>>,
}

/// One call.
#[derive(Debug, Clone)]
pub struct Call {
    /// When it was begun. Moments of a history never go back.
    pub begin: Moment,
    /// When its answer was there, or it was given up.
    pub end: Moment,
    /// Which process was asked.
    pub process: usize,
    /// Its `request_id`.
    pub id: Option<Arc<str>>,
    /// What was asked.
    pub asked: Asked,
    /// What was answered.
    pub answer: Answer,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// To enroll a device.
    Enroll(Sort),
    /// To confirm a device.
    Confirm(Arc<str>, Code),
    /// To check a proof.
    Verify(Arc<str>, Code),
    /// To remove a device.
    Delete(Arc<str>),
    /// Something else, by the name of its method.
    Other(&'static str),
}

/// What a device's codes are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// HOTP: a code uses up all before it.
    Counter,
    /// TOTP: likewise.
    Step,
    /// Recovery codes: in any order.
    List,
}

/// Which code is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// The right one of that counter or step, or of that place in a list.
    Right(u64),
    /// One that never was right.
    Wrong,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The proof is accepted.
    Accepted,
    /// It was judged, and is rejected.
    Rejected {
        /// Failures in a row, with this one.
        failures: u32,
        /// Before this moment nothing is judged.
        retry_at: Option<Moment>,
    },
    /// The proof was not looked at: why.
    NotJudged(&'static str),
    /// The device is there.
    Enrolled(Arc<str>),
    /// It is done.
    Done,
    /// It was refused, and certainly not done: why.
    Refused(String),
    /// Nobody knows whether it was done: why.
    Lost(String),
}

impl History {
    /// An empty one, which begins now.
    #[must_use]
    pub fn begin() -> Arc<Self> {
        let (began, began_at) = (Instant::now(), SystemClock.now());
        Arc::new(Self { began, began_at, calls: Mutex::default() })
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.began_at.plus(self.began.elapsed())
    }

    /// When it began.
    #[must_use]
    pub fn began_at(&self) -> Moment {
        self.began_at
    }

    /// Begins a call.
    #[must_use]
    pub fn call(&self, process: usize, id: Option<&str>, asked: Asked) -> UnderWay<'_> {
        let (begin, id) = (self.now(), id.map(Arc::from));
        let answer = Answer::Lost("the caller went away".to_owned());
        UnderWay { history: self, call: Some(Call { begin, end: begin, process, id, asked, answer }) }
    }

    /// All calls so far, in the order in which they ended.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many calls have ended.
    #[must_use]
    pub fn len(&self) -> usize {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether none has.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A call that has not ended. Dropped, its answer is lost, and that is noted.
pub struct UnderWay<'h> {
    history: &'h History,
    call: Option<Call>,
}

impl UnderWay<'_> {
    /// Notes what was answered.
    pub fn answered(mut self, answer: Answer) {
        if let Some(call) = &mut self.call {
            call.answer = answer;
        }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Some(mut call) = self.call.take() {
            call.end = self.history.now();
            self.history.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
        }
    }
}

impl Asked {
    /// The device and the code, where a proof is offered.
    #[must_use]
    pub fn proof(&self) -> Option<(&Arc<str>, Code)> {
        match self {
            Self::Confirm(device, code) | Self::Verify(device, code) => Some((device, *code)),
            Self::Enroll(_) | Self::Delete(_) | Self::Other(_) => None,
        }
    }
}

impl Answer {
    /// Whether a proof was looked at, and so counted or used up.
    #[must_use]
    pub fn is_judged(&self) -> bool {
        matches!(self, Self::Accepted | Self::Rejected { .. })
    }

    /// What it is, in a word or few, to be counted.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            Self::Accepted => "accepted".to_owned(),
            Self::Rejected { .. } => "rejected".to_owned(),
            Self::NotJudged(why) => (*why).to_owned(),
            Self::Enrolled(_) => "enrolled".to_owned(),
            Self::Done => "done".to_owned(),
            Self::Refused(why) => format!("refused: {why}"),
            Self::Lost(why) => format!("lost: {why}"),
        }
    }
}
