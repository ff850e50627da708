//! A server is told to end while all sorts of connections are open on which no request is under way.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use super::FILES;
use super::connection::{Connection, Target};
use super::server::Server;
use super::{streams, wire};
use crate::Failed;
use crate::report::Report;

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// The same where the machine has other things to do; the grace is 20 s.
const MORE_PATIENCE: Duration = Duration::from_secs(5);
/// Connections that send nothing.
const SILENT: usize = 20;
/// Streams of each sort.
const STREAMS: usize = 50;

pub(super) async fn run(binary: &Path, are_times_held: bool) -> Result<Report, Failed> {
    let mut report = Report::of("stop: with streams and connections open");
    let mut server = Server::start(binary, FILES).await?;
    let target = server.target();
    let mut silent = Vec::new();
    for _ in 0..SILENT {
        silent.push(target.connect().await?);
    }
    // None of them reads any more, nor answers a PING.
    let watch = streaming(&target, &wire::headers(streams::WATCH, None, &[]), true).await?;
    let reflect = wire::headers(streams::REFLECT, Some(&target.reader), &[]);
    let reflect = streaming(&target, &reflect, false).await?;
    let idle = Connection::open(&target, &[]).await?;
    let begun = Instant::now();
    server.end().await?;
    let took = begun.elapsed();
    drop((silent, watch, reflect, idle));
    report.say(format!("ended after {took:.1?}"));
    if took > if are_times_held { PATIENCE } else { MORE_PATIENCE } {
        report.violation(format!("stop: it took {took:.1?}, and no request was under way"));
    }
    let log = server.log();
    for line in log.lines().filter(|line| line.contains("cut off")) {
        report.violation(format!("stop: requests are blamed: {line}"));
    }
    Ok(report)
}

/// A connection with streams that are open for as long as it is.
async fn streaming(target: &Target, head: &[u8], is_whole: bool) -> io::Result<Connection> {
    let mut connection = Connection::open(target, &[]).await?;
    for _ in 0..STREAMS {
        let stream = connection.request(head, false).await?;
        if is_whole {
            connection.data(stream, &wire::message(&[]), true).await?;
        }
    }
    // Another call is answered: by now the server has seen the streams before it.
    let check = wire::headers(streams::CHECK, None, &[]);
    let stream = connection.call(&check, &wire::message(&[])).await?;
    connection.finish(stream).await?;
    Ok(connection)
}
