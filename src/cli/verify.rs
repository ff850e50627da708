//! `countersign verify`.

use std::io::Write;

use clap::Args;

use super::environment::Environment;
use super::exchange::Connection;
use super::failure::Failure;
use super::{Answer, print, typed};
use crate::wire::pb;
use crate::wire::pb::verification_service_client::VerificationServiceClient;

/// Checks a code, and uses it up. Exit status 0 if it was accepted, 1 if it was not.
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
    #[command(flatten)]
    pub(super) connection: Connection,
}

const EXAMPLES: &str = "\
Examples:
  countersign verify alice 123456
  countersign verify alice --device 5xqg3mtwzcvh2zlnoyvxq7j3ea - < code.txt";

impl Verify {
    pub(super) fn run(self, environment: &Environment, out: &mut dyn Write) -> Result<Answer, Failure> {
        let code = typed::code(&self.code)?;
        self.connection.run(environment, out, async |exchange| {
            let request = pb::VerifyRequest {
                subject: self.subject,
                device_id: self.device.unwrap_or_default(),
                proof: Some(pb::Proof { proof: Some(pb::proof::Proof::Code(code)) }),
                request_id: exchange.request_id(),
                ..Default::default()
            };
            let answer = exchange
                .client
                .call(request, async |channel, request| {
                    VerificationServiceClient::new(channel).verify(request).await
                })
                .await?;
            let (words, came_to) = print::verdict(answer.verdict.as_ref());
            exchange.show(&answer, |out| {
                writeln!(out, "{words}")?;
                let device = answer.device.as_ref().filter(|_| came_to == Answer::Yes);
                device.map_or(Ok(()), |device| {
                    writeln!(out, "by {} ({}, {})", device.id, print::kind(device.kind), device.name)
                })
            })?;
            Ok(came_to)
        })
    }
}
