//! `countersign verify`.

use std::io::{self, Write};

use clap::Args;

use super::environment::Environment;
use super::exchange::Connection;
use super::failure::Failure;
use super::place::{Place, Scope, scope};
use super::{Answer, print, typed};
use crate::wire::pb;
use crate::wire::pb::verification_service_client::VerificationServiceClient;

/// Checks a code, and uses it up. Exit status 0 if it was accepted and satisfies what is required, else 1.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Verify {
    /// The user
    subject: String,
    /// The code; - reads it from standard input
    code: String,
    /// Try this device only. Left out, every active one that such a code could come from
    #[arg(long, value_name = "DEVICE")]
    device: Option<String>,
    /// Also decide this requirement, with the new evidence. May be repeated
    #[arg(long = "require", value_name = "NAME")]
    requirements: Vec<String>,
    /// What the caller knows, for rules: NAME=VALUE. May be repeated
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = typed::attribute)]
    attributes: Vec<(String, String)>,
    /// How far the evidence may be used. Left out: the transaction where one is named, else the session
    #[arg(long, value_enum, value_name = "SCOPE")]
    scope: Option<Scope>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    pub(super) connection: Connection,
}

const EXAMPLES: &str = "\
An accepted code is evidence where it was given. Without a session it counts nowhere else.

Examples:
  countersign verify alice 123456
  countersign verify alice 123456 --session s-1 --require login
  countersign verify alice --device 5xqg3mtwzcvh2zlnoyvxq7j3ea - < code.txt";

impl Verify {
    pub(super) fn run(self, environment: &Environment, out: &mut dyn Write) -> Result<Answer, Failure> {
        let code = typed::code(&self.code)?;
        let context = self.place.context()?;
        self.connection.run(environment, out, async |exchange| {
            let request = pb::VerifyRequest {
                subject: self.subject,
                device_id: self.device.unwrap_or_default(),
                proof: Some(pb::Proof { proof: Some(pb::proof::Proof::Code(code)) }),
                context,
                requirements: self.requirements,
                request_id: exchange.request_id(),
                scope: scope(self.scope),
                attributes: self.attributes.into_iter().collect(),
                ..Default::default()
            };
            let has_place = request.context.is_some();
            let answer = exchange
                .client
                .call(request, async |channel, request| {
                    VerificationServiceClient::new(channel).verify(request).await
                })
                .await?;
            exchange.show(&answer, |out| show(out, &answer, has_place))?;
            let decisions = answer.decisions.iter().map(|decision| print::decided(decision).1);
            let all = std::iter::once(print::verdict(answer.verdict.as_ref()).1).chain(decisions);
            Ok(if all.into_iter().all(|came_to| came_to == Answer::Yes) { Answer::Yes } else { Answer::No })
        })
    }
}

fn show(out: &mut dyn Write, answer: &pb::VerifyResponse, has_place: bool) -> io::Result<()> {
    let (words, came_to) = print::verdict(answer.verdict.as_ref());
    writeln!(out, "{words}")?;
    if let Some(device) = answer.device.as_ref().filter(|_| came_to == Answer::Yes) {
        writeln!(out, "by {} ({}, {})", device.id, print::kind(device.kind), device.name)?;
    }
    if let Some(evidence) = answer.evidence.as_ref().filter(|_| has_place) {
        writeln!(out, "{}", print::gained(evidence))?;
    }
    let decisions = answer.decisions.iter().chain(&answer.joint);
    let lines = decisions.flat_map(|decision| print::decided(decision).0);
    lines.chain(print::joint_absence(answer.joint_absence())).try_for_each(|line| writeln!(out, "{line}"))
}
