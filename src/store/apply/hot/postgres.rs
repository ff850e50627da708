//! The hot commit on PostgreSQL: one statement, in which each commit of a group stands or falls by itself.
//!
//! It locks the devices that are still at the version that was judged, in the order of their ids, so that two
//! groups wait for each other instead of dying in a deadlock. Of these it keeps those whose request id was not
//! answered before; only for them it updates the device and inserts what it means.

mod text;

use sea_orm::DbErr;
use sea_orm::sqlx::postgres::{PgArguments, PgHasArrayType, Postgres};
use sea_orm::sqlx::{self, Arguments as _, AssertSqlSafe, Encode, Error, Type};

use self::text::{Form, text};
use super::super::super::chain::Chain;
use super::super::super::commit::Outcome;
use super::super::super::dialect;
use super::super::super::entity::{self, device};
use super::super::super::primary::{Own, Primary};
use super::super::super::server::Direct;
use super::super::WriteError;
use super::{Group, Written, failed};
use crate::domain::ids::{ClientId, SessionId};
use crate::domain::moment::Moment;

/// Writes a group.
pub(super) async fn write(
    db: &Primary,
    held: &mut Option<Own>,
    chain: &Chain,
    group: &Group<'_>,
) -> Result<Written, WriteError> {
    let form = Form::of(group);
    let text = text(form);
    let arguments =
        arguments(chain, group, form).map_err(|e| WriteError::NotBegun(failed(Error::Encode(e))))?;
    let mut own = db.own(held.take()).await.map_err(WriteError::NotBegun)?;
    let pool = own.pool();
    let Direct::Postgres(connection) = &mut own.direct else {
        return Err(WriteError::NotBegun(failed(Error::PoolClosed)));
    };
    let query = sqlx::query_as_with::<_, (i64, i32), _>(AssertSqlSafe(text), arguments);
    let asked = db.on_own(pool, async { query.fetch_all(&mut **connection).await.map_err(failed) }).await;
    match asked {
        Ok(rows) => {
            *held = Some(own);
            outcomes(group, &rows).map(Written::Each)
        }
        Err(error) => {
            let error = refusal(error);
            if matches!(&error, WriteError::Failed(e) if !dialect::is_lost(e)) {
                *held = Some(own);
            }
            Err(error)
        }
    }
}

/// Whether nothing is written, or nobody can say.
fn refusal(error: DbErr) -> WriteError {
    let Some(code) = dialect::code(&error) else { return WriteError::Doubt(error) };
    // What the server refuses it has not written. Where it shuts down (57P01) it says so only to who has not
    // committed; where it crashes (57P02), to everybody.
    if code == "57P01" || !dialect::is_lost(&error) {
        WriteError::Failed(error)
    } else {
        WriteError::Doubt(error)
    }
}

fn outcomes(group: &Group<'_>, rows: &[(i64, i32)]) -> Result<Vec<Outcome>, WriteError> {
    let mut outcomes = vec![Outcome::Stale; group.devices.len()];
    for (number, came_to) in rows {
        let place = usize::try_from(*number).ok().and_then(|n| outcomes.get_mut(n));
        let (Some(place), 0..=2) = (place, came_to) else {
            let odd = DbErr::Custom("a group came to what it cannot come to".to_owned());
            return Err(WriteError::Doubt(odd));
        };
        *place = [Outcome::Stale, Outcome::Recorded, Outcome::Done][usize::try_from(*came_to).unwrap_or(0)];
    }
    Ok(outcomes)
}

type Refused = sqlx::error::BoxDynError;

/// The values of a statement, as they are added.
struct Values {
    all: PgArguments,
    form: Form,
}

impl Values {
    /// A column of a source: as an array, or one by one.
    fn column<T>(&mut self, values: impl Iterator<Item = T>) -> Result<(), Refused>
    where
        T: for<'q> Encode<'q, Postgres> + Type<Postgres> + PgHasArrayType,
    {
        match self.form {
            Form::Many { .. } => self.all.add(values.collect::<Vec<_>>()),
            Form::One { .. } => values.into_iter().try_for_each(|value| self.all.add(value)),
        }
    }
}

