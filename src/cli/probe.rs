//! `countersign probe`.

use std::io::Write;

use clap::Args;
use serde_json::json;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::client::{Client, Target, Token};
use super::environment::Environment;
use super::exchange::Connection;
use super::failure::Failure;
use super::{Answer, block_on};

/// Asks a server whether it is serving: exit status 0 if it is, 1 if it is not, 2 if it does not answer.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Probe {
    /// One service, like countersign.v1.VerificationService. Left out, the server as a whole
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    service: String,
    #[command(flatten)]
    pub(super) connection: Connection,
}

const EXAMPLES: &str = "\
Speaks grpc.health.v1, and needs no token. In a container without a shell, for an exec probe:
  command: [countersign, probe, --server, unix:/run/countersign/countersign.sock, --timeout, 1s]";

impl Probe {
    pub(super) fn run(self, environment: &Environment, out: &mut dyn Write) -> Result<Answer, Failure> {
        let connection = &self.connection;
        let data_dir = connection.data_dir(environment);
        let target = Target::find(connection.server.as_deref(), environment, &data_dir)?;
        let status = block_on(async {
            let client = Client::connect(target, Token::none(), connection.timeout).await?;
            let request = HealthCheckRequest { service: self.service };
            let asked = client.call(request, async |channel, request| {
                // A service that the server does not know is one that it does not serve.
                match HealthClient::new(channel).check(request).await {
                    Err(status) if status.code() == Code::NotFound => {
                        Ok(tonic::Response::new(tonic_health::pb::HealthCheckResponse {
                            status: ServingStatus::ServiceUnknown.into(),
                        }))
                    }
                    checked => checked,
                }
            });
            Ok(asked.await?.status())
        })?;
        let name = status.as_str_name();
        if connection.json {
            writeln!(out, "{}", json!({ "status": name }))?;
        } else {
            writeln!(out, "{}", name.to_lowercase().replace('_', " "))?;
        }
        Ok(if status == ServingStatus::Serving { Answer::Yes } else { Answer::No })
    }
}
