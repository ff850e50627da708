//! The telling: numbered steps, what came of each, and the first surprise.

use std::io::{self, Write};

use super::super::failure::Failure;
use super::super::print;
use crate::wire::pb;

/// Tells a walk, step by step.
pub(super) struct Story<'a> {
    out: &'a mut dyn Write,
    step: u32,
}

impl<'a> Story<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> Self {
        Self { out, step: 0 }
    }

    /// Begins a step.
    pub(super) fn step(&mut self, what: &str) -> io::Result<()> {
        self.step += 1;
        writeln!(self.out, "{}. {what}", self.step)?;
        // What follows may take a moment, and somebody is watching.
        self.out.flush()
    }

    /// Says what came of it.
    pub(super) fn says(&mut self, what: &str) -> io::Result<()> {
        what.lines().try_for_each(|line| writeln!(self.out, "   {line}"))
    }

    /// Shows text as it is.
    pub(super) fn shows(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "\n{text}")
    }

    /// Checks a verdict, and says it.
    pub(super) fn expects(
        &mut self,
        outcome: pb::Outcome,
        reason: pb::RejectReason,
        verdict: Option<&pb::Verdict>,
    ) -> Result<(), Failure> {
        let (words, _) = print::verdict(verdict);
        let came = verdict.map(|verdict| (verdict.outcome(), verdict.reject_reason()));
        if came != Some((outcome, reason)) {
            let name = match reason {
                pb::RejectReason::Unspecified => outcome.as_str_name().to_owned(),
                reason => format!("{} ({})", outcome.as_str_name(), reason.as_str_name()),
            };
            return Err(Failure::Surprise(format!("step {}: expected {name}, and got: {words}", self.step)));
        }
        Ok(self.says(&format!("-> {words}"))?)
    }

    /// Checks that something was proved, and says what.
    pub(super) fn gains(&mut self, evidence: Option<&pb::Evidence>) -> Result<(), Failure> {
        let evidence = evidence.ok_or_else(|| self.missing("evidence"))?;
        Ok(self.says(&format!("-> {}", print::gained(evidence)))?)
    }

    /// Checks a decision, and says it.
    pub(super) fn decides(
        &mut self,
        outcome: pb::DecisionOutcome,
        decision: Option<&pb::Decision>,
    ) -> Result<(), Failure> {
        let decision = decision.ok_or_else(|| self.missing("a decision"))?;
        let words = print::decided(decision).0.join("\n");
        if decision.outcome() != outcome {
            let name = outcome.as_str_name();
            return Err(Failure::Surprise(format!("step {}: expected {name}, and got: {words}", self.step)));
        }
        Ok(self.says(&format!("-> {words}"))?)
    }

    /// Checks anything else.
    pub(super) fn holds(&self, holds: bool, expected: &str) -> Result<(), Failure> {
        if holds { Ok(()) } else { Err(self.missing(expected)) }
    }

    /// The surprise that something is not there.
    pub(super) fn missing(&self, expected: &str) -> Failure {
        Failure::Surprise(format!("step {}: expected {expected}", self.step))
    }
}
