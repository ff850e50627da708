//! How large everything is, looked at again and again: memory and descriptors of the first process, rows of
//! each table, and rows that should have been swept.

use countersign::env::{Clock as _, SystemClock};

use crate::Failed;
use crate::database::sql;
use crate::report::Report;
use crate::sidecar::Fleet;
use crate::vitals;

/// Tables in which a population that does not grow leaves no more rows than it did. `event` grows for ever, and
/// `request` until its rows are ten minutes old.
const STEADY: [&str; 4] = ["device", "evidence", "client", "subject"];
/// Tables with rows that run out.
const EXPIRING: [&str; 4] = ["device", "request", "evidence", "client"];
/// All tables.
const TABLES: [&str; 6] = ["device", "evidence", "client", "subject", "request", "event"];
/// How long after it has run out a row may be there, in seconds: a sweep is every minute, and one may fall
/// into a fault.
const OVERDUE: i64 = 180;
/// How much larger a thing may be at the end than in the second quarter, in percent.
const LEEWAY: f64 = 25.0;

/// What was seen.
pub(super) struct Samples {
    url: String,
    rows: Vec<Sample>,
}

struct Sample {
    resident: f64,
    descriptors: f64,
    tables: Vec<f64>,
    overdue: i64,
}

impl Samples {
    pub(super) fn new(url: String) -> Self {
        Self { url, rows: Vec::new() }
    }

    /// Looks.
    pub(super) async fn take(&mut self, fleet: &Fleet) -> Result<(), Failed> {
        let process = fleet.processes.first().ok_or("no process")?.process()?;
        let (mut tables, mut overdue) = (Vec::new(), 0);
        for table in TABLES {
            tables.push(sql::count(&self.url, table).await? as f64);
        }
        let before = SystemClock.now().micros() - OVERDUE * 1_000_000;
        for table in EXPIRING {
            overdue += sql::count(&self.url, &format!("{table} WHERE expires_at < {before}")).await?;
        }
        let resident = vitals::resident(process)? as f64 / 1024.0;
        let descriptors = vitals::descriptors(process)? as f64;
        self.rows.push(Sample { resident, descriptors, tables, overdue });
        Ok(())
    }

    /// Says how it went, and where something grew if that can be told.
    pub(super) fn tell(&self, is_telling: bool, report: &mut Report) {
        let mut hold = |name: &str, least: f64, of: &dyn Fn(&Sample) -> f64| {
            let [second, last] = [1, 3].map(|quarter| median(self.quarter(quarter).iter().map(of).collect()));
            report.say(format!("{name}: {second:.0} in the second quarter, {last:.0} in the last (medians)"));
            if is_telling && last > second * (1.0 + LEEWAY / 100.0) + least {
                report.violation(format!("{name} grows: {second:.0}, then {last:.0}"));
            }
        };
        hold("resident memory, KiB", 8192.0, &|sample| sample.resident);
        hold("descriptors", 16.0, &|sample| sample.descriptors);
        for (at, table) in TABLES.iter().enumerate() {
            let least = if STEADY.contains(table) { 50.0 } else { f64::INFINITY };
            hold(&format!("rows of {table}"), least, &|sample| sample.tables[at]);
        }
        let overdue = self.rows.iter().map(|sample| sample.overdue).max().unwrap_or_default();
        report.say(format!("{overdue} rows at most were there {OVERDUE} s after they had run out"));
        if overdue > 0 {
            report.violation(format!("{overdue} rows that had run out were not swept"));
        }
    }

    fn quarter(&self, number: usize) -> &[Sample] {
        let at = |quarter: usize| self.rows.len() * quarter / 4;
        &self.rows[at(number)..at(number + 1)]
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
