//! PostgreSQL, through pgbench: one prepared statement for each code, on tables like the product's.
//!
//! They are copies of the product's own, of as many rows, so that indexes, fill factors and collations are the
//! same; only the ids are ones that pgbench can make from a number.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::Limit;
use crate::Failed;
use crate::database::{Database, postgres_program, run};

/// A script of pgbench, and where it is run.
pub struct Bench<'a> {
    database: &'a Database,
    dir: &'a Path,
    script: String,
}

impl<'a> Bench<'a> {
    /// Makes the tables for what [`Self::verify`] writes.
    pub fn prepare(database: &Database, devices: usize) -> Result<(), Failed> {
        database.ask(&format!(
            "CREATE SCHEMA raw; \
             CREATE TABLE raw.device (LIKE public.device INCLUDING ALL) WITH (fillfactor = 80); \
             CREATE TABLE raw.event (LIKE public.event INCLUDING ALL); \
             CREATE TABLE raw.evidence (LIKE public.evidence INCLUDING ALL); \
             INSERT INTO raw.device SELECT left(md5(n::text), 26), d.tenant, 'subject-' || lpad(n::text, 8, '0'), \
             d.kind, d.name, d.state, d.preferred, d.detail, d.secret, d.version, d.epoch, d.failures, \
             d.failed_at, d.created_at, d.confirmed_at, d.used_at, d.expires_at \
             FROM generate_series(0, {devices} - 1) n, (SELECT * FROM public.device LIMIT 1) d"
        ))?;
        database.ask("VACUUM ANALYZE raw.device").map(drop)
    }

    /// What an accepted Verify writes, in one statement. The product must have verified something: what is written
    /// is what it wrote.
    pub fn verify(database: &'a Database, dir: &'a Path, devices: usize) -> Result<Self, Failed> {
        let one = |column: &str, table: &str| -> Result<String, Failed> {
            let said = database.ask(&format!("SELECT {column} FROM public.{table} LIMIT 1"))?;
            // A colon before a word would be one of pgbench's variables.
            Ok(said.trim().replace(':', ": "))
        };
        let (detail, strength) = (one("detail", "device")?, one("strength", "evidence")?);
        let details = one("details", "event WHERE what = 'proof.accepted'")?;
        let (last, hash) = (devices - 1, "07".repeat(32));
        let script = format!(
            "\\set n random(0, {last})\n\
             \\set link :link + 1\n\
             WITH done AS (UPDATE raw.device SET version = version + 1, state = 'active', \
             detail = '{detail}', failures = 0, failed_at = NULL, used_at = 1700000000000000 + :link \
             WHERE id = left(md5((:n)::int::text), 26) AND version >= 0 \
             RETURNING tenant, subject, id, kind, epoch), \
             proved AS (INSERT INTO raw.evidence (tenant, subject, id, method, device, verified_at, \
             expires_at, scope, session, client, digest, epoch, strength, source) \
             SELECT tenant, subject, \
             left(md5((:run)::int::text || 'c' || (:client_id)::int::text || 'l' || (:link)::int::text), 26), \
             kind, id, 1700000000000000, 1700043200000000, 'session', \
             'session-of-' || subject || '-0123456789abcdef', '', '', epoch, '{strength}', '' FROM done) \
             INSERT INTO raw.event (writer, link, place, tenant, at, what, subject, device, caller, details, \
             mac_key, previous, mac) \
             SELECT lpad((:run)::int::text || 'w' || (:client_id)::int::text, 26, 'w'), (:link)::int, 0, \
             tenant, 1700000000000000, 'proof.accepted', subject, id, 'bench', '{details}', 'kabcdefgh', \
             '\\x{hash}'::bytea, '\\x{hash}'::bytea FROM done;\n"
        );
        Ok(Self { database, dir, script })
    }

    /// What an Evaluate reads: the statement itself, as the server saw it, with its values in it.
    pub fn evaluate(database: &'a Database, dir: &'a Path, devices: usize, statement: &str) -> Self {
        let subject = "'subject-' || lpad((:n)::int::text, 8, '0')";
        let session = "'session-of-subject-' || lpad((:n)::int::text, 8, '0') || '-0123456789abcdef'";
        // Whose the subject, its devices, its evidence and its client are; between them what evidence is wanted.
        let whose = ["'default'", subject];
        let here = ["1700000000000000", session, "NULL::text", "NULL::bytea"];
        let values = [&whose[..], &whose, &whose, &here, &whose, &["NULL::text"]].concat();
        let mut text = statement.to_owned();
        // From behind, so that $1 is not found in $13.
        for (place, value) in values.iter().enumerate().rev() {
            text = text.replace(&format!("${}", place + 1), value);
        }
        Self { database, dir, script: format!("\\set n random(0, {})\n{text};\n", devices - 1) }
    }

    /// Runs it. `run_number` makes the keys of its rows others than those of every run before.
    pub fn run(&self, clients: usize, seconds: f64, run_number: usize) -> Result<Limit, Failed> {
        let (file, log) = (self.dir.join("pgbench.sql"), self.dir.join("pgbench-log"));
        std::fs::write(&file, &self.script)?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(clients);
        let mut command = Command::new(postgres_program("pgbench"));
        command.args(["-h", "127.0.0.1", "-p", &self.database.port().to_string(), "-U", "test"]);
        command.args(["-n", "-M", "prepared", "-c", &clients.to_string(), "-j", &threads.to_string()]);
        command.args(["-T", &format!("{:.0}", seconds.ceil()), "-D", "link=0"]);
        command.args(["-D", &format!("run={clients}{run_number:03}"), "-l", "--log-prefix"]).arg(&log);
        command.arg("-f").arg(&file).arg("postgres");
        let said = run(command)?;
        let value = |name: &str| said.lines().find_map(|line| line.strip_prefix(name)?.split(' ').next());
        if value("number of failed transactions: ").is_some_and(|failed| failed != "0") {
            return Err(format!("pgbench failed: {said}").into());
        }
        let rate = value("tps = ").ok_or_else(|| format!("pgbench gave no rate: {said}"))?.parse()?;
        Ok(Limit::of_rate(rate, self.latencies()?))
    }

    /// What each transaction took, as pgbench logged it; the logs go.
    fn latencies(&self) -> Result<Vec<Duration>, Failed> {
        let mut took = Vec::new();
        for entry in std::fs::read_dir(self.dir)? {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(|name| name.starts_with("pgbench-log.")) {
                let log = std::fs::read_to_string(entry.path())?;
                let micros = log.lines().filter_map(|line| line.split(' ').nth(2)?.parse().ok());
                took.extend(micros.map(Duration::from_micros));
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(took)
    }
}
