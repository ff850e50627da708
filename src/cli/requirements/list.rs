//! `countersign requirements list`.

use std::io::Write;

use clap::Args;

use super::{Answer, Environment, Failure, show};
use crate::cli::exchange::Connection;
use crate::wire::pb;
use crate::wire::pb::assurance_service_client::AssuranceServiceClient;

#[derive(Debug, Args)]
#[command(after_help = "The sidecar's own, which guard devices, are among them.\n\nExamples:\n  \
                        countersign requirements list\n  countersign requirements list --json")]
pub(super) struct List {
    #[command(flatten)]
    pub(super) connection: Connection,
}

impl List {
    pub(super) fn run(self, environment: &Environment, out: &mut dyn Write) -> Result<Answer, Failure> {
        self.connection.run(environment, out, async |exchange| {
            let answer = exchange
                .client
                .call(pb::ListRequirementsRequest {}, async |channel, request| {
                    AssuranceServiceClient::new(channel).list_requirements(request).await
                })
                .await?;
            exchange.show(&answer, |out| {
                let row =
                    |one: &pb::Requirement| [one.name.clone(), one.revision.clone(), one.expression.clone()];
                show(out, &answer.requirements.iter().map(row).collect::<Vec<_>>())
            })?;
            Ok(Answer::Yes)
        })
    }
}
