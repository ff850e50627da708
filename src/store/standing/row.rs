//! One row of the statement, read as what it is.

use sea_orm::{DbErr, QueryResult, TryGetable};

use super::super::entity::{client, device, evidence, subject};
use super::{NUMBERS, TEXTS};
use crate::domain::ids::{Subject, Tenant};

/// A row of whichever part.
pub(super) struct Row<'a> {
    pub(super) row: QueryResult,
    pub(super) tenant: &'a Tenant,
    pub(super) subject: &'a Subject,
}

impl Row<'_> {
    pub(super) fn get<T: TryGetable>(&self, column: usize) -> Result<T, DbErr> {
        self.row.try_get_by_index(column)
    }

    fn text(&self, place: usize) -> Result<String, DbErr> {
        self.get(1 + place)
    }

    fn text_or_none(&self, place: usize) -> Result<Option<String>, DbErr> {
        self.get(1 + place)
    }

    fn number(&self, place: usize) -> Result<i64, DbErr> {
        self.get(1 + TEXTS + place)
    }

    fn number_or_none(&self, place: usize) -> Result<Option<i64>, DbErr> {
        self.get(1 + TEXTS + place)
    }

    fn bytes(&self) -> Result<Vec<u8>, DbErr> {
        self.get(1 + TEXTS + NUMBERS)
    }

    fn small(&self, place: usize) -> Result<i32, DbErr> {
        i32::try_from(self.number(place)?).map_err(|e| DbErr::Type(e.to_string()))
    }

    fn whose(&self) -> (String, String) {
        (self.tenant.as_str().to_owned(), self.subject.as_str().to_owned())
    }

    pub(super) fn subject(&self) -> Result<subject::Model, DbErr> {
        let (tenant, subject) = self.whose();
        Ok(subject::Model {
            tenant,
            subject,
            version: self.number(0)?,
            failures: self.small(1)?,
            failed_at: self.number_or_none(2)?,
            epoch: self.number(3)?,
            enrolled_at: self.number_or_none(4)?,
            graced_at: self.number_or_none(5)?,
            opened_session: self.text(0)?,
            opened_at: self.number_or_none(6)?,
            signed_out_at: self.number_or_none(7)?,
            forgiven: self.text_or_none(1)?,
        })
    }

    pub(super) fn device(&self) -> Result<device::Model, DbErr> {
        let (tenant, subject) = self.whose();
        Ok(device::Model {
            id: self.text(0)?,
            tenant,
            subject,
            kind: self.text(1)?,
            name: self.text(2)?,
            state: self.text(3)?,
            preferred: self.number(0)? != 0,
            detail: self.text(4)?,
            secret: self.bytes()?,
            version: self.number(1)?,
            epoch: self.number(2)?,
            failures: self.small(3)?,
            failed_at: self.number_or_none(4)?,
            created_at: self.number(5)?,
            confirmed_at: self.number_or_none(6)?,
            used_at: self.number_or_none(7)?,
            expires_at: self.number_or_none(8)?,
        })
    }

    pub(super) fn evidence(&self) -> Result<evidence::Model, DbErr> {
        let (tenant, subject) = self.whose();
        Ok(evidence::Model {
            tenant,
            subject,
            id: self.text(0)?,
            method: self.text(1)?,
            device: self.text(2)?,
            verified_at: self.number(0)?,
            expires_at: self.number(1)?,
            scope: self.text(3)?,
            session: self.text(4)?,
            client: self.text(5)?,
            digest: self.bytes()?,
            epoch: self.number(2)?,
            strength: self.text(6)?,
            source: self.text(7)?,
            revoked_at: self.number_or_none(3)?,
            spent_at: self.number_or_none(4)?,
        })
    }

    pub(super) fn client(&self) -> Result<client::Model, DbErr> {
        let (tenant, subject) = self.whose();
        Ok(client::Model {
            tenant,
            subject,
            id: self.text(0)?,
            name: self.text(1)?,
            token_hash: self.bytes()?,
            created_at: self.number(0)?,
            seen_at: self.number(1)?,
            expires_at: self.number(2)?,
        })
    }
}
