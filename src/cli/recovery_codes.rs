//! `countersign recovery-codes`.

use std::io::Write;

use clap::{Args, Subcommand};

use super::environment::Environment;
use super::exchange::{Connection, Exchange};
use super::failure::Failure;
use super::{Answer, print, typed};
use crate::wire::pb;
use crate::wire::pb::device_service_client::DeviceServiceClient;

/// Issues recovery codes, as an operator (role admin). They are shown once: only their hashes are kept.
#[derive(Debug, Args)]
pub(super) struct RecoveryCodes {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    pub(super) connection: Connection,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make new codes; the old ones die, unless they are kept (role admin)
    #[command(after_help = "Examples:\n  countersign recovery-codes issue alice\n  \
                            countersign recovery-codes issue alice --count 5 --keep")]
    Issue {
        /// The user
        subject: String,
        /// How many: 1 to 50. Left out, as many as the server's settings say
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=50))]
        count: Option<u32>,
        /// Keep the unused ones
        #[arg(long)]
        keep: bool,
        /// The list, where the subject has several
        #[arg(long, value_name = "DEVICE")]
        device: Option<String>,
    },
    /// Add one code to those that are there (role admin)
    #[command(after_help = "Examples:\n  countersign recovery-codes add alice\n  \
                            countersign recovery-codes add alice --code - < code.txt")]
    Add {
        /// The user
        subject: String,
        /// A code of your own choosing, 6 to 64 characters; - reads it from standard input. Left out, one is
        /// made at random
        #[arg(long, value_name = "CODE")]
        code: Option<String>,
        /// The list, where the subject has several
        #[arg(long, value_name = "DEVICE")]
        device: Option<String>,
    },
}

impl RecoveryCodes {
    pub(super) fn run(self, environment: &Environment, out: &mut dyn Write) -> Result<Answer, Failure> {
        let (request, shows_codes) = match self.what {
            What::Issue { subject, count, keep, device } => {
                let request = pb::IssueRecoveryCodesRequest {
                    subject,
                    device_id: device.unwrap_or_default(),
                    count: count.unwrap_or_default(),
                    keep_existing: keep,
                    ..Default::default()
                };
                (request, true)
            }
            What::Add { subject, code, device } => {
                let code = code.as_deref().map(typed::code).transpose()?;
                let request = pb::IssueRecoveryCodesRequest {
                    subject,
                    device_id: device.unwrap_or_default(),
                    count: u32::from(code.is_none()),
                    keep_existing: code.is_none(),
                    code: code.clone().unwrap_or_default(),
                    ..Default::default()
                };
                // Who chose a code knows it.
                (request, code.is_none())
            }
        };
        self.connection.run(environment, out, async |exchange| issue(exchange, request, shows_codes).await)
    }
}

async fn issue(
    exchange: &mut Exchange<'_>,
    mut request: pb::IssueRecoveryCodesRequest,
    shows_codes: bool,
) -> Result<Answer, Failure> {
    request.request_id = exchange.request_id();
    let answer = exchange
        .client
        .call(request, async |channel, request| {
            DeviceServiceClient::new(channel).issue_recovery_codes(request).await
        })
        .await?;
    exchange.show(&answer, |out| {
        if shows_codes {
            print::codes(out, answer.recovery_codes.as_ref())?;
        }
        let Some(device) = &answer.device else { return Ok(()) };
        if let Some(pb::device::Detail::RecoveryCodes(list)) = &device.detail {
            writeln!(out, "{} of {} left in {}", list.remaining, device.subject, device.id)?;
        }
        Ok(())
    })?;
    Ok(Answer::Yes)
}
