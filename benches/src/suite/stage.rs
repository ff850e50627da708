//! What a measurement stands on: a database with devices, a server on it, and a load that remembers how far the
//! devices have counted.

use std::path::{Path, PathBuf};

use super::book::{Book, Figure};
use crate::database::{Database, Engine, count};
use crate::load::{Measured, Order, What};
use crate::noise::Ours;
use crate::process::{self, Server};
use crate::{Failed, Options};

/// Calls that share one connection at most: a server takes 200.
const PER_CONNECTION: usize = 128;

/// A database, a server on it, and how far its devices have counted.
pub struct Stage<'a> {
    /// The server: it goes first.
    pub server: Server,
    /// The database.
    pub database: Database,
    dir: &'a Path,
    options: &'a Options,
    counter: u64,
}

impl AsRef<Database> for Stage<'_> {
    fn as_ref(&self) -> &Database {
        &self.database
    }
}

/// A path, as an argument.
pub fn text(path: &Path) -> Result<String, Failed> {
    path.to_str().map(str::to_owned).ok_or_else(|| "a path that is not text".into())
}

/// Makes devices in a database.
pub fn seed(dir: &Path, database: &Database, more: &[String]) -> Result<(), Failed> {
    let mut arguments = vec!["seed".to_owned(), "--dir".to_owned(), text(dir)?];
    arguments.extend(["--database".to_owned(), database.url()]);
    arguments.extend_from_slice(more);
    process::run(&arguments)
}

impl<'a> Stage<'a> {
    /// Makes a database of that name with devices in it, and starts a server on it.
    pub fn set_up(engine: Engine, name: &str, dir: &'a Path, options: &'a Options) -> Result<Self, Failed> {
        Self::set_up_with(engine, name, dir, options, &[])
    }

    /// The same, where the seed is told more.
    pub fn set_up_with(
        engine: Engine,
        name: &str,
        dir: &'a Path,
        options: &'a Options,
        more: &[&str],
    ) -> Result<Self, Failed> {
        let database = Database::start(engine, &dir.join(name))?;
        let mut arguments = vec!["--devices".to_owned(), options.devices.to_string()];
        arguments.extend(more.iter().map(|&word| word.to_owned()));
        seed(dir, &database, &arguments)?;
        Self::on(database, dir, options)
    }

    /// Starts a server on a database that has devices.
    pub fn on(database: Database, dir: &'a Path, options: &'a Options) -> Result<Self, Failed> {
        let server = Server::start(dir, &database.url())?;
        Ok(Self::with(database, server, dir, options))
    }

    /// Of a database and a server on it.
    pub fn with(database: Database, server: Server, dir: &'a Path, options: &'a Options) -> Self {
        Self { database, server, dir, options, counter: 0 }
    }

    /// Whose processor time is whose.
    pub fn ours(&self) -> Ours {
        Ours { server: Some(self.server.id()), database: self.database.id() }
    }

    /// What is done where nothing else is said.
    pub fn order(&self, what: What, in_flight: usize) -> Order {
        Order {
            dir: PathBuf::from(self.dir),
            what,
            in_flight,
            rate: None,
            open: false,
            connections: self.options.connections.max(in_flight.div_ceil(PER_CONNECTION)).min(in_flight),
            seconds: self.options.seconds,
            warm_up: 0.3,
            deadline: None,
            devices: self.options.devices,
            first: 0,
            stride: 1,
            counter: self.counter,
            rounds: None,
            at_most: 50_000.0,
        }
    }

    /// Measures a call, and an empty one of the same server, with each number of calls in flight.
    pub fn measure(
        &mut self,
        book: &mut Book,
        call: (What, &str),
        in_flight: &[usize],
    ) -> Result<(), Failed> {
        for (what, name) in [call, (What::Empty, "empty call")] {
            for in_flight in in_flight {
                let name = format!("{name}, {in_flight} in flight");
                book.measure(&name, self.ours(), || Ok(Figure::from(&self.load(what, *in_flight)?)))?;
            }
        }
        Ok(())
    }

    /// Loads the server. That calls come to something else is a failure of the measurement.
    pub fn load(&mut self, what: What, in_flight: usize) -> Result<Measured, Failed> {
        let order = self.order(what, in_flight);
        self.run(&order)
    }

    /// The same, as ordered.
    pub fn run(&mut self, order: &Order) -> Result<Measured, Failed> {
        let measured: Measured = process::run(&order.arguments())?;
        if matches!(order.what, What::Verify | What::VerifyOnce) {
            self.counter = measured.counter;
        }
        as_it_should_be(&measured)?;
        if measured.ran_out && order.rounds.is_none() {
            eprintln!("  the codes ran out before the time did; the rate is that of the time until then");
        }
        Ok(measured)
    }

    /// Stops the server and the database.
    pub fn stop(mut self) -> Result<(), Failed> {
        self.server.stop()?;
        self.database.stop()
    }
}

/// Refuses figures of calls that came to something else.
pub fn as_it_should_be(measured: &Measured) -> Result<(), Failed> {
    if measured.other.is_empty() {
        return Ok(());
    }
    Err(format!("calls that were not answered as they should be: {:?}", measured.other).into())
}

/// Counts the statements that an accepted Verify takes, once every device is in the server's memory.
pub fn count_statements(
    stage: &mut Stage<'_>,
    book: &mut Book<'_>,
    in_flight: &[usize],
) -> Result<(), Failed> {
    let once = Order { seconds: 60.0, rounds: Some(1), ..stage.order(What::Verify, 32) };
    stage.run(&once)?;
    for &in_flight in in_flight {
        let order = Order { seconds: 1.0, ..stage.order(What::Verify, in_flight) };
        let (measured, statements) = count::during(stage, |stage| stage.run(&order))?;
        let each = statements.all / measured.calls as f64;
        book.note(&format!("statements per verify, {in_flight} in flight"), each, "");
    }
    Ok(())
}
