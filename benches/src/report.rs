//! What was measured, as a table for people and as JSON.

use std::fmt::{self, Display, Formatter, Write as _};

use serde::Serialize;

use crate::noise::Sample;

/// Above that, the fixed jobs' times differ too much to believe ratios.
const SPREAD: f64 = 1.25;
/// Above that, others used too much of the machine.
const OTHERS: f64 = 0.06;

/// One figure, run after run.
#[derive(Debug, Clone, Serialize)]
pub struct Series {
    /// What it is.
    pub name: String,
    /// In what unit.
    pub unit: &'static str,
    /// Its median.
    pub median: f64,
    /// Each run.
    pub runs: Vec<f64>,
    /// Median latency of each run, in milliseconds, where there is one.
    pub p50_ms: Vec<f64>,
    /// The latency that 99 of 100 kept, in milliseconds, where there is one.
    pub p99_ms: Vec<f64>,
    /// Processor time of the server for each operation, in microseconds, where there is one.
    pub server_us: Vec<f64>,
    /// Processor time of its database for each operation, where it is in another process.
    pub database_us: Vec<f64>,
    /// Processor time of the load generator, or of what writes raw, for each operation.
    pub load_us: Vec<f64>,
    /// The share of the machine that others used in each run.
    pub others: Vec<f64>,
}

impl Series {
    /// Nothing yet.
    pub fn new(name: &str, unit: &'static str) -> Self {
        Self {
            name: name.to_owned(),
            unit,
            median: 0.0,
            runs: Vec::new(),
            p50_ms: Vec::new(),
            p99_ms: Vec::new(),
            server_us: Vec::new(),
            database_us: Vec::new(),
            load_us: Vec::new(),
            others: Vec::new(),
        }
    }
}

/// One figure over another.
#[derive(Debug, Clone, Serialize)]
pub struct Ratio {
    /// What over what.
    pub name: String,
    /// The median of the runs' own ratios.
    pub value: f64,
    /// The least and the greatest of them.
    pub range: [f64; 2],
    /// What it should be, in words.
    pub target: String,
    /// Whether it is.
    pub met: Option<bool>,
}

/// A whole report.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What was measured, and on which database.
    pub title: String,
    /// The machine and the versions.
    pub machine: Vec<(&'static str, String)>,
    /// Seconds of each measurement.
    pub seconds: f64,
    /// Everything that was measured.
    pub series: Vec<Series>,
    /// What it comes to.
    pub ratios: Vec<Ratio>,
    /// The fixed jobs before each measurement.
    pub noise: Vec<Sample>,
    /// What makes the figures doubtful.
    pub doubts: Vec<String>,
    /// What else one has to know to read them.
    pub notes: Vec<String>,
}

/// What a figure should be.
#[derive(Debug, Clone, Copy)]
pub enum Target {
    /// No less.
    AtLeast(f64),
    /// No more.
    AtMost(f64),
}

impl Target {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
        }
    }
}

impl Display for Target {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, "at least {least}"),
            Self::AtMost(most) => write!(f, "at most {most}"),
        }
    }
}

/// The median.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

impl Report {
    /// The figure of that name.
    pub fn series(&self, name: &str) -> Option<&Series> {
        self.series.iter().find(|series| series.name == name)
    }

    /// Adds a ratio, each run against the same run.
    pub fn ratio(&mut self, over: &str, under: &str, target: Option<Target>) {
        self.compare(over, under, |series| &series.runs, "", target);
    }

    /// The same of the median latencies.
    pub fn latency_ratio(&mut self, over: &str, under: &str, target: Option<Target>) {
        self.compare(over, under, |series| &series.p50_ms, "median latency: ", target);
    }

    /// The same of the latencies that 99 of 100 kept.
    pub fn p99_ratio(&mut self, over: &str, under: &str, target: Option<Target>) {
        self.compare(over, under, |series| &series.p99_ms, "p99: ", target);
    }

    fn compare(
        &mut self,
        over: &str,
        under: &str,
        of: fn(&Series) -> &Vec<f64>,
        about: &str,
        target: Option<Target>,
    ) {
        let (Some(a), Some(b)) = (self.series(over), self.series(under)) else { return };
        let each: Vec<f64> = of(a).iter().zip(of(b)).map(|(a, b)| a / b).collect();
        self.add(format!("{about}{over} / {under}"), &each, target);
    }