fn number(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn arguments(chain: &Chain, group: &Group<'_>, form: Form) -> Result<PgArguments, Refused> {
    let mut values = Values { all: PgArguments::default(), form };
    devices(&mut values, group)?;
    events(&mut values, group)?;
    values.all.add(chain.writer())?;
    values.all.add(chain.link())?;
    values.all.add(chain.key())?;
    values.all.add(chain.head())?;
    if form.is_proved() {
        evidence(&mut values, group)?;
    }
    if form.is_recorded() {
        records(&mut values, group)?;
    }
    Ok(values.all)
}

fn devices(values: &mut Values, group: &Group<'_>) -> Result<(), Refused> {
    let devices = || group.devices.iter();
    values.column((0..group.devices.len()).map(number))?;
    values.column(devices().map(|device| device.id.as_str()))?;
    values.column(devices().map(|device| device.version))?;
    values.column(devices().map(|device| device.state.as_str()))?;
    values.column(devices().map(|device| device.detail.text()))?;
    values.column(devices().map(|device| device::count(device.failures)))?;
    values.column(devices().map(|device| device.failures.last_at.map(Moment::micros)))?;
    values.column(devices().map(|device| device.used_at.map(Moment::micros)))
}

fn events(values: &mut Values, group: &Group<'_>) -> Result<(), Refused> {
    let events = || group.events.iter().map(|(_, entry)| entry);
    values.column(group.events.iter().map(|(n, _)| number(*n)))?;
    values.column(events().map(|entry| entry.place))?;
    values.column(events().map(|entry| entry.event.at.micros()))?;
    values.column(events().map(|entry| entry.event.what.as_str()))?;
    values.column(events().map(|entry| entry.event.caller.as_str()))?;
    values.column(events().map(|entry| entry.details.as_str()))?;
    values.column(events().map(|entry| entry.mac.as_slice()))
}

fn evidence(values: &mut Values, group: &Group<'_>) -> Result<(), Refused> {
    let proved = || group.evidence.iter().map(|(_, proved)| proved.evidence);
    let scopes = || proved().map(|evidence| entity::evidence::scope(&evidence.scope));
    values.column(group.evidence.iter().map(|(n, _)| number(*n)))?;
    values.column(proved().map(|evidence| evidence.id.as_str()))?;
    values.column(proved().map(|evidence| evidence.verified_at.micros()))?;
    values.column(proved().map(|evidence| evidence.expires_at.micros()))?;
    values.column(scopes().map(|(name, _)| name))?;
    values.column(proved().map(|e| e.binding.session.as_ref().map_or("", SessionId::as_str)))?;
    values.column(proved().map(|e| e.binding.client.as_ref().map_or("", ClientId::as_str)))?;
    values.column(scopes().map(|(_, digest)| digest))?;
    values.column(group.evidence.iter().map(|(_, proved)| proved.strength.as_str()))?;
    values.column(proved().map(|evidence| evidence.source.as_deref().unwrap_or_default()))?;
    values.column(proved().map(|e| e.used_up.then_some(e.verified_at.micros())))?;
    values.column(group.evidence.iter().map(|(_, proved)| proved.clears))
}

fn records(values: &mut Values, group: &Group<'_>) -> Result<(), Refused> {
    let records = || group.records.iter().map(|(_, record)| record);
    values.column(group.records.iter().map(|(n, _)| number(*n)))?;
    values.column(records().map(|record| record.tenant.as_str()))?;
    values.column(records().map(|record| record.caller.as_str()))?;
    values.column(records().map(|record| record.id.as_slice()))?;
    values.column(records().map(|record| record.digest_key.as_str()))?;
    values.column(records().map(|record| record.digest.as_slice()))?;
    values.column(records().map(|record| record.answer.as_slice()))?;
    values.column(records().map(|record| record.expires_at))
}
