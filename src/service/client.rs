//! Remembered clients: browsers and apps in which evidence of their scope is found again.

use std::cmp::Reverse;
use std::time::Duration;

use futures_util::FutureExt as _;

use super::Service;
use super::unit::{Once, Reply, Step};
use crate::auth::{Grant, rpc};
use crate::domain::client::{Client, ClientToken};
use crate::domain::event::{Event, What};
use crate::domain::ids::{ClientId, ClientName, Subject};
use crate::domain::secret::SecretText;
use crate::error::Error;
use crate::store::{Change, Commit, Wanted};

/// Clients of a subject that are remembered at most: past that, the one that was not seen for longest is forgotten.
pub const CLIENTS_MAX: usize = 64;

/// A client that is remembered from now on.
#[derive(Debug, Clone)]
pub struct Remembered {
    /// What it keeps, shown once.
    pub token: SecretText,
    /// It.
    pub client: Client,
}

impl Service {
    /// Remembers a client.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn remember_client(
        &self,
        grant: &Grant<rpc::RememberClient>,
        subject: &Subject,
        name: &ClientName,
        duration: Option<Duration>,
        once: Option<Once<Remembered>>,
    ) -> Result<Reply<Remembered>, Error> {
        let caller = grant.caller();
        // Made once: where the commit has to be tried again, the same client is.
        let (made, token) = ClientToken::generate(self.entropy.bytes());
        let (made, token) = (&made, &token);
        self.unit(caller, subject, once, move |_| {
            async move {
                let now = self.clock.now();
                let standing = self.standing_of(&caller.tenant, subject, Wanted::Clients).await?;
                let most = self.policy(caller).remember_for;
                let client = Client {
                    id: made.id.clone(),
                    name: name.clone(),
                    token: made.digest,
                    created_at: now,
                    seen_at: now,
                    expires_at: now.plus(duration.map_or(most, |duration| duration.min(most))),
                };
                let event = Event::about(&caller.tenant, subject, What::ClientRemembered, &caller.name, now)
                    .with("client", &client.id);
                // Over the subject: a sign-out that comes first is not forgotten by what comes after it.
                let next = standing.state.moved_on(!standing.devices.is_empty(), now);
                let mut commit = Commit::new(event)
                    .change(Change::Subject(next))
                    .change(Change::Remember(Box::new(client.clone())));
                let mut others = standing.clients;
                // What has expired and is not swept yet takes nobody's place.
                others.sort_by_key(|client| Reverse((client.expires_at > now, client.seen_at)));
                let gone = others.iter().skip(CLIENTS_MAX - 1).map(|client| client.id.clone());
                let gone: Vec<ClientId> = gone.collect();
                if !gone.is_empty() {
                    commit = commit.change(Change::Forget(gone));
                }
                Ok(Step::Commit(commit, Remembered { token: token.clone(), client }))
            }
            .boxed()
        })
        .await
    }

    /// The clients of a subject that are remembered, most recently seen first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn clients(
        &self,
        grant: &Grant<rpc::ListClients>,
        subject: &Subject,
    ) -> Result<Vec<Client>, Error> {
        let now = self.clock.now();
        let standing = self.standing_of(&grant.caller().tenant, subject, Wanted::Clients).await?;
        let mut clients = standing.clients;
        clients.retain(|client| client.expires_at > now);
        clients.sort_by(|a, b| (Reverse(a.seen_at), &a.id).cmp(&(Reverse(b.seen_at), &b.id)));
        Ok(clients)
    }

    /// Forgets clients: these, or all. Gives how many are recognised no more.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn forget_clients(
        &self,
        grant: &Grant<rpc::ForgetClients>,
        subject: &Subject,
        these: &[ClientId],
        once: Option<Once<u64>>,
    ) -> Result<Reply<u64>, Error> {
        let caller = grant.caller();
        self.unit(caller, subject, once, move |_| {
            async move {
                let now = self.clock.now();
                let standing = self.standing_of(&caller.tenant, subject, Wanted::Clients).await?;
                let concerned = |client: &&Client| these.is_empty() || these.contains(&client.id);
                let gone = standing.clients.iter().filter(|client| client.expires_at > now);
                let gone: Vec<ClientId> = gone.filter(concerned).map(|client| client.id.clone()).collect();
                if gone.is_empty() {
                    return Ok(Step::Answer(0));
                }
                let event = Event::about(&caller.tenant, subject, What::ClientForgotten, &caller.name, now)
                    .with("count", gone.len());
                let count = gone.len() as u64;
                // Over the subject: no change is made after this by evidence of these clients.
                let next = standing.state.moved_on(!standing.devices.is_empty(), now);
                let commit = Commit::new(event).change(Change::Subject(next)).change(Change::Forget(gone));
                Ok(Step::Commit(commit, count))
            }
            .boxed()
        })
        .await
    }
}
