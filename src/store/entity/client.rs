//! Remembered clients.

use sea_orm::entity::prelude::*;

use crate::domain::client::{Client, TokenDigest};
use crate::domain::ids::{ClientId, ClientName, Subject, Tenant};
use crate::domain::moment::Moment;
use crate::error::Fault;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "client")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub subject: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub name: String,
    pub token_hash: Vec<u8>,
    pub created_at: i64,
    pub seen_at: i64,
    pub expires_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// A client as it is written.
    pub fn of(tenant: &Tenant, subject: &Subject, client: &Client) -> Self {
        Self {
            tenant: tenant.as_str().to_owned(),
            subject: subject.as_str().to_owned(),
            id: client.id.as_str().to_owned(),
            name: client.name.as_str().to_owned(),
            token_hash: client.token.0.to_vec(),
            created_at: client.created_at.micros(),
            seen_at: client.seen_at.micros(),
            expires_at: client.expires_at.micros(),
        }
    }

    /// The client that is written here.
    pub fn client(self) -> Result<Client, Fault> {
        let token = <[u8; 32]>::try_from(self.token_hash);
        let token =
            token.map_err(|_| Fault::internal("reading a client's row", "its token's hash is none"))?;
        Ok(Client {
            id: ClientId::trusted(&self.id),
            name: ClientName::trusted(&self.name),
            token: TokenDigest(token),
            created_at: Moment::from_micros(self.created_at),
            seen_at: Moment::from_micros(self.seen_at),
            expires_at: Moment::from_micros(self.expires_at),
        })
    }
}
