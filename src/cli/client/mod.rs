//! The connection to a server: where it is, who asks, and trying again where that is safe.

mod channel;
mod target;
mod token;

#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::time::Instant;
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};
use tonic_types::StatusExt as _;

pub(super) use self::target::{Endpoint, Target, forget, remember};
pub(super) use self::token::Token;
use super::failure::Failure;

/// How often a request is sent at most.
const TRIES: u32 = 3;
/// How long to wait before the second try, where the server does not say. Doubles.
const PAUSE: Duration = Duration::from_millis(200);

/// A connection, made.
pub(super) struct Client {
    channel: Channel,
    target: Target,
    token: Token,
    timeout: Duration,
    deadline: Instant,
}

impl Client {
    /// Connects within `timeout`, which is also for all that follows.
    pub(super) async fn connect(target: Target, token: Token, timeout: Duration) -> Result<Self, Failure> {
        let deadline = Instant::now() + timeout;
        let channel = tokio::time::timeout_at(deadline, channel::connect(&target))
            .await
            .map_err(|_| Failure::error(format!("no connection to {target} within {timeout:?}")))??;
        Ok(Self { channel, target, token, timeout, deadline })
    }

    /// Sends a request and waits for its answer. An UNAVAILABLE server is asked again, three times in all
    /// and within the timeout: what changes something carries a request id, so a lost answer counts once.
    pub(super) async fn call<Q: Clone, A>(
        &self,
        request: Q,
        send: impl AsyncFn(Channel, Request<Q>) -> Result<Response<A>, Status>,
    ) -> Result<A, Failure> {
        let mut pause = PAUSE;
        for tried in 1.. {
            let left = self.deadline.saturating_duration_since(Instant::now());
            let mut asked = Request::new(request.clone());
            asked.set_timeout(left);
            self.token.sign(asked.metadata_mut());
            let status = match tokio::time::timeout(left, send(self.channel.clone(), asked)).await {
                Ok(Ok(answer)) => return Ok(answer.into_inner()),
                Ok(Err(status)) => status,
                Err(_) => break,
            };
            let wait = retry_delay(&status).unwrap_or(pause);
            let is_last = tried == TRIES || Instant::now() + wait >= self.deadline;
            if status.code() != Code::Unavailable || is_last {
                return Err(Failure::refused(&status).with_hint_for_unknown_caller(&self.token.hint()));
            }
            tokio::time::sleep(wait).await;
            pause *= 2;
        }
        Err(Failure::error(format!(
            "no answer from {} within {:?}; what was asked may have been done: look before you repeat it, or \
             give it more time with --timeout",
            self.target, self.timeout,
        )))
    }
}

fn retry_delay(status: &Status) -> Option<Duration> {
    status.get_details_retry_info().and_then(|retry| retry.retry_delay)
}
