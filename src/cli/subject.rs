//! `countersign subject show` and `countersign subject unlock`.

use std::io::Write;

use clap::{Args, Subcommand};

use super::environment::Environment;
use super::exchange::{Connection, Exchange};
use super::failure::Failure;
use super::{Answer, print};
use crate::wire::pb;
use crate::wire::pb::subject_service_client::SubjectServiceClient;

/// What is known of a subject as a whole.
#[derive(Debug, Args)]
pub(super) struct Subject {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    pub(super) connection: Connection,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Sum a subject up: what it has, and how fast it may try
    #[command(after_help = "Example:\n  countersign subject show alice")]
    Show {
        /// The user
        subject: String,
    },
    /// Clear the failures of codes that were tried without naming a device
    #[command(after_help = "Devices keep their failures: see countersign device unlock.\n\nExample:\n  \
                            countersign subject unlock alice")]
    Unlock {
        /// The user
        subject: String,
    },
}

impl Subject {
    pub(super) fn run(self, environment: &Environment, out: &mut dyn Write) -> Result<Answer, Failure> {
        self.connection.run(environment, out, async |exchange| match &self.what {
            What::Show { subject } => show(exchange, subject).await,
            What::Unlock { subject } => unlock(exchange, subject).await,
        })
    }
}

async fn show(exchange: &mut Exchange<'_>, subject: &str) -> Result<Answer, Failure> {
    let request = pb::GetSubjectRequest { subject: subject.to_owned() };
    let answer = exchange
        .client
        .call(request, async |channel, request| SubjectServiceClient::new(channel).get_subject(request).await)
        .await?;
    let kinds: Vec<_> = answer.active_kinds.iter().map(|kind| print::kind(*kind)).collect();
    let kinds = if kinds.is_empty() { "none".to_owned() } else { kinds.join(", ") };
    exchange.show(&answer, |out| {
        let lines = [
            ("subject", subject.to_owned()),
            ("active kinds", kinds),
            ("recovery codes", format!("{} left", answer.recovery_codes_remaining)),
            ("throttle", answer.throttle.as_ref().map_or_else(String::new, print::throttle)),
        ];
        print::fields(out, &lines)
    })?;
    Ok(Answer::Yes)
}

async fn unlock(exchange: &mut Exchange<'_>, subject: &str) -> Result<Answer, Failure> {
    let request = pb::UnlockSubjectRequest { subject: subject.to_owned(), request_id: exchange.request_id() };
    let answer = exchange
        .client
        .call(request, async |channel, request| {
            SubjectServiceClient::new(channel).unlock_subject(request).await
        })
        .await?;
    let cleared = match answer.cleared_failure_count {
        0 => "no failures to clear".to_owned(),
        1 => "1 failure cleared".to_owned(),
        count => format!("{count} failures cleared"),
    };
    exchange.show(&answer, |out| writeln!(out, "{cleared}"))?;
    Ok(Answer::Yes)
}