    /// A figure that has a target of its own.
    pub fn figure(&mut self, name: &str, target: Option<Target>) {
        let Some(series) = self.series(name) else { return };
        let runs = series.runs.clone();
        self.add(name.to_owned(), &runs, target);
    }

    fn add(&mut self, name: String, each: &[f64], target: Option<Target>) {
        let value = median(each);
        let range = [each.iter().copied().fold(f64::MAX, f64::min), each.iter().copied().fold(0.0, f64::max)];
        let met = target.map(|target| target.is_met(value));
        let target = target.map_or_else(String::new, |target| target.to_string());
        self.ratios.push(Ratio { name, value, range, target, met });
    }

    /// Says what makes the figures doubtful.
    pub fn doubt(&mut self) {
        let spread = |of: fn(&Sample) -> f64| {
            let values: Vec<f64> = self.noise.iter().map(of).collect();
            let middle = median(&values);
            let off = values.iter().filter(|v| **v > middle * SPREAD || **v * SPREAD < middle).count();
            (middle, off, values.len())
        };
        let mut doubts = Vec::new();
        for (what, (middle, off, all)) in
            [("processor", spread(|s| s.cpu_ms)), ("disk", spread(|s| s.sync_ms))]
        {
            if off * 10 > all {
                doubts.push(format!(
                    "the {what}'s fixed job took {middle:.2} ms, and in {off} of {all} runs more than a quarter more or less"
                ));
            }
        }
        let others: Vec<f64> = self.series.iter().flat_map(|s| s.others.iter().copied()).collect();
        let dirty = others.iter().filter(|share| **share > OTHERS).count();
        if dirty * 10 > others.len() {
            let worst = others.iter().copied().fold(0.0, f64::max);
            doubts.push(format!(
                "others used more than {:.0} % of the machine in {dirty} of {} runs, at worst {:.0} %",
                OTHERS * 100.0,
                others.len(),
                worst * 100.0
            ));
        }
        self.doubts = doubts;
    }

    /// As a table.
    pub fn table(&self) -> String {
        let mut out = format!("\n{}, {} s a run, median of {}\n\n", self.title, self.seconds, self.runs());
        for (name, value) in &self.machine {
            let _ = writeln!(out, "  {name:<12} {value}");
        }
        let _ = writeln!(
            out,
            "\n| measure | median | of runs | p50 ms | p99 ms | server µs | database µs | load µs | others |"
        );
        let _ = writeln!(out, "|---|---|---|---|---|---|---|---|---|");
        for series in &self.series {
            let ms = |values: &[f64]| match values {
                [] => String::new(),
                values => format!("{:.2}", median(values)),
            };
            let least = series.runs.iter().copied().fold(f64::MAX, f64::min);
            let greatest = series.runs.iter().copied().fold(0.0, f64::max);
            let others = series.others.iter().copied().fold(0.0, f64::max) * 100.0;
            let _ = writeln!(
                out,
                "| {} | {}{} | {} to {} | {} | {} | {} | {} | {} | {others:.0} % |",
                series.name,
                figure(series.median),
                series.unit,
                figure(least),
                figure(greatest),
                ms(&series.p50_ms),
                ms(&series.p99_ms),
                ms(&series.server_us),
                ms(&series.database_us),
                ms(&series.load_us),
            );
        }
        let _ = writeln!(out, "\n| ratio or figure | median | of runs | target | |\n|---|---|---|---|---|");
        for ratio in &self.ratios {
            let met = ratio.met.map_or("", |met| if met { "met" } else { "NOT MET" });
            let [least, greatest] = ratio.range;
            let Ratio { name, value, target, .. } = ratio;
            let _ = writeln!(out, "| {name} | {value:.2} | {least:.2} to {greatest:.2} | {target} | {met} |");
        }
        for note in &self.notes {
            let _ = writeln!(out, "\n{note}");
        }
        if self.doubts.is_empty() {
            let _ = writeln!(out, "\nThe machine was quiet enough.");
        }
        for doubt in &self.doubts {
            let _ = writeln!(out, "\nTOO NOISY TO BELIEVE: {doubt}.");
        }
        out
    }

    fn runs(&self) -> usize {
        self.series.iter().map(|series| series.runs.len()).max().unwrap_or(0)
    }
}

/// A number with as many digits as mean something.
fn figure(value: f64) -> String {
    if value >= 1000.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}
