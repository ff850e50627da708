//! Collects what is measured.

use std::path::Path;

use crate::load::Measured;
use crate::noise::{self, Ours, Sample};
use crate::raw::Limit;
use crate::report::{Report, Series, median};
use crate::{Failed, Options, machine};

/// What one run of one case came to.
pub struct Figure {
    /// The figure itself.
    pub value: f64,
    /// In what unit.
    pub unit: &'static str,
    /// The latencies that half and 99 of 100 kept, in milliseconds.
    pub latency: Option<[f64; 2]>,
    /// How many operations it comes from, warm-up included.
    pub operations: Option<usize>,
}

impl Figure {
    /// A number.
    pub fn of(value: f64, unit: &'static str) -> Self {
        Self { value, unit, latency: None, operations: None }
    }
}

impl From<&Measured> for Figure {
    fn from(measured: &Measured) -> Self {
        let latency = Some([measured.p50, measured.p99]);
        Self { value: measured.rate, unit: "/s", latency, operations: Some(measured.calls) }
    }
}

impl From<&Limit> for Figure {
    fn from(limit: &Limit) -> Self {
        let latency = Some([limit.p50, limit.p99]);
        Self { value: limit.rate, unit: "/s", latency, operations: Some(limit.operations) }
    }
}

/// Collects what is measured.
pub struct Book<'a> {
    dir: &'a Path,
    options: &'a Options,
    /// By case.
    pub series: Vec<Series>,
    /// The fixed jobs before each measurement.
    noise: Vec<Sample>,
}

impl<'a> Book<'a> {
    /// An empty one, of measurements that have their files in a directory.
    pub fn new(dir: &'a Path, options: &'a Options) -> Self {
        Self { dir, options, series: Vec::new(), noise: Vec::new() }
    }

    /// Measures a case and notes what it came to, and how the machine was meanwhile.
    pub fn measure(
        &mut self,
        name: &str,
        ours: Ours,
        case: impl FnOnce() -> Result<Figure, Failed>,
    ) -> Result<(), Failed> {
        self.noise.push(noise::sample(self.dir)?);
        let before = noise::usage(ours)?;
        let figure = case()?;
        let after = noise::usage(ours)?;
        let others = after.others_since(before);
        eprintln!("  {name}: {:.2}{}, others {:.0} %", figure.value, figure.unit, others * 100.0);
        let series = self.series(name, figure.unit);
        series.runs.push(figure.value);
        series.others.push(others);
        if let Some([p50, p99]) = figure.latency {
            series.p50_ms.push(p50);
            series.p99_ms.push(p99);
        }
        if let Some(operations) = figure.operations {
            series.load_us.push(after.load_since(before) / operations as f64);
            if ours.server.is_some() {
                series.server_us.push(after.server_since(before) / operations as f64);
            }
            if ours.database.is_some() {
                series.database_us.push(after.database_since(before) / operations as f64);
            }
        }
        series.median = median(&series.runs);
        Ok(())
    }

    /// Notes a figure that was counted and not timed.
    pub fn note(&mut self, name: &str, value: f64, unit: &'static str) {
        eprintln!("  {name}: {value:.3}{unit}");
        let series = self.series(name, unit);
        series.runs.push(value);
        series.median = median(&series.runs);
    }

    fn series(&mut self, name: &str, unit: &'static str) -> &mut Series {
        let place = self.series.iter().position(|series| series.name == name).unwrap_or_else(|| {
            self.series.push(Series::new(name, unit));
            self.series.len() - 1
        });
        &mut self.series[place]
    }

    /// All of it as a report, so far without ratios.
    pub fn report(self, title: String, notes: &[&str]) -> Report {
        let mut report = Report {
            title,
            machine: machine::describe(),
            seconds: self.options.seconds,
            series: self.series,
            ratios: Vec::new(),
            noise: self.noise,
            doubts: Vec::new(),
            notes: notes.iter().map(|note| (*note).to_owned()).collect(),
        };
        report.doubt();
        report
    }
}
