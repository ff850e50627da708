//! The statement's texts.

use std::sync::Arc;

use super::super::super::super::texts::Texts;
use super::super::super::clearing::{MAKES_ROOM, OLDEST};
use super::super::Group;

/// What a text holds. A group of one takes its values one by one, and costs half of what arrays cost.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Form {
    One { events: usize, is_proved: bool, is_recorded: bool },
    Many { is_proved: bool, is_recorded: bool },
}

impl Form {
    pub(super) fn of(group: &Group<'_>) -> Self {
        let (is_proved, is_recorded) = (!group.evidence.is_empty(), !group.records.is_empty());
        match group.devices.len() {
            1 => Self::One { events: group.events.len(), is_proved, is_recorded },
            _ => Self::Many { is_proved, is_recorded },
        }
    }

    /// Whether anything was proved.
    pub(super) fn is_proved(self) -> bool {
        let (Self::One { is_proved, .. } | Self::Many { is_proved, .. }) = self;
        is_proved
    }

    /// Whether anything has a request id.
    pub(super) fn is_recorded(self) -> bool {
        let (Self::One { is_recorded, .. } | Self::Many { is_recorded, .. }) = self;
        is_recorded
    }
}

/// A column, and its type.
type Column = (&'static str, &'static str);

/// Each source of rows begins with the number of the commit in its group.
const DEVICE: [Column; 8] = [
    ("n", "bigint"),
    ("id", "text"),
    ("version", "bigint"),
    ("state", "text"),
    ("detail", "text"),
    ("failures", "int"),
    ("failed_at", "bigint"),
    ("used_at", "bigint"),
];
const EVENT: [Column; 7] = [
    ("n", "bigint"),
    ("place", "int"),
    ("at", "bigint"),
    ("what", "text"),
    ("caller", "text"),
    ("details", "text"),
    ("mac", "bytea"),
];
const EVIDENCE: [Column; 12] = [
    ("n", "bigint"),
    ("id", "text"),
    ("verified_at", "bigint"),
    ("expires_at", "bigint"),
    ("scope", "text"),
    ("session", "text"),
    ("client", "text"),
    ("digest", "bytea"),
    ("strength", "text"),
    ("source", "text"),
    ("spent_at", "bigint"),
    ("clears", "bool"),
];
const RECORD: [Column; 8] = [
    ("n", "bigint"),
    ("tenant", "text"),
    ("caller", "text"),
    ("id", "bytea"),
    ("digest_key", "text"),
    ("digest", "bytea"),
    ("answer", "bytea"),
    ("expires_at", "bigint"),
];

/// Numbers parameters as it goes.
struct Sources {
    is_of_arrays: bool,
    next: usize,
}

impl Sources {
    fn parameter(&mut self) -> String {
        self.next += 1;
        format!("${}", self.next)
    }

    /// `(…) AS name (columns)`: so many rows of single values, or rows of arrays. Parameters go column by column.
    fn of(&mut self, name: &str, columns: &[Column], rows: usize) -> String {
        let mut values = vec![Vec::new(); rows];
        for (_, kind) in columns {
            let array = if self.is_of_arrays { "[]" } else { "" };
            values.iter_mut().for_each(|row| row.push(format!("{}::{kind}{array}", self.parameter())));
        }
        let rows: Vec<_> = values.iter().map(|row| format!("({})", row.join(", "))).collect();
        let rows = rows.join(", ");
        let rows = if self.is_of_arrays { format!("unnest{rows}") } else { format!("(VALUES {rows})") };
        let names: Vec<_> = columns.iter().map(|(name, _)| *name).collect();
        format!("{rows} AS {name} ({})", names.join(", "))
    }
}

