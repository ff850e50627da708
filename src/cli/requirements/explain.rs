//! `countersign requirements explain`.

use std::io::{self, Write};

use clap::Args;

use super::{Answer, Environment, Failure, print};
use crate::cli::exchange::Connection;
use crate::cli::place::Place;
use crate::cli::typed;
use crate::wire::convert::rfc3339;
use crate::wire::pb;
use crate::wire::pb::assurance_service_client::AssuranceServiceClient;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Explain {
    /// The requirement
    name: String,
    /// The user
    #[arg(long, value_name = "SUBJECT")]
    subject: String,
    /// What the caller knows, for rules: NAME=VALUE. May be repeated
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = typed::attribute)]
    attributes: Vec<(String, String)>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    pub(super) connection: Connection,
}

const EXAMPLES: &str = "\
A look: it uses nothing up. Exit status 0 if the requirement is satisfied, 1 if it is not.

Examples:
  countersign requirements explain login --subject alice --session s-1
  countersign requirements explain payout --subject alice --session s-1 --attribute amount=250000 --json";

impl Explain {
    pub(super) fn run(self, environment: &Environment, out: &mut dyn Write) -> Result<Answer, Failure> {
        let context = self.place.context()?;
        let asked = self.name;
        self.connection.run(environment, out, async |exchange| {
            let request = pb::EvaluateRequest {
                subject: self.subject,
                context,
                requirements: vec![asked],
                attributes: self.attributes.into_iter().collect(),
                explain: true,
                ..Default::default()
            };
            let answer = exchange
                .client
                .call(request, async |channel, request| {
                    AssuranceServiceClient::new(channel).evaluate(request).await
                })
                .await?;
            exchange.show(&answer, |out| answer.decisions.iter().try_for_each(|one| show(out, one)))?;
            let all = answer.decisions.iter().all(|decision| print::decided(decision).1 == Answer::Yes);
            Ok(if all && !answer.decisions.is_empty() { Answer::Yes } else { Answer::No })
        })
    }
}

fn show(out: &mut dyn Write, decision: &pb::Decision) -> io::Result<()> {
    writeln!(out, "{}", decision.explanation.trim_end())?;
    let moments = [
        ("satisfied until", &decision.valid_until_time),
        ("let in all the same until", &decision.grace_until_time),
        ("next try at", &decision.retry_time),
    ];
    for (what, moment) in moments {
        if let Some(moment) = moment {
            writeln!(out, "{what} {}", rfc3339(moment))?;
        }
    }
    Ok(())
}
