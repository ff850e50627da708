//! How a subject stands: what is kept of it, its devices, its evidence and one of its clients, in one statement. So
//! all of it is of the same moment.

mod row;

use sea_orm::{ConnectionTrait as _, DbBackend, Statement, Value};

use self::row::Row;
use super::texts::Texts;
use super::{Store, dialect};
use crate::domain::client::Client;
use crate::domain::context::Context;
use crate::domain::device::{Device, SubjectState};
use crate::domain::evidence::Evidence;
use crate::domain::ids::{Subject, Tenant};
use crate::domain::moment::Moment;
use crate::error::Fault;

/// How a subject stands.
#[derive(Debug, Clone)]
pub struct Standing {
    /// What is kept of the subject itself.
    pub state: SubjectState,
    /// All its devices, expired enrollments included.
    pub devices: Vec<Device>,
    /// What was asked for of its evidence.
    pub evidence: Vec<Evidence>,
    /// What was asked for of its clients.
    pub clients: Vec<Client>,
}

/// What is wanted beside the subject and its devices.
#[derive(Debug, Clone, Copy)]
pub enum Wanted<'a> {
    /// No more.
    Devices,
    /// The evidence that may count in a context at a moment, and the context's client.
    Here(&'a Context, Moment),
    /// All clients.
    Clients,
    /// All evidence that has not expired at a moment, and all clients.
    All(Moment),
}

impl Store {
    /// How a subject stands. Whoever adds a device moves the subject on, so a commit over this reading cannot
    /// miss one.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn standing(
        &self,
        tenant: &Tenant,
        subject: &Subject,
        wanted: Wanted<'_>,
    ) -> Result<Standing, Fault> {
        let backend = self.reader.backend();
        let statement = Statement::from_sql_and_values(
            backend,
            &*text(backend, Breadth::of(wanted)),
            values(tenant, subject, wanted),
        );
        let fault = |e| dialect::fault("reading a subject", e);
        let rows = self.reader.query_all_raw(statement).await.map_err(fault)?;
        let mut standing = Standing {
            state: SubjectState::unseen(),
            devices: Vec::new(),
            evidence: Vec::new(),
            clients: Vec::new(),
        };
        for row in rows {
            let row = Row { row, tenant, subject };
            match row.get::<i64>(0).map_err(fault)? {
                SUBJECT => standing.state = row.subject().map_err(fault)?.state()?,
                DEVICE => standing.devices.push(row.device().map_err(fault)?.device()?),
                EVIDENCE => standing.evidence.push(row.evidence().map_err(fault)?.evidence()?),
                _ => standing.clients.push(row.client().map_err(fault)?.client()?),
            }
        }
        for device in &standing.devices {
            self.memory.cache.read(device);
        }
        Ok(standing)
    }
}

/// What a row is, by its first column.
const SUBJECT: i64 = 0;
const DEVICE: i64 = 1;
const EVIDENCE: i64 = 2;
const CLIENT: i64 = 3;

/// Columns of texts, of numbers and of bytes that a row has after the first: as many as the widest needs.
const TEXTS: usize = 8;
const NUMBERS: usize = 9;
const BYTES: usize = 1;

/// A part of the statement: what it is, and which columns it fills.
struct Part {
    what: i64,
    table: &'static str,
    texts: &'static [&'static str],
    numbers: &'static [&'static str],
    bytes: &'static [&'static str],
}

const PARTS: [Part; 4] = [
    Part {
        what: SUBJECT,
        table: "subject",
        texts: &["opened_session", "forgiven"],
        numbers: &[
            "version",
            "failures",
            "failed_at",
            "epoch",
            "enrolled_at",
            "graced_at",
            "opened_at",
            "signed_out_at",
        ],
        bytes: &[],
    },
    Part {
        what: DEVICE,
        table: "device",
        texts: &["id", "kind", "name", "state", "detail"],
        numbers: &[
            "preferred",
            "version",
            "epoch",
            "failures",
            "failed_at",
            "created_at",
            "confirmed_at",
            "used_at",
            "expires_at",
        ],
        bytes: &["secret"],
    },
    Part {
        what: EVIDENCE,
        table: "evidence",
        texts: &["id", "method", "device", "scope", "session", "client", "strength", "source"],
        numbers: &["verified_at", "expires_at", "epoch", "revoked_at", "spent_at"],
        bytes: &["digest"],
    },
    Part {
        what: CLIENT,
        table: "client",
        texts: &["id", "name"],
        numbers: &["created_at", "seen_at", "expires_at"],
        bytes: &["token_hash"],
    },
];

