//! What is measured, in turn: every case once, then every case again.

pub mod sqlite;

use std::path::Path;

use crate::load::{Measured, What};
use crate::noise::{self, Sample};
use crate::process::{self, Server};
use crate::report::{Series, median};
use crate::{Failed, Options};

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

/// Collects what is measured.
#[derive(Default)]
pub struct Book {
    /// By case.
    pub series: Vec<Series>,
    /// The fixed jobs before each measurement.
    pub noise: Vec<Sample>,
}

impl Book {
    /// Measures a case and notes what it came to, and how the machine was meanwhile.
    pub fn measure(
        &mut self,
        name: &str,
        dir: &Path,
        server: Option<&Server>,
        case: impl FnOnce() -> Result<Figure, Failed>,
    ) -> Result<(), Failed> {
        let servers: Vec<u32> = server.map(Server::id).into_iter().collect();
        self.noise.push(noise::sample(dir)?);
        let before = noise::usage(&servers)?;
        let figure = case()?;
        let after = noise::usage(&servers)?;
        let others = after.others_since(before);
        eprintln!("  {name}: {:.2}{}, others {:.0} %", figure.value, figure.unit, others * 100.0);
        let place = self.series.iter().position(|series| series.name == name).unwrap_or_else(|| {
            self.series.push(Series {
                name: name.to_owned(),
                unit: figure.unit,
                median: 0.0,
                runs: Vec::new(),
                p50_ms: Vec::new(),
                p99_ms: Vec::new(),
                server_us: Vec::new(),
                load_us: Vec::new(),
                others: Vec::new(),
            });
            self.series.len() - 1
        });
        let series = &mut self.series[place];
        series.runs.push(figure.value);
        series.others.push(others);
        if let Some([p50, p99]) = figure.latency {
            series.p50_ms.push(p50);
            series.p99_ms.push(p99);
        }
        if let Some(operations) = figure.operations {
            series.load_us.push(after.load_since(before) / operations as f64);
            if server.is_some() {
                series.server_us.push(after.servers_since(before) / operations as f64);
            }
        }
        series.median = median(&series.runs);
        Ok(())
    }
}

/// The load on one server, which remembers how far its devices have counted.
pub struct Load<'a> {
    dir: &'a Path,
    options: &'a Options,
    counter: u64,
}

impl<'a> Load<'a> {
    /// On devices that have counted nothing yet.
    pub fn new(dir: &'a Path, options: &'a Options) -> Self {
        Self { dir, options, counter: 0 }
    }

    /// Loads the server.
    pub fn run(&mut self, what: What, in_flight: usize) -> Result<Figure, Failed> {
        let what_name = if what == What::Verify { "verify" } else { "empty" };
        let measured: Measured = process::run(&[
            "load",
            "--dir",
            self.dir.to_str().ok_or("a path that is not text")?,
            "--what",
            what_name,
            "--in-flight",
            &in_flight.to_string(),
            "--connections",
            &self.options.connections.to_string(),
            "--seconds",
            &self.options.seconds.to_string(),
            "--devices",
            &self.options.devices.to_string(),
            "--counter",
            &self.counter.to_string(),
        ])?;
        if what == What::Verify {
            self.counter = measured.counter;
        }
        if !measured.other.is_empty() {
            return Err(
                format!("calls that were not answered as they should be: {:?}", measured.other).into()
            );
        }
        if measured.ran_out {
            eprintln!("  the codes ran out before the time did; the rate is that of the time until then");
        }
        let latency = Some([measured.p50, measured.p99]);
        Ok(Figure { value: measured.rate, unit: "/s", latency, operations: Some(measured.calls) })
    }
}
