//! `countersign evidence revoke`.

use clap::Args;

use super::{Answer, Exchange, Failure};
use crate::wire::pb;
use crate::wire::pb::assurance_service_client::AssuranceServiceClient;
use crate::wire::pb::revoke_evidence_request::Selection;

#[derive(Debug, Args)]
#[command(
    after_help = "Cannot be undone. --everything signs the user out everywhere, and forgets the remembered \
                        clients.\n\nExamples:\n  \
                        countersign evidence revoke alice 7gqk5yk2n4rz3mbd6vhsy5w2ae\n  \
                        countersign evidence revoke alice --session s-1\n  \
                        countersign evidence revoke alice --everything"
)]
pub(super) struct Revoke {
    /// The user
    subject: String,
    #[command(flatten)]
    selection: Selected,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Selected {
    /// One piece, by its id as `evidence list` shows it
    evidence: Option<String>,
    /// All that was given in a session
    #[arg(long, value_name = "SESSION")]
    session: Option<String>,
    /// All of it, everywhere
    #[arg(long)]
    everything: bool,
}

impl Revoke {
    pub(super) async fn run(self, exchange: &mut Exchange<'_>) -> Result<Answer, Failure> {
        let Selected { evidence, session, everything } = self.selection;
        let selection = evidence.map(Selection::EvidenceId).or(session.map(Selection::Session));
        let request = pb::RevokeEvidenceRequest {
            subject: self.subject,
            selection: selection.or(everything.then_some(Selection::Everything(true))),
            request_id: exchange.request_id(),
        };
        let answer = exchange
            .client
            .call(request, async |channel, request| {
                AssuranceServiceClient::new(channel).revoke_evidence(request).await
            })
            .await?;
        exchange.show(&answer, |out| writeln!(out, "{} revoked", answer.revoked_count))?;
        Ok(Answer::Yes)
    }
}