/// The text of a form.
pub(super) fn text(form: Form) -> Arc<str> {
    static TEXTS: Texts<Form> = Texts::new();
    TEXTS.of(form, |form| {
        let (is_of_arrays, events) = match form {
            Form::One { events, .. } => (false, events),
            Form::Many { .. } => (true, 1),
        };
        let mut sources = Sources { is_of_arrays, next: 0 };
        let devices = sources.of("v", &DEVICE, 1);
        let events = sources.of("e", &EVENT, events);
        let [writer, link, mac_key, previous] = [(); 4].map(|()| sources.parameter());
        let evidence = form.is_proved().then(|| sources.of("p", &EVIDENCE, 1));
        let records = form.is_recorded().then(|| sources.of("a", &RECORD, 1));
        let evidence = evidence.map_or(String::new(), |p| {
            format!(
                "p AS MATERIALIZED (SELECT * FROM {p}), \
                 proved AS (INSERT INTO evidence (tenant, subject, id, method, device, verified_at, \
                 expires_at, scope, session, client, digest, epoch, strength, source, spent_at) \
                 SELECT d.tenant, d.subject, p.id, d.kind, d.id, p.verified_at, p.expires_at, p.scope, \
                 p.session, p.client, p.digest, d.epoch, p.strength, p.source, p.spent_at \
                 FROM p JOIN done d ON d.n = p.n), \
                 n AS MATERIALIZED (SELECT n.*, {OLDEST} AS oldest FROM (SELECT d.tenant, d.subject, p.id, \
                 d.kind AS method, d.id AS device, p.verified_at, p.expires_at, p.scope, p.session, p.client, \
                 p.digest, d.epoch, p.strength, p.source, p.spent_at FROM p JOIN done d ON d.n = p.n \
                 WHERE p.clears) AS n), \
                 cleared AS (DELETE FROM evidence e USING n \
                 WHERE e.tenant = n.tenant AND e.subject = n.subject AND {MAKES_ROOM}), "
            )
        });
        let (records, fit) = match records {
            None => (String::new(), "locked"),
            // In the order of their keys, for the same reason as the devices. Of two with the same key, the
            // first.
            Some(a) => (
                format!(
                    "asked AS MATERIALIZED (SELECT * FROM {a}), \
                     first AS MATERIALIZED (SELECT DISTINCT ON (a.tenant, a.caller, a.id) a.* \
                     FROM asked a JOIN locked l ON l.n = a.n ORDER BY a.tenant, a.caller, a.id, a.n), \
                     recorded AS (INSERT INTO request ({columns}) SELECT {columns} FROM first \
                     ORDER BY tenant, caller, id ON CONFLICT DO NOTHING RETURNING tenant, caller, id), \
                     fit AS (SELECT l.n FROM locked l \
                     WHERE NOT EXISTS (SELECT FROM asked a WHERE a.n = l.n) \
                     OR EXISTS (SELECT FROM first a JOIN recorded r ON r.tenant = a.tenant \
                     AND r.caller = a.caller AND r.id = a.id WHERE a.n = l.n)), ",
                    columns = super::super::RECORD
                ),
                "fit",
            ),
        };
        format!(
            "WITH v AS MATERIALIZED (SELECT * FROM {devices}), \
             locked AS (SELECT v.n FROM device d JOIN v ON d.id = v.id AND d.version = v.version - 1 \
             ORDER BY d.id FOR UPDATE OF d), \
             {records}\
             done AS (UPDATE device d SET version = v.version, state = v.state, detail = v.detail, \
             failures = v.failures, failed_at = v.failed_at, used_at = v.used_at \
             FROM v JOIN {fit} f ON f.n = v.n WHERE d.id = v.id \
             RETURNING v.n, d.tenant, d.subject, d.id, d.kind, d.epoch), \
             {evidence}\
             told AS (INSERT INTO event (writer, link, place, tenant, at, what, subject, device, caller, \
             details, mac_key, previous, mac) \
             SELECT {writer}::text, {link}::bigint, e.place, d.tenant, e.at, \
             e.what, d.subject, d.id, e.caller, e.details, {mac_key}::text, {previous}::bytea, e.mac \
             FROM {events} JOIN done d ON d.n = e.n) \
             SELECT l.n, CASE WHEN d.n IS NULL THEN 1 ELSE 2 END FROM locked l LEFT JOIN done d ON d.n = l.n"
        )
    })
}