/// How much is read.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Breadth {
    Devices,
    Here,
    Clients,
    All,
}

impl Breadth {
    fn of(wanted: Wanted<'_>) -> Self {
        match wanted {
            Wanted::Devices => Self::Devices,
            Wanted::Here(..) => Self::Here,
            Wanted::Clients => Self::Clients,
            Wanted::All(_) => Self::All,
        }
    }
}

fn text(backend: DbBackend, breadth: Breadth) -> std::sync::Arc<str> {
    static TEXTS: Texts<(bool, Breadth)> = Texts::new();
    let is_postgres = backend == DbBackend::Postgres;
    TEXTS.of((is_postgres, breadth), |(is_postgres, breadth)| {
        let mut next = 0;
        let mut parameter = || {
            next += 1;
            if is_postgres { format!("${next}") } else { "?".to_owned() }
        };
        let is_wanted = |part: &&Part| match breadth {
            Breadth::Devices => matches!(part.what, SUBJECT | DEVICE),
            Breadth::Clients => part.what != EVIDENCE,
            Breadth::Here | Breadth::All => true,
        };
        let each = PARTS.iter().filter(is_wanted).map(|part| {
            let columns = columns(part, is_postgres);
            let (tenant, subject) = (parameter(), parameter());
            let mut sql = format!(
                "SELECT {columns} FROM {} WHERE tenant = {tenant} AND subject = {subject}",
                part.table
            );
            match (part.what, breadth) {
                (EVIDENCE, Breadth::All) => sql += &format!(" AND expires_at > {}", parameter()),
                (EVIDENCE, _) => {
                    let [now, session, client, digest] = [(); 4].map(|()| parameter());
                    sql += &format!(
                        " AND expires_at > {now} AND (scope = 'session' AND session = {session} \
                         OR scope = 'client' AND client = {client} \
                         OR scope = 'transaction' AND digest = {digest})"
                    );
                }
                (CLIENT, Breadth::Here) => sql += &format!(" AND id = {}", parameter()),
                _ => {}
            }
            sql
        });
        each.collect::<Vec<_>>().join(" UNION ALL ")
    })
}

/// A part's columns, each in its place, and nothing in the others.
fn columns(part: &Part, is_postgres: bool) -> String {
    let mut columns =
        vec![if is_postgres { format!("{}::bigint", part.what) } else { part.what.to_string() }];
    let kinds =
        [(part.texts, TEXTS, "text"), (part.numbers, NUMBERS, "bigint"), (part.bytes, BYTES, "bytea")];
    for (names, width, kind) in kinds {
        for place in 0..width {
            columns.push(match names.get(place) {
                // A truth is a number in the others.
                Some(&"preferred") if is_postgres => "preferred::int::bigint".to_owned(),
                Some(name) if is_postgres => format!("{name}::{kind}"),
                Some(name) => (*name).to_owned(),
                None if is_postgres => format!("NULL::{kind}"),
                None => "NULL".to_owned(),
            });
        }
    }
    columns.join(", ")
}

fn values(tenant: &Tenant, subject: &Subject, wanted: Wanted<'_>) -> Vec<Value> {
    let mut values: Vec<Value> = Vec::with_capacity(13);
    let whose = |values: &mut Vec<Value>| values.extend([tenant.as_str().into(), subject.as_str().into()]);
    whose(&mut values);
    whose(&mut values);
    match wanted {
        Wanted::Devices => {}
        Wanted::Clients => whose(&mut values),
        Wanted::Here(context, now) => {
            let client = context.client.as_ref().map(|token| token.id.as_str());
            whose(&mut values);
            values.push(now.micros().into());
            // What is absent is NULL, which equals nothing.
            values.push(context.session.as_ref().map(|session| session.as_str()).into());
            values.push(client.into());
            values.push(context.transaction.map(|digest| digest.0.to_vec()).into());
            whose(&mut values);
            values.push(client.into());
        }
        Wanted::All(now) => {
            whose(&mut values);
            values.push(now.micros().into());
            whose(&mut values);
        }
    }
    values
}

impl Standing {
    /// The client that a context's token is of, if it is known and its time is not over.
    #[must_use]
    pub fn recognised(&self, context: &Context, now: Moment) -> Option<&Client> {
        let token = context.client.as_ref()?;
        self.clients.iter().find(|client| client.is_recognised_by(token, now))
    }
}
