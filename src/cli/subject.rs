//! `countersign subject show`.

use std::io::Write;

use clap::{Args, Subcommand};

use super::environment::Environment;
use super::exchange::Connection;
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
}

impl Subject {
    pub(super) fn run(self, environment: &Environment, out: &mut dyn Write) -> Result<Answer, Failure> {
        let What::Show { subject } = self.what;
        self.connection.run(environment, out, async |exchange| {
            let request = pb::GetSubjectRequest { subject: subject.clone() };
            let answer = exchange
                .client
                .call(request, async |channel, request| {
                    SubjectServiceClient::new(channel).get_subject(request).await
                })
                .await?;
            let kinds: Vec<_> = answer.active_kinds.iter().map(|kind| print::kind(*kind)).collect();
            let kinds = if kinds.is_empty() { "none".to_owned() } else { kinds.join(", ") };
            exchange.show(&answer, |out| {
                let lines = [
                    ("subject", subject),
                    ("active kinds", kinds),
                    ("recovery codes", format!("{} left", answer.recovery_codes_remaining)),
                    ("throttle", answer.throttle.as_ref().map_or_else(String::new, print::throttle)),
                ];
                print::fields(out, &lines)
            })?;
            Ok(Answer::Yes)
        })
    }
}
